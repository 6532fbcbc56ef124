#!/usr/bin/env python3
"""Every recipe trains: the configurations of configs/runs that need nothing but the embedded data set, as they stand, under
mpirun on 2 ranks. In every stage the mean loss, and each of its parts, over the last tenth of the steps lies below that
over the first. Some ten minutes on two cores. Needs Python's standard library, mpirun and the program.
"""
import pathlib
import shutil

import harness

RECIPES = ("embedded-paper", "embedded-brief", "embedded-brief-frozen", "embedded-rn50")
CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs" / "runs"


def parts(records):
    """Names of the losses that these steps have in common; those of crop groups are parts of a part."""
    return [key for key in records[0] if key.endswith("loss")]


def stages(records):
    names = dict.fromkeys(record.get("stage", "contrastive") for record in records)
    return {name: [r for r in records if r.get("stage", "contrastive") == name] for name in names}


def train(options, name):
    run = options.work / name
    shutil.rmtree(run, ignore_errors=True)
    log = options.work / f"{name}.log"
    log.unlink(missing_ok=True)
    overrides = {"run.directory": run, "data.train": options.data / "train", "data.tokenizer": options.tokenizer}
    extra = [word for key, value in overrides.items() for word in ("--set", f"{key}={value}")]
    status = harness.Job(options.worker, 2, CONFIGS / f"{name}.yaml", log, extra).wait(1800)
    if status != 0:
        raise harness.RunFailed(f"{name} ended with {status}; the end of {log}:\n{harness.tail(log)}")
    return harness.read_lines(run / "metrics.jsonl")


def check(options):
    verdict = harness.Verdict("recipe", "stage", "steps", "loss", "first tenth", "last tenth")
    for name in options.only or RECIPES:
        for stage, records in stages(train(options, name)).items():
            tenth = max(1, len(records) // 10)
            for part in parts(records):
                first, last = (
                    sum(float(record[part]) for record in some) / tenth
                    for some in (records[:tenth], records[-tenth:]))
                verdict.add(last < first, name, stage, len(records), part, f"{first:.4f}", f"{last:.4f}")
    verdict.finish("every recipe trains")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--only", nargs="*", choices=RECIPES, help="names of recipes; all without it")
    harness.checked(check, parser.parse_args())
