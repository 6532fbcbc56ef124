"""What checkpoints cost: ViT-B/32 with its optimizer's state, saved every minute while it trains.

    python3 Tests/Benchmarks/saves.py [--minutes 5] [--every 1]

Trains on two ranks of the embedded data set and reads from the log what each save took: the time that training waited,
and the processor time that writing took from the core that trains. Both together over the time between two saves is the
cost; wall times with and without saves differ by more than that from minute to minute here. Exits 1 above 1 % or half a
second of waiting, by the median over the saves but the first.

Environment: KELIP_BIN_DIR, the folder of the programs (default: the release build).
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("KELIP_BIN_DIR", ROOT / ".build/release"))
LINE = re.compile(r"checkpoint of step (\d+) saved in ([\d.]+) s: ([\d.]+) s awaited, ([\d.]+) s of a core")
MOST_COST, MOST_AWAITED = 0.01, 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--every", type=float, default=1, help="minutes")
    options = parser.parse_args()
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = ["mpirun", "-n", "2", "--bind-to", "core", BIN / "kelip-worker", "--config",
                   "configs/runs/embedded-vit-b-32.yaml", "--set", f"run.directory={folder}", "--set",
                   "optimizer.steps=100000", "--set", "checkpoint.every_steps=100000", "--set",
                   f"checkpoint.every_minutes={options.every}"]
        process = subprocess.Popen([str(word) for word in command], cwd=ROOT, env=environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(60 * options.minutes)
        process.kill()
        process.wait()
        log = (pathlib.Path(folder) / "run.log").read_text()
        time.sleep(2)
    saves = [tuple(map(float, found)) for found in LINE.findall(log)]
    for step, seconds, awaited, processor in saves:
        cost = (awaited + processor) / (60 * options.every)
        print(f"step {step:.0f}: {seconds:.1f} s, {awaited:.2f} s awaited, {processor:.2f} s of a core: {cost:.2%}")
    if len(saves) < 2:
        sys.exit(f"{len(saves)} saves in {options.minutes} minutes")
    awaited = statistics.median(save[2] for save in saves[1:])
    cost = statistics.median((save[2] + save[3]) / (60 * options.every) for save in saves[1:])
    print(f"medians: {awaited:.2f} s awaited, {cost:.2%} of the time")
    sys.exit(awaited > MOST_AWAITED or cost > MOST_COST)


main()
