#!/usr/bin/env python3
"""The order is exact: every sample once an epoch, the same batches on any number of ranks, resumed anywhere.

Uneven shards with 397 samples (a prime, so that no epoch ends with a batch) are cut out of the data set. One config
with global batches of 24 runs for two and a half epochs on 1, 2, 3, 4, 6 and 8 ranks, and once more in three parts on
other numbers of ranks each, stopped at steps drawn from the seed. The ordered keys of every global batch must be the
same in all runs. After each batch, with n samples seen, every key must have come ⌊n/397⌋ times and n mod 397 of them
once more: nothing is missing from an epoch and nothing comes twice in it.

Then the same for a mixture of two components by language, 708 to 476: the batches must be in that proportion to less
than one sample at any time, and the keys of each component exact as above. Needs Python's standard library, mpirun and the program.
"""
import collections
import io
import json
import random
import shutil
import tarfile

import harness

SIZES = (131, 7, 200, 1, 58)
TOTAL = sum(SIZES)
STEPS = 42
WORLDS = (1, 2, 3, 4, 6, 8)
WEIGHTS = {"ko": 708, "en": 476}


def groups(shards):
    """The samples of tars: lists of (name, bytes)."""
    for path in shards:
        with tarfile.open(path) as tar:
            key, members = None, []
            for member in tar:
                if (own := member.name.split(".")[0]) != key:
                    if members:
                        yield members
                    key, members = own, []
                members.append((member.name, tar.extractfile(member).read()))
            if members:
                yield members


def cut(options):
    """Writes the uneven shards; returns their folder and each key's language."""
    folder = options.work / "shards"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Every seventh, for shards with both languages and many themes.
    samples = (sample for i, sample in enumerate(groups(sorted((options.data / "train").glob("*.tar")))) if i % 7 == 0)
    languages = {}
    for number, size in enumerate(SIZES):
        with tarfile.open(folder / f"{number}.tar", "w") as tar:
            for _ in range(size):
                for name, data in next(samples):
                    header = tarfile.TarInfo(name)
                    header.size = len(data)
                    tar.addfile(header, io.BytesIO(data))
                    if name.endswith(".json"):
                        languages[name.split(".")[0]] = json.loads(data)["language"]
    if len(languages) != TOTAL:
        raise harness.RunFailed(f"{len(languages)} different keys in the shards, wanted {TOTAL}")
    return folder, languages


def model(options):
    return harness.write_yaml(options.work / "model.yaml", {
        "embed_dim": 16,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 16, "layers": 1, "width": 16, "patch_size": 16, "head_width": 16},
        "text_cfg": {
            "context_length": 8, "vocab_size": harness.vocabulary_size(options.tokenizer), "width": 16,
            "heads": 1, "layers": 1,
        },
    })


def settings(options, name, train):
    return harness.run_config(
        options, options.work / "model.yaml", options.work / name, data__train=train,
        data__shuffle_window=20, data__decode_threads=0, optimizer__steps=STEPS)


def whole_run(options, name, ranks, train):
    return harness.read_keys(harness.train(options, name, ranks, settings(options, name, train)), STEPS)


def resumed_run(options, name, worlds, stops, train):
    """One run in parts: up to each stop on another number of ranks."""
    dotted = settings(options, name, train)
    shutil.rmtree(dotted["run.directory"], ignore_errors=True)
    config = harness.write_yaml(options.work / f"{name}.yaml", harness.sections(dotted))
    log = options.work / f"{name}.log"
    log.unlink(missing_ok=True)
    for ranks, stop in zip(worlds, (*stops, STEPS), strict=True):
        extra = ["--set", f"optimizer.steps={stop}", "--accept-config-change"]
        if (status := harness.Job(options.worker, ranks, config, log, extra).wait(600)) != 0:
            raise harness.RunFailed(f"{name} on {ranks} ranks ended with status {status}:\n{harness.tail(log)}")
    return harness.read_keys(dotted["run.directory"], STEPS)


def exact_epochs(batches, keys):
    """What is wrong with the epochs of a stream over `keys`, or None; looked at after every batch."""
    seen, count = collections.Counter({key: 0 for key in keys}), 0
    for step, batch in enumerate(batches, 1):
        seen.update(batch)
        count += len(batch)
        epoch, rest = divmod(count, len(keys))
        if len(seen) != len(keys):
            return f"step {step}: unknown keys {sorted(seen.keys() - keys)[:3]}"
        times = collections.Counter(seen.values())
        if +times != +collections.Counter({epoch: len(keys) - rest, epoch + 1: rest}):
            return f"step {step}: {dict(times)} keys by how often they came, wanted {epoch} or {epoch + 1} times"
    return None


def proportion(batches, languages):
    """What is wrong with the mixture, or None."""
    seen = collections.Counter()
    for step, batch in enumerate(batches, 1):
        seen.update(languages[key] for key in batch)
        for language, weight in WEIGHTS.items():
            exact = step * harness.GLOBAL_BATCH * weight / sum(WEIGHTS.values())
            if not abs(seen[language] - exact) < 1:
                return f"step {step}: {seen[language]} samples of {language}, wanted {exact:.2f}"
    return None


def check_stream(options, draw, verdict, name, train, worlds, fault):
    """Whole runs and a resumed one; `fault` looks at the first run's batches."""
    reference = None
    for ranks in worlds:
        keys = whole_run(options, f"{name}-{ranks}", ranks, train)
        reference = reference or keys
        wrong = fault(keys)
        verdict.add(keys == reference and not wrong, name, ranks, "–",
                    "identical" if keys == reference else "differ", wrong or "0 missing, 0 twice")
    parts = draw.sample(worlds, 3)
    stops = sorted(draw.sample(range(2, STEPS - 2), 2))
    keys = resumed_run(options, f"{name}-resumed", parts, stops, train)
    wrong = fault(keys)
    verdict.add(keys == reference and not wrong, name, " → ".join(map(str, parts)), stops,
                "identical" if keys == reference else "differ", wrong or "0 missing, 0 twice")


def check(options):
    draw = random.Random(options.seed)
    folder, languages = cut(options)
    model(options)
    verdict = harness.Verdict("order", "ranks", "resumed after steps", "keys", f"over {STEPS} batches of {TOTAL} pairs")
    check_stream(options, draw, verdict, "plain", str(folder), WORLDS,
                 lambda batches: exact_epochs(batches, languages.keys()))

    entries = [{"shards": str(folder), "language": tag, "weight": weight} for tag, weight in WEIGHTS.items()]

    def mixture_fault(batches):
        faults = [proportion(batches, languages)]
        for tag in WEIGHTS:
            keys = {key for key, language in languages.items() if language == tag}
            faults.append(exact_epochs([[key for key in batch if key in keys] for batch in batches], keys))
        return next(filter(None, faults), None)

    check_stream(options, draw, verdict, "mixture", entries, (1, 4, 6), mixture_fault)
    verdict.finish("the order is exact")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the numbers of ranks and steps to resume at")
    harness.checked(check, parser.parse_args())
