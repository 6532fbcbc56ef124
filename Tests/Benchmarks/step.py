"""Races whole training steps against PyTorch, in turns, and holds the ratios against thresholds.json.

    PYTHON=VENV/bin/python python3 Tests/Benchmarks/step.py [CASE …] [--rounds 3] \
        [--data DIR --tokenizer FILE] [--json FILE]

First each setting of both runs once a case, and the best stays: a rank on each core, or one rank with a thread on each; the
peer's with tcmalloc and without. `batch` is for each core: one rank of all has the whole. Then own and peer take turns; a
figure is the median over the rounds, a ratio is of medians. Machines are shared and noisy: only ratios
of one run mean anything. Cases with `captions` need --data and --tokenizer; the peer pads those to the model's context, as
open_clip does. Exits 1 when a ratio is below its threshold.

Environment: KELIP, the program (default: the release build), PYTHON, one with requirements.txt of Tests/Parity and PyYAML,
MPIRUN_OPTIONS (default: --oversubscribe), LAYOUT and PEER_LAYOUT, "ranks x threads" instead of the best (such as 2x1; the
peer's then with tcmalloc where there is one).
"""
import argparse
import ctypes.util
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
THRESHOLDS = json.loads((pathlib.Path(__file__).parent / "thresholds.json").read_text())
CORES = len(os.sched_getaffinity(0))
# (ranks, threads a rank): all cores are used by each.
LAYOUTS = sorted({(CORES, 1), (1, CORES)})


def run(command, environment=None):
    """Standard output's last line as JSON."""
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        sys.exit(f"{shlex.join(str(part) for part in command)}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def own(case, layout, options, steps, phases=False):
    ranks, threads = layout
    kelip = os.environ.get("KELIP", ROOT / ".build/release/kelip")
    command = [kelip, "bench", "step", "--model", case["model"], "--precision", case["precision"], "--json"]
    command += ["--batch", case["batch"] * CORES // ranks, "--steps", steps, "--phase-steps", 2 if phases else 0]
    if case.get("captions"):
        command += ["--data", options.data, "--tokenizer", options.tokenizer]
    else:
        command += ["--tokens", case["tokens"]]
    if ranks == 1:
        # Alone it has a thread on each core.
        return run(command)
    launch = ["mpirun", "-n", ranks] + shlex.split(os.environ.get("MPIRUN_OPTIONS", "--oversubscribe"))
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} if os.geteuid() == 0 else {}
    return run(launch + command, root)


def layout_of(variable):
    return tuple(int(part) for part in os.environ[variable].split("x"))


def peer_settings():
    """(ranks, threads a rank, tcmalloc or None)."""
    tcmalloc = ctypes.util.find_library("tcmalloc_minimal")
    if "PEER_LAYOUT" in os.environ:
        return [(*layout_of("PEER_LAYOUT"), tcmalloc)]
    return [(*layout, library) for layout in LAYOUTS for library in ([tcmalloc, None] if tcmalloc else [None])]


def own_settings():
    if "LAYOUT" in os.environ:
        return [layout_of("LAYOUT")]
    return LAYOUTS


def peer(case, setting, steps):
    ranks, threads, library = setting
    python = os.environ.get("PYTHON", sys.executable)
    script = [pathlib.Path(__file__).parent / "peer_step.py", "--model", case["model"], "--precision", case["precision"]]
    script += ["--batch", case["batch"] * CORES // ranks, "--tokens", case.get("tokens", 77), "--threads", threads]
    script += ["--steps", steps]
    launch = [python] if ranks == 1 else [
        python, "-m", "torch.distributed.run", "--nproc_per_node", ranks, "--master_port", 29517]
    return run(launch + script, {"LD_PRELOAD": library} if library else None)


def name(setting):
    ranks, threads, *library = setting
    return f"{ranks} x {threads}{', tcmalloc' if any(library) else ''}"


def best(label, settings, measure):
    """The fastest of the settings, each run once."""
    if len(settings) == 1:
        return settings[0]
    rates = {}
    for setting in settings:
        rates[setting] = measure(setting)["samples_per_second"]
        print(f"  {label} {name(setting)}: {rates[setting]:.2f} pairs/s", flush=True)
    return max(rates, key=rates.get)


def race(case, options):
    layout = best("own", own_settings(), lambda layout: own(case, layout, options, steps=2))
    setting = best("peer", peer_settings(), lambda setting: peer(case, setting, steps=2))
    ours, theirs = [], []
    for number in range(options.rounds):
        ours.append(own(case, layout, options, options.steps, phases=number == 0))
        theirs.append(peer(case, setting, options.steps))
        print(f"  round {number + 1}: own {ours[-1]['samples_per_second']:.2f}, "
              f"peer {theirs[-1]['samples_per_second']:.2f} pairs/s", flush=True)

    def median(rows, key):
        return statistics.median(row[key] for row in rows)

    rates = [median(rows, "samples_per_second") for rows in (ours, theirs)]
    return {
        "own": rates[0], "peer": rates[1], "ratio": rates[0] / rates[1], "own_setting": name(layout),
        "peer_setting": name(setting),
        "own_peak_resident_bytes": median(ours, "peak_resident_bytes"),
        "peer_peak_resident_bytes": median(theirs, "peak_resident_bytes"),
        "communication_share": median(ours, "communication_seconds") / median(ours, "step_seconds"),
        "allocations_per_step": max(row["allocations_per_step"] for row in ours),
        "tokens": ours[0]["tokens"],
        "share_of_product_rate": ours[0]["share_of_product_rate"], "product_gigaflops": ours[0]["product_gigaflops"],
    }


def misses(case, result):
    """What is beside its threshold, in words."""
    least = {key: case[key] for key in ("ratio", "share_of_product_rate") if key in case}
    most = {key: THRESHOLDS[key] for key in ("communication_share", "allocations_per_step")}
    return [f"{key} {result[key]:.3g} is below {bar:g}" for key, bar in least.items() if result[key] < bar] + [
        f"{key} {result[key]:.3g} is above {bar:g}" for key, bar in most.items() if result[key] > bar]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(THRESHOLDS["cases"]))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--tokenizer", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path, help="write the results here")
    options = parser.parse_args()
    unknown = set(options.cases) - set(THRESHOLDS["cases"])
    if unknown:
        parser.error(f"unknown cases {', '.join(sorted(unknown))}")
    has_data = bool(options.data and options.tokenizer)
    if has_data:
        options.data, options.tokenizer = options.data.resolve(), options.tokenizer.resolve()

    results, failures = {}, []
    for key in options.cases or THRESHOLDS["cases"]:
        case = THRESHOLDS["cases"][key]
        if case.get("captions") and not has_data:
            if options.cases:
                parser.error(f"{key} needs --data and --tokenizer")
            print(f"{key}: left out, needs --data and --tokenizer")
            continue
        print(key, flush=True)
        result = results[key] = race(case, options)
        failures += [f"{key}: {miss}" for miss in misses(case, result)]
        print(f"  own {result['own']:.2f} ({result['own_setting']}), peer {result['peer']:.2f} pairs/s "
              f"({result['peer_setting']}): "
              f"ratio {result['ratio']:.2f}; {result['share_of_product_rate']:.0%} of the products' "
              f"{result['product_gigaflops']:.0f} GFLOP/s; {result['communication_share']:.1%} communication", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    for failure in failures:
        print(f"MISSED  {failure}")
    sys.exit(bool(failures))


main()
