"""Holds `kelip plan` against what it predicts: whole training steps on two network namespaces with a shaped link.

    Tests/Benchmarks/plan.py [--rounds 5] [--batch 32] [--rate 10] [--delay 50] [--set key=value]

The link's collectives and a step are recorded once. Each round measures the step on both cores without a link, across
the link, and without it again: the first and the last tell the speed of the cores meanwhile, from which the step across
the link is predicted. A round in which the first and the last differ by more than a tenth tells of the machine and not of
the plan: it is printed, does not count, and is made up for, up to three times --rounds in all. Medians over the rounds
that count are compared. Needs root, and a machine that nobody else uses. Exits with 1 when no round counts, or when step or
exposed communication are further off than 15 %, the latter of at least a twentieth of the step. Exposed communication is
that of the rank that waits least: the plan knows ranks of one speed, and the other waits for this one.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT = 0.15
# Exposed communication below this part of a step is within the noise of the step itself.
SMALL = 0.05
# The cores' speed before and after may differ by this part for a round to count.
STEADY = 0.1
ENVIRONMENT = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def run(command):
    """The JSON object that a program prints last."""
    result = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=ENVIRONMENT, cwd=ROOT)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {result.returncode}")
    return json.loads(result.stdout.decode().strip().splitlines()[-1])


def bench_step(options):
    return ["bench", "step", "--model", options.model, "--precision", "bf16", "--batch", options.batch,
            "--tokens", options.tokens, "--steps", options.steps, "--json"] + options.step_option


def apart(options):
    """Seconds of a step on each of two cores at once, without a link: the slower one's."""
    words = [str(word) for word in [options.kelip] + bench_step(options)]
    cores = sorted(os.sched_getaffinity(0))[:2]
    jobs = [
        subprocess.Popen(["mpirun", "-n", "1", "--bind-to", "none", "taskset", "-c", str(core)] + words,
                         stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=ENVIRONMENT, cwd=ROOT)
        for core in cores]
    answers = [job.communicate()[0].decode() for job in jobs]
    if any(job.returncode for job in jobs):
        sys.exit("a step on a core of its own failed")
    return max(json.loads(text.strip().splitlines()[-1])["step_seconds"] for text in answers)


class Plan:
    """`kelip plan` over a step that was recorded once, at any speed of the cores."""

    def __init__(self, options, across, folder):
        timing, self.record = folder / "collectives.json", folder / "step.json"
        collectives = run(
            across + ["bench", "collectives", "--bandwidth", options.rate, "--latency", options.delay, "--json"])
        timing.write_text(json.dumps(collectives))
        self.command = [
            options.kelip, "plan", "--config", options.config, "--nodes", 2, "--ranks-per-node", 1, "--bandwidth",
            options.rate, "--latency", options.delay, "--collectives", timing,
            f"--set=data.global_batch_size={2 * options.batch}", "--tokens", options.tokens, "--json",
        ] + [f"--set={setting}" for setting in options.set]
        recorded = run(["mpirun", "-n", 2, "--bind-to", "core"] + self.command
                       + ["--steps", options.steps, "--save-step", self.record])
        self.compute_seconds = recorded["stages"][-1]["compute_seconds"]

    def predict(self, compute_seconds):
        scale = compute_seconds / self.compute_seconds
        return run(self.command + ["--step", self.record, "--compute-scale", scale])["stages"][-1]


def one_round(options, across, plan):
    """(measured, predicted) of one round, each as {name: seconds}; None where the machine changed meanwhile."""
    before, step, after = apart(options), run(across + bench_step(options)), apart(options)
    predicted = plan.predict((before + after) / 2)
    names = ["step_seconds", "communication_seconds"]
    waited_most = step["communication_seconds"]
    step["communication_seconds"] = step["least_communication_seconds"]
    print(
        "predicted " + ", ".join(f"{name} {predicted[name]:.3f}" for name in names)
        + f" (compute {before:.3f} and {after:.3f}, lost {predicted['stolen_seconds']:.3f}); measured "
        + ", ".join(f"{name} {step[name]:.3f}" for name in names) + f" (the rank that waited most: {waited_most:.3f})",
        flush=True)
    if abs(before - after) > STEADY * min(before, after):
        print("  does not count: the cores changed their speed", flush=True)
        return None
    return {name: step[name] for name in names}, {name: predicted[name] for name in names}


def steady_rounds(options, across, plan):
    found = []
    for _ in range(3 * options.rounds):
        found += [entry for entry in [one_round(options, across, plan)] if entry]
        if len(found) == options.rounds:
            break
    return found or sys.exit("the machine was never steady: no round counts")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kelip", default=ROOT / ".build/release/kelip")
    parser.add_argument("--config", default=ROOT / "configs/runs/kelip-vit-b-32.yaml")
    parser.add_argument("--model", default=ROOT / "configs/models/kelip-vit-b-32.yaml")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=77)
    parser.add_argument("--rate", type=float, default=10, help="Gbit/s")
    parser.add_argument("--delay", type=int, default=50, help="microseconds")
    parser.add_argument("--set", action="append", default=[], help="key=value of the configuration")
    parser.add_argument("--step-option", action="append", default=[], help="the same for bench step, as one word")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        across = [HERE / "namespaces.sh", "--rate", options.rate, "--delay", options.delay, options.kelip]
        plan = Plan(options, across, Path(folder))
        rounds = steady_rounds(options, across, plan)
    measured, predicted = (
        {name: statistics.median(entry[side][name] for entry in rounds) for name in rounds[0][side]} for side in (0, 1))
    step = measured["step_seconds"]
    fine = True
    for name in measured:
        floor = step * (SMALL if name == "communication_seconds" else 0)
        error = (predicted[name] - measured[name]) / max(measured[name], floor)
        fine = fine and abs(error) <= LIMIT
        print(f"{name}: measured {measured[name]:.3f}, predicted {predicted[name]:.3f}, {100 * error:+.1f} %")
    print(f"{len(rounds)} rounds count")
    print(f"exposed communication is {100 * measured['communication_seconds'] / step:.1f} % of the step")
    print("within" if fine else "NOT within", f"{100 * LIMIT:.0f} %")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
