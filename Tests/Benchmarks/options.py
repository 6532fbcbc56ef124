"""What the options that make a step cheaper cost and give, beside the same run without them.

    python3 Tests/Benchmarks/options.py speed   [--rounds 3] [--steps 6]     ViT-B/32 + CLIP text, batch 64
    python3 Tests/Benchmarks/options.py quality [--seeds 1 2] [--steps 400]  64-px ViT, patches of 8, trained and evaluated

Both train with kelip-worker on the embedded data set (deploy/quickstart makes it). `speed` runs the variants in turn and
tells medians of seconds a step, the ratio to the plain run of the same round, and the largest resident memory of a rank.
`quality` trains each variant for the same number of steps and tells the seconds of training and R@1 of retrieval (mean of
both directions and languages) among 1,000 pairs of the training split and among all of the validation split.

Environment: KELIP_BIN_DIR, the folder of the programs (default: the release build).
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("KELIP_BIN_DIR", ROOT / ".build/release"))
DATA = ROOT / "data/embedded"
ENVIRONMENT = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def variants(side, steps):
    """Settings by name; `side` is the side of the smaller pictures."""
    return {
        "plain": {},
        "half of the patches dropped": {"model.patch_dropout": 0.5},
        f"pictures of {side} px": {"augmentation.warmup_size": side, "augmentation.warmup_steps": steps},
    }


MICRO_BATCHES = {
    "micro-batches of 8 pairs": {"parallel.micro_batch_size": 8},
    "of 8 pictures, of 128 tokens": {"parallel.micro_batch_size": 8, "parallel.micro_batch_tokens": 128},
}


def train(config, folder, settings):
    """(records of metrics.jsonl, largest resident memory of a rank in bytes); forks, so that the memory is this run's."""
    settings = {"run.directory": folder, "checkpoint.keep_last": 1, **settings}
    command = ["mpirun", "-n", 2, "--bind-to", "core", BIN / "kelip-worker", "--config", config]
    command += [f"--set={key}={value}" for key, value in settings.items()]
    process = subprocess.Popen([str(word) for word in command], cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))}\nended with {status}:\n{errors.decode()[-2000:]}")
    lines = (pathlib.Path(folder) / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], usage.ru_maxrss * 1024


def speed(options):
    names = variants(96, options.steps) | MICRO_BATCHES
    seconds, memory = {name: [] for name in names}, {}
    for _ in range(options.rounds):
        for name, settings in names.items():
            with tempfile.TemporaryDirectory() as folder:
                steps = {"optimizer.steps": options.steps, "optimizer.warmup": 2}
                records, memory[name] = train("configs/runs/embedded-vit-b-32.yaml", folder, steps | settings)
            seconds[name].append(statistics.median(record["step_seconds"] for record in records[2:]))
    for name, values in seconds.items():
        ratio = statistics.median(own / plain for own, plain in zip(values, seconds["plain"]))
        print(f"{name:30} {statistics.median(values):7.2f} s a step  {ratio:5.2f} of plain  "
              f"{memory[name] / 1e9:5.2f} GB resident", flush=True)


def recall(folder, split, pairs):
    latest = (folder / "checkpoints/latest").read_text().strip()
    command = [BIN / "kelip", "eval", "retrieval", "--checkpoint", folder / "checkpoints" / latest, "--precision", "bf16",
               "--data", DATA / split, "--json"] + (["--pairs", pairs] if pairs else [])
    output = subprocess.run([str(word) for word in command], cwd=ROOT, env=ENVIRONMENT, check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    # An object a set and language, a line each.
    return statistics.mean(value for line in output.splitlines() for value in recalls(json.loads(line)))


def recalls(answer):
    """Every R@1 anywhere in the answer, but for that of guessing."""
    if isinstance(answer, list):
        return [value for item in answer for value in recalls(item)]
    if not isinstance(answer, dict):
        return []
    return [value for key, item in answer.items()
            for value in ([item] if key.endswith(("image_R@1", "text_R@1")) else recalls(item))]


def quality(options):
    # A quarter of the run with whole pictures is left to the two that leave something out, as in CLIPA.
    names = variants(32, options.steps * 3 // 4)
    for name, settings in names.items():
        rows = []
        for seed in options.seeds:
            with tempfile.TemporaryDirectory() as folder:
                fixed = {"model.config": options.model, "run.seed": seed,
                         "optimizer.steps": options.steps, "checkpoint.every_steps": options.steps}
                records, _ = train("configs/runs/quickstart.yaml", folder, fixed | settings)
                rows.append((sum(record["step_seconds"] for record in records),
                             recall(pathlib.Path(folder), "train", 1000), recall(pathlib.Path(folder), "validation", None)))
        means = [statistics.mean(column) for column in zip(*rows)]
        each = "; ".join(f"{r[1]:.3f} {r[2]:.3f}" for r in rows)
        print(f"{name:30} {means[0]:7.1f} s of training  R@1 {means[1]:.3f} training split, {means[2]:.3f} validation split "
              f"(by seed: {each})", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    parts = {"speed": (speed, 6), "quality": (quality, 400)}
    for name, (function, steps) in parts.items():
        part = commands.add_parser(name)
        part.add_argument("--steps", type=int, default=steps)
        part.set_defaults(function=function)
        if name == "speed":
            part.add_argument("--rounds", type=int, default=3)
        else:
            part.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
            part.add_argument("--model", default="configs/models/small-vit-8.yaml")
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
