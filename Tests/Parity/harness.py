"""What the end-to-end checks share: launching the worker, its config, its metrics, safetensors, a verdict.

Python's standard library only, so that the checks which compare the program with itself run anywhere.
"""
import argparse
import array
import json
import math
import os
import pathlib
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

GLOBAL_BATCH = 24


# --- Command line -----------------------------------------------------------------------------------------

def arguments(description):
    """The options every check takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--worker", required=True, help="kelip-worker, a path or a command line")
    parser.add_argument("--kelip", required=True, help="kelip, a path or a command line")
    parser.add_argument("--data", required=True, type=absolute, help="a data set: DIR/train/*.tar")
    parser.add_argument("--tokenizer", required=True, type=absolute, help="tokenizer.json")
    parser.add_argument("--work", required=True, type=absolute, help="a directory for runs and results")
    return parser


def absolute(text):
    return pathlib.Path(text).resolve()


# --- Config files -----------------------------------------------------------------------------------------

def yaml_scalar(value):
    # YAML 1.1 readers take 1e-06 for a string: the mantissa needs its point.
    if isinstance(value, float):
        mantissa, exponent, power = repr(value).partition("e")
        return mantissa + ("" if "." in mantissa else ".0") + exponent + power
    return json.dumps(str(value) if isinstance(value, pathlib.Path) else value, ensure_ascii=False)


def write_yaml(path, mapping):
    """Writes nested mappings of scalars as a YAML file and returns its path."""
    def lines(mapping, indent):
        for key, value in mapping.items():
            if isinstance(value, dict):
                yield f"{indent}{key}:"
                yield from lines(value, indent + "  ")
            else:
                yield f"{indent}{key}: {yaml_scalar(value)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines(mapping, "")) + "\n", encoding="utf-8")
    return path


def sections(dotted):
    """`{"run.seed": 1, "stages": "mae"}` → `{"run": {"seed": 1}, "stages": "mae"}`."""
    nested = {}
    for key, value in dotted.items():
        section, dot, name = key.partition(".")
        if dot:
            nested.setdefault(section, {})[name] = value
        else:
            nested[key] = value
    return nested


def vocabulary_size(tokenizer):
    """One more than the largest id in a tokenizer.json."""
    contents = json.loads(tokenizer.read_text(encoding="utf-8"))
    added = [token["id"] for token in contents.get("added_tokens", [])]
    return max([*contents["model"]["vocab"].values(), *added]) + 1


def model_config(tokenizer, width_factor=1):
    """A CLIP small enough for seconds and deep enough to show a wrong layer, under open_clip's keys."""
    return {
        "embed_dim": 64,
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": 64, "layers": 3, "width": 128 * width_factor, "patch_size": 16, "head_width": 32,
        },
        "text_cfg": {
            "context_length": 32, "vocab_size": vocabulary_size(tokenizer), "width": 96 * width_factor,
            "heads": 4, "layers": 3,
        },
    }


def run_config(options, model, run, **changes):
    """The dotted keys of a short training run; `changes` are spelled with `__` for the dot."""
    return {
        "run.directory": run,
        "run.seed": 17,
        "model.config": model,
        "model.precision": "fp32",
        "data.train": options.data / "train",
        "data.global_batch_size": GLOBAL_BATCH,
        "data.tokenizer": options.tokenizer,
        "augmentation.train": "none",
        "optimizer.steps": 20,
        "optimizer.lr": 1e-3,
        "optimizer.warmup": 5,
        "optimizer.weight_decay": 0.2,
        "optimizer.beta1": 0.9,
        "optimizer.beta2": 0.98,
        "optimizer.eps": 1e-6,
        "optimizer.grad_clip_norm": None,
        "checkpoint.every_steps": 1000,
        "checkpoint.keep_last": 2,
        "log.sample_keys": True,
    } | {key.replace("__", "."): value for key, value in changes.items()}


# --- Launching --------------------------------------------------------------------------------------------

class Job:
    """The worker, or another program without a config, under mpirun, in a session of its own so that all of it can be
    killed at once."""

    def __init__(self, worker, ranks, config, log, extra=()):
        # Sockets of mpirun must have short paths, and its leftovers after a kill must not stay behind.
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="parity-", dir="/tmp"))
        command = [
            "mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none",
            "--mca", "btl_vader_backing_directory", str(self.scratch),
            *shlex.split(worker), *(["--config", str(config)] if config else []), *map(str, extra),
        ]
        environment = os.environ | {
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "TMPDIR": str(self.scratch),
        }
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True)

    def wait(self, timeout):
        """The exit status, or None when the time ran out and the job had to be killed."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.kill()

    def kill(self):
        """SIGKILL to mpirun and every rank. mpirun gives each rank a process group, but not a session."""
        while members := self.members():
            for member in members:
                try:
                    os.kill(member, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.poll()
            time.sleep(0.01)
        self.process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def members(self):
        """Living processes of the job's session."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    # pid (name) state ppid pgrp session …; the name may hold spaces and brackets.
                    fields = pathlib.Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if int(fields[3]) == self.process.pid and fields[0] not in "ZX":
                    found.append(int(entry))
        return found


class RunFailed(Exception):
    """The program under test did not do what the check needs to go on."""


def tail(path, count=25):
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])


def train(options, name, ranks, dotted, extra=(), timeout=900):
    """Runs the worker to its end in a fresh run directory, which it returns."""
    run = pathlib.Path(dotted["run.directory"])
    shutil.rmtree(run, ignore_errors=True)
    config = write_yaml(options.work / f"{name}.yaml", sections(dotted))
    log = options.work / f"{name}.log"
    log.unlink(missing_ok=True)
    started = time.monotonic()
    status = Job(options.worker, ranks, config, log, extra).wait(timeout)
    if status != 0:
        reason = f"did not end within {timeout} s" if status is None else f"ended with status {status}"
        raise RunFailed(f"{name} on {ranks} ranks {reason}; the end of {log}:\n{tail(log)}")
    print(f"  {name}: {ranks} rank(s), {time.monotonic() - started:.1f} s", flush=True)
    return run


# --- What a run leaves ------------------------------------------------------------------------------------

def read_lines(path):
    """JSON objects, one a line; numbers stay the text they are written as."""
    if not path.exists():
        raise RunFailed(f"{path} was not written")
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            records.append(json.loads(line, parse_float=str, parse_int=str))
        except json.JSONDecodeError as error:
            raise RunFailed(f"{path}:{number}: not JSON ({error}): {line[:120]}")
    return records


def read_metrics(run, steps):
    """The records of steps 1 … `steps`, each present once."""
    records = read_lines(run / "metrics.jsonl")
    found = [int(record["step"]) for record in records]
    if found != list(range(1, steps + 1)):
        raise RunFailed(f"{run}/metrics.jsonl has steps {found}, wanted 1 … {steps}")
    return records


def read_keys(run, steps):
    """The ordered sample keys of each global batch."""
    records = read_lines(run / "samples.jsonl")
    found = [int(record["step"]) for record in records]
    if found != list(range(1, steps + 1)):
        raise RunFailed(f"{run}/samples.jsonl has steps {found}, wanted 1 … {steps}")
    for record in records:
        if len(record["keys"]) != GLOBAL_BATCH:
            raise RunFailed(f"step {record['step']} of {run}/samples.jsonl has {len(record['keys'])} keys")
    return [record["keys"] for record in records]


def column(records, key):
    return [float(record[key]) for record in records]


def weights_path(run, step):
    return run / "checkpoints" / f"step-{step:08d}" / "model.safetensors"


def read_safetensors(path):
    """Name → (dtype, shape, bytes)."""
    if not path.exists():
        raise RunFailed(f"{path} was not written")
    contents = path.read_bytes()
    length, = struct.unpack("<Q", contents[:8])
    header = json.loads(contents[8:8 + length])
    header.pop("__metadata__", None)
    body = contents[8 + length:]
    return {
        name: (entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def floats(tensor):
    """A tensor's values, flat."""
    dtype, _, data = tensor
    codes = {"F32": "f", "F64": "d", "I64": "q"}
    if dtype not in codes:
        raise RunFailed(f"expected one of {', '.join(codes)}, found {dtype}")
    return array.array(codes[dtype], data)


# --- Comparing --------------------------------------------------------------------------------------------

def worst_relative(values, reference):
    """(largest relative difference, its place counted from 1). NaN counts as infinite."""
    differences = [abs(a - b) / max(abs(b), 1e-30) for a, b in zip(values, reference, strict=True)]
    differences = [math.inf if math.isnan(d) else d for d in differences]
    worst = max(differences)
    return worst, differences.index(worst) + 1


def norm(values):
    return math.sqrt(math.fsum(value * value for value in values))


def relative_norm(values, reference):
    """|a - b| / |b|, both taken as vectors. NaN counts as infinite."""
    distance = norm(a - b for a, b in zip(values, reference, strict=True)) / max(norm(reference), 1e-30)
    return math.inf if math.isnan(distance) else distance


class Verdict:
    """Rows of a table, and whether all of them passed."""

    def __init__(self, *columns):
        self.rows = [columns + ("verdict",)]
        self.passed = True

    def add(self, passed, *cells):
        self.passed &= bool(passed)
        self.rows.append(tuple(f"{c:.2e}" if isinstance(c, float) else str(c) for c in cells)
                         + ("ok" if passed else "FAILED",))

    def finish(self, title):
        """Prints the table and ends the process: 0 when everything passed, 1 otherwise."""
        widths = [max(map(len, cells)) for cells in zip(*self.rows)]
        print()
        for row in self.rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        passed = self.passed and len(self.rows) > 1
        print(f"{title}: {'passed' if passed else 'FAILED'}")
        sys.exit(0 if passed else 1)


def checked(check, options):
    """Runs a check; a program that does not get through is a failure with its log, not a traceback."""
    options.work.mkdir(parents=True, exist_ok=True)
    try:
        check(options)
    except RunFailed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        sys.exit(1)
