#!/usr/bin/env python3
"""`kelip eval zero-shot` against numpy and scikit-learn on the features that `kelip embed` writes, on 1, 2 and 3 ranks.

    python zero_shot_numpy.py --worker W --kelip K --data DIR --tokenizer T --work DIR [--checkpoint DIR]

Pictures lie in folders, in a table, in CIFAR-10 and CIFAR-100 files made here, and in the shards of DIR/validation;
some are broken, some equal, and some classes have equal names. A class is the mean of the unit features of its texts,
the greater score comes first, of equal ones the class that stands first. Predictions (as the confusion matrix) must be
equal but for pictures whose scores leave it open by 1e-6, and top-1, top-5, the mean over the classes and each class's
accuracy within 1e-6 of scikit-learn's. Without --checkpoint a small model is trained for 20 steps.
Needs numpy, scikit-learn, Pillow, safetensors, mpirun and the program.
"""
import io
import json
import os
import random
import shlex
import subprocess
import tarfile
import warnings

import numpy
import sklearn.metrics
from PIL import Image, ImageDraw
from safetensors.numpy import load_file

import harness

CLOSE = 1e-6
RANKS = (1, 2, 3)
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}

# Lines of a prompt file; particles as Korean writes them behind the names below.
PROMPTS = {"en": ["a photo of a {}.", "an icon of the {}, {} alone", "a {}"],
           "ko": ["{} 사진", "{}이/가 있는 사진", "{}(으)로 만든 그림"]}
PARTICLES = {"동그라미": ("가", "로"), "네모": ("가", "로"), "상자": ("가", "로"), "세모꼴": ("이", "로"),
             "십자": ("가", "로"), "별": ("이", "로"), "줄": ("이", "로"), "벽돌집": ("이", "으로")}
# Squares and boxes are called the same in both languages; nothing is a star.
CLASSES = {"box": {"en": ["square"], "ko": ["네모"]},
           "circle": {"en": ["circle", "round thing"], "ko": ["동그라미"]},
           "cross": {"en": ["cross"], "ko": ["십자"]},
           "star": {"en": ["star"], "ko": ["별"]},
           "square": {"en": ["square"], "ko": ["네모"]},
           "stripes": {"en": ["stripes", "line", "stripes"], "ko": ["줄", "벽돌집"]},
           "triangle": {"en": ["triangle"], "ko": ["세모꼴", "상자"]}}
DRAWN = ["circle", "cross", "square", "stripes", "triangle"]
COLOURS = ["red", "green", "blue", "orange", "black"]


# --- Pictures ---------------------------------------------------------------------------------------------

def picture(shape, draw, side=None):
    """A shape in some colour on a light ground, of its own size and place."""
    width, height = (side, side) if side else (draw.randint(40, 120), draw.randint(40, 120))
    image = Image.new("RGB", (width, height), tuple(draw.randint(200, 255) for _ in range(3)))
    pen, colour = ImageDraw.Draw(image), draw.choice(COLOURS)
    left, top = draw.randint(0, width // 3), draw.randint(0, height // 3)
    box = [left, top, left + width // 2, top + height // 2]
    if shape == "circle":
        pen.ellipse(box, fill=colour)
    elif shape == "triangle":
        pen.polygon([(box[0], box[3]), (box[2], box[3]), ((box[0] + box[2]) // 2, box[1])], fill=colour)
    elif shape == "cross":
        pen.line(box, fill=colour, width=5)
        pen.line([box[2], box[1], box[0], box[3]], fill=colour, width=5)
    elif shape == "stripes":
        for x in range(0, width, 12):
            pen.rectangle([x, 0, x + 5, height], fill=colour)
    else:
        pen.rectangle(box, fill=colour)
    return image


class Case:
    """Pictures with labels, the classes' names, and how the program is told of them."""

    def __init__(self, name, source, labels, files=(), shards=None, classes=None, languages=("en",), left_out=0):
        self.name, self.source, self.labels = name, source, labels
        self.files, self.shards = files, shards
        self.classes, self.languages, self.left_out = classes, languages, left_out
        self.order = list(classes) if classes else sorted(set(labels), key=str.encode)

    def texts(self, label, language):
        names = self.classes[label][language] if self.classes else [label.replace("_", " ")]
        return [filled(prompt, name) for name in names for prompt in PROMPTS[language]]


def filled(prompt, name):
    for notation, form in zip(("이/가", "(으)로"), PARTICLES.get(name, ("", ""))):
        prompt = prompt.replace("{}" + notation, name + form)
    return prompt.replace("{}", name)


def folder_case(work):
    """FOLDER/LABEL/PICTURE.png, some in a folder below or in two classes, one cut off, and what is no picture."""
    draw, root, found = random.Random(1), work / "folders", []
    for shape in DRAWN:
        for number in range(14):
            path = root / f"flat_{shape}" / ("more" if number == 13 else "") / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = picture(shape, draw)
            image.save(path)
            found.append((path, f"flat_{shape}"))
            if number == 3:
                twin = root / "flat_anything" / f"{shape}.png"
                twin.parent.mkdir(exist_ok=True)
                image.save(twin)
                found.append((twin, "flat_anything"))
    whole = found[0][0].read_bytes()
    (root / "flat_cross/broken.png").write_bytes(whole[:len(whole) // 2])
    (root / "flat_cross/.hidden.png").write_bytes(whole)
    (root / "flat_cross/notes.txt").write_text("no picture")
    found.sort(key=lambda item: str(item[0].relative_to(root)).encode())
    return Case("folders", ["--folders", root], [label for _, label in found], [path for path, _ in found],
                left_out=1)


def table_case(work):
    """A table with a class list: equal names, synonyms, a class without pictures, equal pictures, missing files."""
    draw, root = random.Random(2), work / "table"
    root.mkdir(exist_ok=True)
    rows = []
    for number in range(131):
        shape = draw.choice(DRAWN)
        name = f"{number}.png"
        picture(shape, draw).save(root / name)
        rows.append((name, "box" if shape == "square" and number % 2 else shape))
        if number % 20 == 0:
            rows.append((name, draw.choice(DRAWN)))
    lines = [f"{name},{label}" for name, label in rows]
    lines[5:5], lines[70:70] = ["gone.png,cross"], ["gone as well.png,circle"]
    (root / "pictures.csv").write_text("\n".join(["image,label", *lines]) + "\n")
    classes = work / "classes.yaml"
    items = [json.dumps({"label": label, **names}, ensure_ascii=False) for label, names in CLASSES.items()]
    classes.write_text("classes:\n" + "".join(f"  - {item}\n" for item in items), encoding="utf-8")
    return Case("table", ["--table", root / "pictures.csv", "--classes", classes], [label for _, label in rows],
                [root / name for name, _ in rows], classes=CLASSES, languages=("ko", "en"), left_out=2)


def cifar_case(work, name, names, names_file, coarse):
    """Records of the label's byte (with `coarse` one more before it) and 3 × 32 × 32 pixels, plane by plane."""
    draw, root = random.Random(len(names)), work / name
    root.mkdir(exist_ok=True)
    (root / names_file).write_text("\n".join(names) + "\n\n")
    records, labels, files = [], [], []
    for number in range(150):
        label = draw.randrange(len(names))
        image = picture(DRAWN[label % len(DRAWN)], draw, side=32)
        planes = numpy.asarray(image).transpose(2, 0, 1).tobytes()
        records.append(bytes([7] * coarse + [label]) + planes)
        labels.append(names[label])
        files.append(root / f"{number}.png")
        image.save(files[-1])
    (root / "test.bin").write_bytes(b"".join(records))
    return Case(name, ["--cifar", root / "test.bin"], labels, files)


def shard_case(data):
    """The validation split, its pictures by the theme in their metadata."""
    labels = []
    for path in sorted((data / "validation").glob("*.tar")):
        with tarfile.open(path) as tar:
            labels += [json.load(io.TextIOWrapper(tar.extractfile(member), "utf-8"))["theme"]
                       for member in tar if member.name.endswith(".json")]
    shards = data / "validation"
    return Case("shards", ["--data", shards, "--label-key", "theme"], labels, shards=shards)


# --- The same in numpy ------------------------------------------------------------------------------------

def unit(rows):
    rows = rows.astype(numpy.float64)
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def embed(options, model, case, texts):
    """Unit features of the case's pictures, and of texts by text."""
    def written(name, *source):
        out = options.work / f"{case.name}-{name}.safetensors"
        run(options, [], "embed", *model, *source, "--out", out)
        return load_file(str(out))

    lines = options.work / f"{case.name}-texts.txt"
    lines.write_text("\n".join(texts) + "\n", encoding="utf-8")
    pictures = written("pictures", *(["--data", case.shards] if case.shards else ["--images", *case.files]))
    features = written("texts", "--texts", lines)["text_features"]
    return unit(pictures["image_features"]), dict(zip(texts, unit(features), strict=True))


def scores(case, language, images, features):
    """[pictures, classes]; classes with the same texts have the very same scores."""
    texts = [tuple(case.texts(label, language)) for label in case.order]
    distinct = list(dict.fromkeys(texts))
    means = unit(numpy.stack([numpy.mean([features[text] for text in own], axis=0) for own in distinct]))
    return (images @ means.T)[:, [distinct.index(own) for own in texts]]


def expected(score, truth):
    """The figures, and how many pictures' figures a change of the scores by 1e-6 could change."""
    count, classes = score.shape
    told = score.argmax(1)  # the first of equal ones
    # Classes without pictures are told, too, and count nothing.
    warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
    present = sorted(set(truth))
    # scikit-learn puts the last of equal scores first: the classes go in backwards.
    five = sklearn.metrics.top_k_accuracy_score(
        classes - 1 - truth, score[:, ::-1], k=5, labels=range(classes), normalize=False)
    figures = {
        "count": count, "classes": classes, "hits": int((told == truth).sum()), "among_five": int(five),
        "confusion": sklearn.metrics.confusion_matrix(truth, told, labels=range(classes)),
        "mean_per_class": sklearn.metrics.balanced_accuracy_score(truth, told),
        "per_class": dict(zip(present, sklearn.metrics.recall_score(
            truth, told, labels=present, average=None, zero_division=0))),
    }
    return figures, close_calls(score, truth)


def close_calls(score, truth):
    own = score[numpy.arange(len(score)), truth][:, None]
    best = score.max(1, keepdims=True)
    beside_best = (score != best) & (best - score <= CLOSE)
    beside_own = (score != own) & (abs(score - own) <= CLOSE)
    return int((beside_best.any(1) | beside_own.any(1)).sum())


# --- The program ------------------------------------------------------------------------------------------

def run(options, launch, *arguments):
    command = [*launch, *shlex.split(options.kelip), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ | ROOT)
    if result.returncode != 0:
        output = result.stdout[-2000:] + result.stderr[-2000:]
        raise harness.RunFailed(f"{shlex.join(command)}: {result.returncode}\n{output}")
    return result


def told(options, model, case, ranks):
    """The answer of each language, and how many pictures were left out in each."""
    launch = ["mpirun", "-n", str(ranks), "--oversubscribe"]
    result = run(options, launch, "eval", "zero-shot", *model, *case.source, "--languages", *case.languages,
                 "--prompts", options.work / "prompts", "--json")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    left_out = sum(int(line.split()[2]) for line in result.stderr.splitlines() if line.startswith("left out: "))
    return answers, left_out / len(case.languages)


def faults(answer, figures, close, labels):
    """What differs, in words."""
    found, count = [], figures["count"]

    def compare(name, value, wanted, room=0.0):
        if not abs(value - wanted) <= room:
            found.append(f"{name} {value}, expected {wanted}")

    compare("pictures", answer["count"], count)
    compare("classes", answer["classes"], figures["classes"])
    compare("top-1", answer["top1"], figures["hits"] / count, CLOSE + close / count)
    compare("top-5", answer["top5"], figures["among_five"] / count, CLOSE + close / count)
    # A picture counts most in the smallest class.
    sizes = figures["confusion"].sum(1)
    smallest = sizes[sizes > 0].min()
    compare("mean per class", answer["mean_per_class"], figures["mean_per_class"], CLOSE + close / smallest)
    if set(answer["per_class"]) != {labels[place] for place in figures["per_class"]}:
        found.append(f"classes with pictures {sorted(answer['per_class'])}")
    for place, wanted in figures["per_class"].items():
        compare(labels[place], answer["per_class"].get(labels[place], numpy.nan), wanted,
                CLOSE + close / sizes[place])
    if answer["labels"] != labels:
        found.append(f"labels {answer['labels']}")
    moved = abs(numpy.array(answer["confusion"]) - figures["confusion"]).sum() / 2
    if moved > close:
        found.append(f"{moved:g} pictures are told to be something else")
    return found


def check(options, model, case, verdict):
    texts = list(dict.fromkeys(
        text for language in case.languages for label in case.order for text in case.texts(label, language)))
    images, features = embed(options, model, case, texts)
    truth = numpy.array([case.order.index(label) for label in case.labels])
    if len(images) != len(truth):
        raise harness.RunFailed(f"{case.name}: {len(images)} features of {len(truth)} pictures")
    wanted = {language: expected(scores(case, language, images, features), truth) for language in case.languages}
    for ranks in RANKS:
        answers, left_out = told(options, model, case, ranks)
        if [answer["language"] for answer in answers] != list(case.languages):
            verdict.add(False, case.name, "", ranks, "", "", "", f"languages {[a['language'] for a in answers]}")
        for answer in answers:
            figures, close = wanted[answer["language"]]
            found = faults(answer, figures, close, case.order)
            if left_out != case.left_out:
                found.append(f"{left_out:g} left out, expected {case.left_out}")
            verdict.add(not found, case.name, answer["language"], ranks, figures["count"], figures["hits"], close,
                        "; ".join(found) or "equal")


def write_prompts(work):
    folder = work / "prompts"
    folder.mkdir(exist_ok=True)
    for language, lines in PROMPTS.items():
        text = "\n".join(["# prompts", "", *(f"  {line} " for line in lines)]) + "\n"
        (folder / f"{language}.txt").write_text(text, encoding="utf-8")


def trained(options):
    """The checkpoint of a short run."""
    model = harness.write_yaml(options.work / "model.yaml", harness.model_config(options.tokenizer))
    run = harness.train(options, "train", 1, harness.run_config(options, model, options.work / "run"))
    return harness.weights_path(run, 20).parent


def compare(options):
    write_prompts(options.work)
    model = ["--checkpoint", options.checkpoint or trained(options), "--precision", "fp32"]
    tens = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    hundred = [f"thing_{number}" for number in range(100)]
    verdict = harness.Verdict(
        "pictures", "names", "ranks", "count", "top-1 hits", "close calls", "against scikit-learn")
    for case in (folder_case(options.work), table_case(options.work),
                 cifar_case(options.work, "cifar-10", tens, "batches.meta.txt", 0),
                 cifar_case(options.work, "cifar-100", hundred, "fine_label_names.txt", 1), shard_case(options.data)):
        check(options, model, case, verdict)
    verdict.finish("zero-shot classification is scikit-learn's")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--checkpoint", type=harness.absolute, help="a checkpoint instead of a run made here")
    harness.checked(compare, parser.parse_args())
