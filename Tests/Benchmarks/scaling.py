"""From one rank to two, a core each, the same batch a rank: beside two processes that do not know each other.

    python3 Tests/Benchmarks/scaling.py [--model FILE] [--batch 32] [--tokens 77] [--rounds 3] [--steps 3] [--json FILE]

Cores of one machine take memory and clock from each other, whatever runs on them. So the two ranks are compared with two
ranks of one that run at the same time, each on a core of its own: efficiency is the rate of the two together over the sum
of the rates of the two apart; in turn, medians over the rounds. Waiting for each other is all that the pair has and they
have not. Exits 1 below 0.95, or when communication that compute does not hide takes more than 10 % of a step.

Environment: KELIP, the program (default: the release build).
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST_EFFICIENCY, MOST_EXPOSED = 0.95, 0.10


def launch(ranks, core, options):
    kelip = os.environ.get("KELIP", ROOT / ".build/release/kelip")
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} if os.geteuid() == 0 else {}
    pin = [] if core is None else ["taskset", "-c", core]
    command = ["mpirun", "-n", ranks, "--bind-to", "none", *pin, kelip, "bench", "step", "--json", "--phase-steps", 0]
    command += ["--model", options.model, "--batch", options.batch, "--tokens", options.tokens, "--steps", options.steps]
    command += ["--precision", options.precision]
    return subprocess.Popen([str(part) for part in command], cwd=ROOT, env={**os.environ, **root}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def result(process):
    output, errors = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{' '.join(process.args)}\nended with {process.returncode}:\n{errors[-2000:]}")
    return json.loads(output.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="configs/models/kelip-vit-b-32.yaml")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=77)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path, help="write the results here")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("scaling.py needs two cores")

    rounds = []
    for number in range(options.rounds):
        apart = [result(process) for process in [launch(1, core, options) for core in cores]]
        together = result(launch(2, None, options))
        row = {
            "apart": sum(one["samples_per_second"] for one in apart), "together": together["samples_per_second"],
            "exposed": together["communication_seconds"] / together["step_seconds"],
            "slower": together["least_communication_seconds"] / together["step_seconds"],
        }
        rounds.append({**row, "efficiency": row["together"] / row["apart"]})
        print(f"round {number + 1}: apart {row['apart']:.2f}, together {row['together']:.2f} pairs/s, efficiency "
              f"{rounds[-1]['efficiency']:.3f}, exposed {row['exposed']:.1%}, {row['slower']:.1%} on the rank that waited "
              "least", flush=True)

    efficiency = statistics.median(row["efficiency"] for row in rounds)
    exposed = statistics.median(row["exposed"] for row in rounds)
    print(f"efficiency {efficiency:.3f}, exposed communication {exposed:.1%} (medians)")
    if options.json:
        options.json.write_text(json.dumps({"rounds": rounds, "efficiency": efficiency, "exposed": exposed}, indent=2))
    sys.exit(efficiency < LEAST_EFFICIENCY or exposed > MOST_EXPOSED)


main()
