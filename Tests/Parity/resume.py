#!/usr/bin/env python3
"""Resume is exact: an unbroken run against one killed by SIGKILL at random steps and resumed each time.

On 1 and on 2 ranks. mpirun and all ranks are killed at once when metrics.jsonl shows a step drawn from the
seed; the next attempt runs with `--resume auto`. Every record that any attempt wrote for a step must hold the
same values, as text, as the unbroken run's (keys ending in `_seconds` and `samples_per_second` excepted), and
the final weights must be equal byte by byte. Needs Python's standard library, mpirun and the program.
"""
import json
import random
import shutil
import time

import harness

STEPS, CHECKPOINT_EVERY = 42, 6
WORLDS = (1, 2)
DEADLINE = 600


def time_like(key):
    return key.endswith("_seconds") or key == "samples_per_second"


def comparable(record):
    return {key: value for key, value in record.items() if not time_like(key)}


def latest_step(run):
    """The last step in metrics.jsonl, which may be in the middle of being written."""
    try:
        lines = (run / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
        return int(json.loads(lines[-1])["step"]) if lines else 0
    except (FileNotFoundError, json.JSONDecodeError):
        return 0


def saved(run):
    return sorted(path.name for path in (run / "checkpoints").glob("step-*"))


def written(run):
    """When metrics.jsonl last changed, in ns; 0 when there is none."""
    path = run / "metrics.jsonl"
    return path.stat().st_mtime_ns if path.exists() else 0


def attempt(options, ranks, run, config, kill_at=None):
    """One launch. Returns the step it was killed at, or None when it got to its end."""
    log = config.with_suffix(".log")
    # The file still shows the steps of the attempt before: wait until this one has written.
    stale = written(run)
    job = harness.Job(options.worker, ranks, config, log, ["--resume", "auto"])
    deadline = time.monotonic() + DEADLINE
    while job.process.poll() is None:
        if kill_at and written(run) != stale and latest_step(run) >= kill_at:
            job.kill()
            return latest_step(run)
        if time.monotonic() > deadline:
            job.kill()
            raise harness.RunFailed(f"no end within {DEADLINE} s:\n{harness.tail(log)}")
        time.sleep(0.002)
    if (status := job.wait(10)) != 0:
        raise harness.RunFailed(f"a resumed run ended with status {status}:\n{harness.tail(log)}")
    return None


def broken_run(options, model, ranks, kills):
    """Runs to the end through the kills; returns the run directory and the steps it was killed at."""
    run = options.work / f"resume-{ranks}-killed"
    shutil.rmtree(run, ignore_errors=True)
    config = harness.write_yaml(run.with_suffix(".yaml"), harness.sections(settings(options, model, run)))
    config.with_suffix(".log").unlink(missing_ok=True)
    history = []
    for kill_at in kills:
        step = attempt(options, ranks, run, config, kill_at)
        if step is None:
            raise harness.RunFailed(f"the run ended before it could be killed at step {kill_at}: raise --steps")
        history.append(step)
        print(f"  {ranks} rank(s): killed at step {step}, saved: {', '.join(saved(run)) or 'nothing'}", flush=True)
    attempt(options, ranks, run, config)
    return run, history


def settings(options, model, run):
    return harness.run_config(
        options, model, run, optimizer__steps=options.steps, checkpoint__every_steps=CHECKPOINT_EVERY)


def compare_records(broken, unbroken, steps):
    """The first difference between two runs' records, or None."""
    wanted = {int(record["step"]): comparable(record) for record in unbroken}
    for record in broken:
        step = int(record["step"])
        own, other = comparable(record), wanted.get(step, {})
        for key in sorted(own.keys() | other.keys()):
            if own.get(key) != other.get(key):
                return f"step {step} {key}: {own.get(key)} ≠ {other.get(key)}"
    missing = set(range(1, steps + 1)) - {int(record["step"]) for record in broken}
    return f"steps {sorted(missing)} are missing" if missing else None


def check_world(options, model, ranks, draw, verdict):
    # Kills before the first checkpoint, between two and late; at least three, in rising order.
    kills = sorted(draw.sample(range(2, options.steps - 4), options.kills))
    unbroken = options.work / f"resume-{ranks}-unbroken"
    harness.train(options, f"resume-{ranks}-unbroken", ranks, settings(options, model, unbroken))
    broken, history = broken_run(options, model, ranks, kills)

    wanted = harness.read_metrics(unbroken, options.steps)
    records = harness.read_lines(broken / "metrics.jsonl")
    difference = compare_records(records, wanted, options.steps)
    weights, reference = (
        harness.read_safetensors(harness.weights_path(run, options.steps)) for run in (broken, unbroken))
    same_weights = weights == reference
    compared = ", ".join(key for key in wanted[0] if not time_like(key))
    print(f"  compared: {compared}")
    verdict.add(
        difference is None and same_weights and len(history) >= 3, ranks, history, len(records),
        difference or "equal as text", "equal bytes" if same_weights else "differ")


def check(options):
    draw = random.Random(options.seed)
    model = harness.write_yaml(options.work / "model.yaml", harness.model_config(options.tokenizer))
    verdict = harness.Verdict(
        "ranks", "killed at steps", "records", "metrics", f"weights at step {options.steps}")
    for ranks in WORLDS:
        check_world(options, model, ranks, draw, verdict)
    verdict.finish("resume is exact")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the steps to kill at")
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--steps", type=int, default=STEPS)
    harness.checked(check, parser.parse_args())
