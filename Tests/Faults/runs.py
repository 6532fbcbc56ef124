"""What the fault scenarios share: a short run, faults that are preloaded into it, and the comparison with an unbroken one."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Parity"))
import harness  # noqa: E402

STEPS, SAVE_EVERY = 12, 3
DEADLINE = 240


def build_faults(work):
    """Compiles the library of faults.c; returns its path."""
    library = work / "faults.so"
    source = pathlib.Path(__file__).with_name("faults.c")
    beside_swift = pathlib.Path(shutil.which("swift") or "/").resolve().with_name("clang")
    compiler = shutil.which("cc") or shutil.which("clang") or beside_swift
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, source, "-ldl"], check=True)
    return library


def comparable(record):
    """A record of metrics.jsonl without what depends on the clock."""
    return {key: value for key, value in record.items() if not key.endswith("_seconds") and key != "samples_per_second"}


class Run:
    """A run of the small model in a folder of its own, started as often as it takes."""

    def __init__(self, options, name, ranks, **changes):
        self.options, self.ranks = options, ranks
        self.folder = options.work / name
        shutil.rmtree(self.folder, ignore_errors=True)
        model = options.work / "model.yaml"
        if not model.exists():
            harness.write_yaml(model, harness.model_config(options.tokenizer))
        settings = {"optimizer__steps": STEPS, "checkpoint__every_steps": SAVE_EVERY} | changes
        self.steps = settings["optimizer__steps"]
        dotted = harness.run_config(options, model, self.folder, **settings)
        self.config = harness.write_yaml(options.work / f"{name}.yaml", harness.sections(dotted))
        self.log = options.work / f"{name}.log"
        self.log.unlink(missing_ok=True)

    def start(self, extra=(), **environment):
        """A launch, with these variables besides."""
        before = {key: os.environ.get(key) for key in environment}
        os.environ.update({key: str(value) for key, value in environment.items()})
        try:
            worker = self.options.worker
            if "LD_PRELOAD" in environment:
                # mpirun itself has nothing to do with it.
                worker = f"env LD_PRELOAD={os.environ.pop('LD_PRELOAD')} {worker}"
            return harness.Job(worker, self.ranks, self.config, self.log, ["--resume", "auto", *extra])
        finally:
            for key, value in before.items():
                os.environ.pop(key, None)
                if value is not None:
                    os.environ[key] = value

    def finish(self, wanted=0, extra=(), **environment):
        """A launch that ends by itself; its status."""
        status = self.start(extra, **environment).wait(DEADLINE)
        if wanted is not None and status != wanted:
            raise harness.RunFailed(
                f"{self.folder.name} ended with {status}, wanted {wanted}; the end of {self.log}:\n{harness.tail(self.log)}")
        return status

    def latest_step(self):
        try:
            with open(self.folder / "metrics.jsonl", "rb") as file:
                # Its end will do: this is asked many times a second, and the file grows.
                file.seek(max(0, file.seek(0, os.SEEK_END) - (1 << 14)))
                lines = file.read().split(b"\n")[:-1]
            return int(json.loads(lines[-1])["step"]) if lines else 0
        except (FileNotFoundError, json.JSONDecodeError):
            return 0

    def checkpoints(self):
        return sorted(path for path in (self.folder / "checkpoints").glob("step-*") if ".partial-" not in path.name)

    def verifies(self, checkpoint):
        return subprocess.run(
            [*self.options.kelip.split(), "checkpoint", "verify", checkpoint], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode == 0

    def has_whole_checkpoint(self):
        return any(self.verifies(path) for path in reversed(self.checkpoints()))

    def difference(self, unbroken):
        """The first difference in metrics or final weights and moments; None when there is none."""
        wanted, found = (harness.read_metrics(run.folder, run.steps) for run in (unbroken, self))
        for one, other in zip(wanted, found, strict=True):
            if comparable(one) != comparable(other):
                return f"metrics of step {one['step']} differ"
        keys, others = (harness.read_keys(run.folder, run.steps) for run in (unbroken, self))
        if keys != others:
            return "sample keys differ"
        mine, theirs = (run.folder / "checkpoints" / f"step-{run.steps:08d}" for run in (self, unbroken))
        names = sorted(path.name for path in theirs.glob("*.safetensors"))
        if names != sorted(path.name for path in mine.glob("*.safetensors")):
            return "files of the last checkpoint differ"
        for name in names:
            if (mine / name).read_bytes() != (theirs / name).read_bytes():
                return f"{name} of the last checkpoint differs"
        return None

    def ranks_alive(self, job):
        """Processes of the job's ranks, by rank."""
        found = {}
        for member in job.members():
            try:
                variables = pathlib.Path("/proc", str(member), "environ").read_bytes().split(b"\0")
                program = os.path.basename(os.readlink(f"/proc/{member}/exe"))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            rank = next((v.split(b"=")[1] for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK=")), None)
            if rank is not None and program == "kelip-worker":
                found[int(rank)] = member
        return found

    def kill_rank(self, job, rank):
        if (process := self.ranks_alive(job).get(rank)) is not None:
            os.kill(process, signal.SIGKILL)
            return True
        return False
