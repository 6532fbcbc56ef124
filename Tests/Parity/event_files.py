#!/usr/bin/env python3
"""TensorBoard reads what metrics.jsonl says: every number of every step, once.

    event_files.py RUN…                       checks runs that are there
    event_files.py --demo live-page-demo      makes one that was killed and resumed, and checks it

Reads RUN/tensorboard with TensorBoard's own event accumulator (which forgets the later steps of a run that was
killed, as its web page does) and compares with RUN/metrics.jsonl. Event files hold 32-bit floats: so much is
compared, exactly. Needs tensorboard (checked with 2.21).
"""
import argparse
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing import event_accumulator


def expected(run, tags):
    """{tag: [(step, value)]} of metrics.jsonl. Truth values count where TensorBoard has them."""
    curves = {}
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        for name, value in record.items():
            is_number = value is None or isinstance(value, (int, float))
            if name == "step" or not is_number or (isinstance(value, bool) and name not in tags):
                continue
            number = math.nan if value is None else float(value)
            curves.setdefault(name, []).append((record["step"], number))
    return curves


def single(value):
    """As a 32-bit float."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def same(ours, theirs):
    if math.isnan(ours):
        return not math.isfinite(theirs)
    return single(ours) == theirs


def check(run):
    accumulator = event_accumulator.EventAccumulator(
        str(run / "tensorboard"), size_guidance={event_accumulator.SCALARS: 0}, purge_orphaned_data=True)
    accumulator.Reload()
    tags = set(accumulator.Tags()["scalars"])
    curves, faults, count = expected(run, tags), [], 0
    if tags != set(curves):
        faults.append(f"tags differ: {sorted(tags ^ set(curves))}")
    for tag in sorted(tags & set(curves)):
        found = [(event.step, event.value) for event in accumulator.Scalars(tag)]
        wanted = curves[tag]
        count += len(wanted)
        if [step for step, _ in found] != [step for step, _ in wanted]:
            faults.append(f"{tag}: {len(found)} steps instead of {len(wanted)}, or in another order")
            continue
        faults += [
            f"{tag}: step {step}: {theirs} instead of {ours}"
            for (step, ours), (_, theirs) in zip(wanted, found) if not same(ours, theirs)]
    files = sorted((run / "tensorboard").iterdir())
    print(f"{run}: {len(files)} event files, {len(tags)} tags, {count} numbers, {len(faults)} faults")
    for fault in faults[:20]:
        print(f"  {fault}")
    return not faults and count > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="*", type=pathlib.Path)
    parser.add_argument("--demo", help="the program live-page-demo")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = list(options.runs)
        if options.demo:
            subprocess.run(
                [options.demo, folder, "0", "3", "150"], stdin=subprocess.DEVNULL, check=True,
                stdout=subprocess.DEVNULL)
            runs.append(pathlib.Path(folder))
        if not runs:
            parser.error("give a run, or --demo")
        verdicts = [check(run) for run in runs]
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
