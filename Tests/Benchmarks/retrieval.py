"""Retrieval among 100,000 pairs, both ways, beside PyTorch, in turn, in one run: time, memory, equal figures.

    python retrieval.py --kelip .build/release/kelip [--peer-python PYTHON] [--count 100000] [--rounds 3] [--ranks 1 2]

Features are made up: texts are pictures with noise, so that most matches stand among the first hundred, and of every
hundred pictures one is another's very copy, so that ties decide. The peer scores chunks of queries (`q @ c.T`) and
counts by the same rule: greater scores, and equal ones with a smaller index; of --chunks it takes the fastest, tried on
a few queries. Each measurement is a process of its own with --threads threads (`mpirun -n N` with its ranks, of one
thread each); the time is the whole process's, and for the peer also what it needs once its libraries are loaded.
Memory is the peak that is resident, summed over ranks.

Exits 1 where kelip's memory passes --memory-bar or the figures differ by more than rounding explains: --off queries in
a recall, 1 in the median, 1e-5 of the mean rank. Needs numpy, and torch and safetensors in PYTHON (torch 2.15).
"""
import argparse
import json
import os
import pathlib
import shlex
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
DIRECTIONS = ("text_to_image", "image_to_text")
MEASURES = ("R@1", "R@5", "R@10", "median_rank", "mean_rank")


# --- Features ---------------------------------------------------------------------------------------------

def write_features(path, count, dimension, noise, block=4096):
    """image_features and text_features [count, dimension] in fp32, made and written a block of rows at a time."""
    size = count * dimension * 4
    entries = {name: {"dtype": "F32", "shape": [count, dimension], "data_offsets": [i * size, (i + 1) * size]}
               for i, name in enumerate(("image_features", "text_features"))}
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for with_noise in (False, True):
            for start in range(0, count, block):
                file.write(rows(start, min(block, count - start), dimension, noise if with_noise else 0).tobytes())


def rows(start, count, dimension, noise):
    """Pictures' rows, or with noise their texts'; row 100 n + 50 copies the picture of row 100 n, not its text."""
    import numpy
    made = numpy.random.default_rng([1, start]).standard_normal((count, dimension), dtype=numpy.float32)
    for row in range(count):
        if (start + row) % 100 == 50 and row >= 50:
            made[row] = made[row - 50]
    if noise:
        added = numpy.random.default_rng([2, start])
        made += noise * added.standard_normal((count, dimension), dtype=numpy.float32)
    return made


# --- The peer ---------------------------------------------------------------------------------------------

def peer_ranks(queries, candidates, chunk, limit=None):
    """The rank of each query's own candidate."""
    import torch
    count, found = len(queries), []
    for start in range(0, min(count, limit or count), chunk):
        scores = queries[start:start + chunk] @ candidates.T
        index = torch.arange(start, start + len(scores))
        own = scores.gather(1, index[:, None])
        ahead = torch.count_nonzero(scores > own, dim=1)
        equal = torch.count_nonzero(scores == own, dim=1)
        # Few rows have ties, and only these need to know where they stand.
        for row in (equal > 1).nonzero()[:, 0].tolist():
            ahead[row] += torch.count_nonzero(scores[row, :start + row] == own[row])
        found.append(1 + ahead)
    return torch.cat(found)


def peer(path, chunk, threads, limit):
    """Its figures as JSON, with the seconds once libraries are loaded; with a limit only those of so many queries."""
    import torch
    from safetensors.torch import load_file
    torch.set_num_threads(threads)
    started = time.perf_counter()
    with torch.inference_mode():
        features = {name: torch.nn.functional.normalize(rows, dim=1) for name, rows in load_file(path).items()}
        images, texts = features["image_features"], features["text_features"]
        loaded, result = time.perf_counter(), {"count": len(images)}
        for way, queries, candidates in ((DIRECTIONS[0], texts, images), (DIRECTIONS[1], images, texts)):
            rank = peer_ranks(queries, candidates, chunk, limit)
            middle = rank.sort().values[[(len(rank) - 1) // 2, len(rank) // 2]]
            values = [(rank <= k).double().mean() for k in (1, 5, 10)] + [middle.double().mean(), rank.double().mean()]
            result |= {f"{way}_{key}": float(value) for key, value in zip(MEASURES, values, strict=True)}
    ended = time.perf_counter()
    print(json.dumps(result | {"peer_seconds": ended - started, "ranking_seconds": ended - loaded}))


# --- Measuring --------------------------------------------------------------------------------------------

def measured(command):
    """A process's result, whole seconds and peak resident bytes, all its ranks' together."""
    with tempfile.TemporaryDirectory() as notes:
        environment = os.environ | ROOT | {"KELIP_BENCHMARK_NOTES": notes}
        started = time.perf_counter()
        done = subprocess.run([str(word) for word in command], text=True, capture_output=True, env=environment)
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            command = shlex.join(str(word) for word in command)
            sys.exit(f"{command}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
        ranks = [json.loads(note.read_text()) for note in pathlib.Path(notes).iterdir()]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    peaks = [rank["peak_bytes"] for rank in ranks]
    return result | {"seconds": seconds, "peak_bytes": sum(peaks), "rank_peak_bytes": max(peaks),
                     "cpu_seconds": sum(rank["cpu_seconds"] for rank in ranks)}


def noted(command):
    """Runs one rank's command and notes its memory and time; small itself, for a peak begins with that of who forks."""
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    note = {"peak_bytes": usage.ru_maxrss << 10, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    pathlib.Path(os.environ["KELIP_BENCHMARK_NOTES"], str(child)).write_text(json.dumps(note))
    sys.exit(os.waitstatus_to_exitcode(status) and 1)


def through_notes(command):
    return [sys.executable, "-S", "-E", pathlib.Path(__file__).resolve(), "--noted", *command]


def own_command(options, path, ranks):
    command = through_notes([*shlex.split(options.kelip), "eval", "retrieval", "--features", path, "--json"])
    if ranks == 1:
        return ["env", f"OMP_NUM_THREADS={options.threads}", *command]
    launch = ["mpirun", "-n", ranks, *shlex.split(os.environ.get("MPIRUN_OPTIONS", "--oversubscribe"))]
    return ["env", "OMP_NUM_THREADS=1", *launch, *command]


def peer_command(options, path, chunk, limit=0):
    command = [options.peer_python, pathlib.Path(__file__).resolve(), "--peer", path, "--chunks", chunk,
               "--threads", options.threads, "--limit", limit]
    return ["env", f"OMP_NUM_THREADS={options.threads}"] + through_notes(command)


def best_chunk(options, path):
    """The peer's fastest, each tried on the same few queries."""
    if len(options.chunks) == 1:
        return options.chunks[0]
    limit = min(options.count, 2 * max(options.chunks))
    seconds = {}
    for chunk in options.chunks:
        seconds[chunk] = measured(peer_command(options, path, chunk, limit))["ranking_seconds"]
        print(f"  peer, chunks of {chunk}: {seconds[chunk]:.2f} s for {limit} queries each way", flush=True)
    return min(seconds, key=seconds.get)


# --- Comparing --------------------------------------------------------------------------------------------

def differences(own, peer, allowed):
    """Lines that tell where figures differ, and which of them differ too much."""
    lines, faults, count = [], [], own["count"]
    for way in DIRECTIONS:
        found = {key: (own[f"{way}_{key}"], peer[f"{way}_{key}"]) for key in MEASURES}
        queries = {key: abs(round(count * found[key][0]) - round(count * found[key][1])) for key in MEASURES[:3]}
        places = abs(round(count * found["mean_rank"][0]) - round(count * found["mean_rank"][1]))
        median = abs(found["median_rank"][0] - found["median_rank"][1])
        told = ", ".join(f"{key} {found[key][0]:.5g}" for key in MEASURES)
        off = ", ".join(f"{number} in {key}" for key, number in queries.items())
        lines.append(f"{way}: {told}; off: {off} queries, {places} in the sum of ranks, {median:g} in the median")
        room = max(allowed, 1e-5 * count * found["mean_rank"][1])
        if max(queries.values()) > allowed or median > 1 or places > room:
            faults.append(f"{way}: the figures differ")
    return lines, faults


def race(options, path):
    chunk = best_chunk(options, path)
    programs = {f"own, {ranks} x {options.threads if ranks == 1 else 1}": own_command(options, path, ranks)
                for ranks in options.ranks}
    programs[f"PyTorch, 1 x {options.threads}, chunks of {chunk}"] = peer_command(options, path, chunk)
    results = {name: [] for name in programs}
    for number in range(options.rounds):
        for name, command in programs.items():
            results[name].append(measured(command))
            print(f"  round {number + 1}: {name}: {results[name][-1]['seconds']:.2f} s", flush=True)
    return results


def median(found, key):
    return statistics.median(result[key] for result in found)


def report(options, results):
    """Prints the table; returns what is missed."""
    *own, (_, theirs) = results.items()
    whole, work, faults = median(theirs, "seconds"), median(theirs, "peer_seconds"), []
    print(f"\n{'':36} seconds  PyTorch / this  without imports  CPU seconds  peak MB  largest rank")
    for name, found in results.items():
        seconds, peak = median(found, "seconds"), max(result["peak_bytes"] for result in found)
        largest = max(result["rank_peak_bytes"] for result in found)
        print(f"{name:36} {seconds:7.2f}  {whole / seconds:14.2f}  {work / seconds:15.2f}  "
              f"{median(found, 'cpu_seconds'):11.2f}  {peak / 1e6:7.0f}  {largest / 1e6:12.0f}")
        if found is not theirs and peak > options.memory_bar * 1e9:
            faults.append(f"{name}: {peak / 1e9:.2f} GB is above {options.memory_bar:g} GB")
    for name, found in own:
        lines, differing = differences(found[0], theirs[0], options.off)
        print(f"{name}\n  " + "\n  ".join(lines))
        faults += [f"{name}: {fault}" for fault in differing]
        if any(result[key] != found[0][key] for result in found for key in found[0] if key.startswith(DIRECTIONS)):
            faults.append(f"{name}: not the same in every round")
    return faults


def main():
    if sys.argv[1:2] == ["--noted"]:
        noted(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kelip")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--noise", type=float, default=4.5, help="of the texts, against 1 of the pictures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--chunks", type=int, nargs="+", default=[256, 1024, 2048])
    parser.add_argument("--memory-bar", type=float, default=2, help="GB of all ranks together")
    parser.add_argument("--off", type=int, default=5, help="queries by which a recall may differ")
    parser.add_argument("--work", type=pathlib.Path, default=tempfile.gettempdir(), help="where the features go")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(options.peer, options.chunks[0], options.threads, options.limit)
    if not options.kelip:
        parser.error("--kelip is needed")
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        path = pathlib.Path(folder, "features.safetensors")
        write_features(path, options.count, options.dimension, options.noise)
        faults = report(options, race(options, path))
    for fault in faults:
        print(f"MISSED  {fault}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
