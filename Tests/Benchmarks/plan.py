"""Holds `kelip plan` against what it predicts: whole training steps on two network namespaces with a shaped link.

    Tests/Benchmarks/plan.py [--rounds 3] [--batch 32] [--rate 10] [--delay 50] [--set key=value]

Each round measures the link's collectives, the compute of a step (both ranks at once, without a link), and the step
across the link; medians over the rounds are compared. Needs root, and a machine that nobody else uses. Exits with 1
when step or exposed communication are further off than 15 %, the latter of at least a twentieth of the step. Exposed
communication is that of the rank that waits least: the plan knows ranks of one speed, and the other waits for this one.
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
ENVIRONMENT = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def run(command):
    """The JSON object that a program prints last."""
    result = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=ENVIRONMENT, cwd=ROOT)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {result.returncode}")
    return json.loads(result.stdout.decode().strip().splitlines()[-1])


def one_round(options, kelip, folder):
    """(measured, predicted) of one round, each as {name: seconds}."""
    across = [HERE / "namespaces.sh", "--rate", options.rate, "--delay", options.delay, kelip]
    collectives = run(across + ["bench", "collectives", "--bandwidth", options.rate, "--latency", options.delay, "--json"])
    timing = folder / "collectives.json"
    timing.write_text(json.dumps(collectives))
    settings = [f"--set={setting}" for setting in options.set]
    plan = run(
        ["mpirun", "-n", 2, "--bind-to", "core", kelip, "plan", "--config", options.config, "--nodes", 2,
         "--ranks-per-node", 1, "--bandwidth", options.rate, "--latency", options.delay, "--collectives", timing,
         f"--set=data.global_batch_size={2 * options.batch}", "--tokens", options.tokens, "--steps", options.steps,
         "--json"] + settings)["stages"][-1]
    step = run(
        across + ["bench", "step", "--model", options.model, "--precision", "bf16", "--batch", options.batch,
                  "--tokens", options.tokens, "--steps", options.steps, "--json"] + options.step_option)
    names = ["step_seconds", "communication_seconds"]
    waited_most = step["communication_seconds"]
    step["communication_seconds"] = step["least_communication_seconds"]
    curve = {c["name"]: c for c in collectives["collectives"]}["all_reduce"]
    print(
        f"all-reduce {curve['bytes_per_second'] / 1e9:.3f} GB/s; predicted "
        + ", ".join(f"{name} {plan[name]:.3f}" for name in names)
        + f" (compute {plan['compute_seconds']:.3f}, lost {plan['stolen_seconds']:.3f}); measured "
        + ", ".join(f"{name} {step[name]:.3f}" for name in names) + f" (the rank that waited most: {waited_most:.3f})",
        flush=True)
    return {name: step[name] for name in names}, {name: plan[name] for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kelip", default=ROOT / ".build/release/kelip")
    parser.add_argument("--config", default=ROOT / "configs/runs/kelip-vit-b-32.yaml")
    parser.add_argument("--model", default=ROOT / "configs/models/kelip-vit-b-32.yaml")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=77)
    parser.add_argument("--rate", type=float, default=10, help="Gbit/s")
    parser.add_argument("--delay", type=int, default=50, help="microseconds")
    parser.add_argument("--set", action="append", default=[], help="key=value of the configuration")
    parser.add_argument("--step-option", action="append", default=[], help="the same for bench step, as one word")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rounds = [one_round(options, options.kelip, Path(folder)) for _ in range(options.rounds)]
    measured, predicted = (
        {name: statistics.median(entry[side][name] for entry in rounds) for name in rounds[0][side]} for side in (0, 1))
    step = measured["step_seconds"]
    fine = True
    for name in measured:
        floor = step * (SMALL if name == "communication_seconds" else 0)
        error = (predicted[name] - measured[name]) / max(measured[name], floor)
        fine = fine and abs(error) <= LIMIT
        print(f"{name}: measured {measured[name]:.3f}, predicted {predicted[name]:.3f}, {100 * error:+.1f} %")
    print(f"exposed communication is {100 * measured['communication_seconds'] / step:.1f} % of the step")
    print("within" if fine else "NOT within", f"{100 * LIMIT:.0f} %")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
