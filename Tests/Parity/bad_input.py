#!/usr/bin/env python3
"""Bad input is told once and ends at once: exit status 2, one message that names the thing, within 30 s.

On 1 and on 2 ranks (a world size that does not divide the batch: on 2 and 3). Needs Python's standard
library, mpirun and the program.
"""
import re
import shutil
import time

import harness

#: `error: …`, `Error: …`, `kelip-worker: error: …` or a log line whose second word is the level.
ERROR_LINE = re.compile(r"^(\S+\s+)?error\b", re.IGNORECASE)


def own_lines(log):
    """The job's output without the blocks between dashed lines, which are mpirun's own."""
    lines, inside = [], False
    for line in log.read_text(errors="replace").splitlines():
        if re.fullmatch(r"-{20,}", line.strip()):
            inside = not inside
        elif not inside and line.strip():
            lines.append(line)
    return lines


def foreign_weights(options):
    """The checkpoint of a wider model, made by the program itself."""
    config = harness.model_config(options.tokenizer, width_factor=2)
    model = harness.write_yaml(options.work / "wide-model.yaml", config)
    run = options.work / "wide"
    harness.train(options, "wide", 1, harness.run_config(
        options, model, run, optimizer__steps=1, optimizer__warmup=1, checkpoint__every_steps=1))
    return harness.weights_path(run, 1)


def cases(options):
    """(name, changes to the config, words of which the message must hold one, numbers of ranks)."""
    nowhere = options.work / "nowhere"
    empty = options.work / "empty"
    empty.mkdir(exist_ok=True)
    foreign = foreign_weights(options)
    tensors = list(harness.read_safetensors(foreign))
    return [
        ("unknown config key", {"optimizer.learning_rat": 0.1}, ["learning_rat"], (1, 2)),
        ("missing config file", None, ["missing.yaml"], (1, 2)),
        ("missing shard directory", {"data.train": nowhere}, [str(nowhere)], (1, 2)),
        ("shard directory without shards", {"data.train": empty}, [str(empty)], (1, 2)),
        ("world does not divide batch", {"data.global_batch_size": 25}, ["global_batch_size"], (2, 3)),
        ("weights of another model", {"model.init_from": foreign}, [str(foreign), *tensors], (1, 2)),
        ("unknown precision", {"model.precision": "fp7"}, ["fp7"], (1, 2)),
        ("missing tokenizer", {"data.tokenizer": nowhere / "t.json"}, [str(nowhere / "t.json")], (1, 2)),
        ("missing model file", {"model.config": nowhere / "m.yaml"}, [str(nowhere / "m.yaml")], (1, 2)),
    ]


def launch(options, model, changes, ranks, log):
    """(exit status or None, seconds)."""
    run = options.work / "bad"
    shutil.rmtree(run, ignore_errors=True)
    config = options.work / "missing.yaml"
    if changes is not None:
        config = harness.write_yaml(
            options.work / "bad.yaml", harness.sections(harness.run_config(options, model, run) | changes))
    log.unlink(missing_ok=True)
    started = time.monotonic()
    return harness.Job(options.worker, ranks, config, log).wait(options.limit), time.monotonic() - started


def check(options):
    model = harness.write_yaml(options.work / "model.yaml", harness.model_config(options.tokenizer))
    (options.work / "missing.yaml").unlink(missing_ok=True)
    verdict = harness.Verdict("case", "ranks", "status", "seconds", "messages", "named")
    for name, changes, words, worlds in cases(options):
        for ranks in worlds:
            log = options.work / f"bad-{name.replace(' ', '-')}-{ranks}.log"
            status, seconds = launch(options, model, changes, ranks, log)
            lines = own_lines(log)
            errors = [line for line in lines if ERROR_LINE.match(line)]
            # The message is the error line and what follows it, so that a hint may name the thing.
            message = "\n".join(lines[lines.index(errors[0]):]) if errors else ""
            named = next((word for word in words if word in message), None)
            verdict.add(
                status == 2 and len(errors) == 1 and named is not None, name, ranks,
                "killed" if status is None else status, f"{seconds:.1f}", len(errors), "yes" if named else "no")
            shown = (message or "\n".join(lines[-10:])).replace("\n", "\n  ")
            print(f"\n{name}, {ranks} rank(s):\n  {shown}", flush=True)
    verdict.finish("bad input")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--limit", type=float, default=30, help="seconds until the job must have ended")
    harness.checked(check, parser.parse_args())
