#!/usr/bin/env python3
"""The shipped batch scripts on a real Slurm of two nodes: whatever ends a job, the run ends as an unbroken one.

Each scenario trains the same small model on one rank a node, is disturbed (a time limit, a requeue, a preemption, crashes,
a lost node) and must end with the same bytes of weights and, as text, the same metrics as a run that was left alone (keys
ending in `_seconds` and `samples_per_second` excepted). Jobs that cannot succeed must not come back. Prints a line a
scenario and `N passed, N failed`. Needs root, Slurm's Debian packages (installed where missing), mpirun and the program.
"""
import os
import pathlib
import re
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Parity"))
import harness  # noqa: E402
import resume  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = {"mpirun": "deploy/slurm/train.sbatch", "srun": "deploy/slurm/train-srun.sbatch"}
NODES = ("n1", "n2")
RUN_SECONDS = 25
CHECKPOINTS = 10
DEADLINE = 400
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE", "PREEMPTED"}


class Failed(Exception):
    """A scenario did not go as it should."""


def wait_for(condition, what, timeout=DEADLINE, pause=0.5):
    """The first true value of `condition()`."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(pause)
    raise Failed(f"waited {timeout} s for {what}")


# --- Slurm ------------------------------------------------------------------------------------------------

class Cluster:
    """Slurm on this machine, for as long as the `with` lasts."""

    def __init__(self, directory):
        self.directory = directory
        self.environment = os.environ | {"SLURM_CONF": str(directory / "slurm.conf")}

    def __enter__(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        started = self.control("start")
        if started.returncode:
            raise Failed(f"no Slurm here:\n{started.stdout}")
        return self

    def __exit__(self, *_):
        stopped = self.control("stop")
        if stopped.returncode:
            print(stopped.stdout, file=sys.stderr)

    def control(self, command, *arguments):
        # Through a file: daemons would keep a pipe open.
        log = self.directory.with_suffix(f".{command}.log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "w", encoding="utf-8") as output:
            ended = subprocess.run(
                [HERE / "cluster.sh", command, self.directory, *arguments], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, check=False, timeout=600)
        ended.stdout = log.read_text(errors="replace")
        return ended

    def command(self, *words, environment=None):
        """What a command of Slurm's says."""
        ended = subprocess.run(
            list(map(str, words)), env=self.environment | (environment or {}), cwd=ROOT, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
        if ended.returncode:
            raise Failed(f"{shlex.join(map(str, words))}: {ended.stderr.strip() or ended.stdout.strip()}")
        return ended.stdout.strip()

    def node_states(self):
        return self.command("sinfo", "--noheader", "--Node", "--partition", "main", "--format", "%N=%t").split()

    def wait_until_idle(self):
        wait_for(lambda: self.node_states() == [f"{node}=idle" for node in NODES], "both nodes to be idle", 90)

    def kill_node(self, node):
        """SIGKILL to the node's slurmd, as when its machine stops answering."""
        os.kill(int((self.directory / f"{node}.pid").read_text()), signal.SIGKILL)

    def start_node(self, node):
        if (started := self.control("node", node)).returncode:
            raise Failed(f"slurmd of {node}: {started.stdout}")


class Job:
    """A submitted batch script and the run that it trains."""

    def __init__(self, cluster, name, run, words, environment=None):
        self.cluster, self.run = cluster, run
        self.log = run.with_suffix(".log")
        self.log.unlink(missing_ok=True)
        self.id = cluster.command(
            "sbatch", "--parsable", f"--job-name={name}", f"--output={self.log}", *words, environment=environment)

    def facts(self):
        """What `scontrol show job` says; the log of a job that is forgotten is no longer written either."""
        line = self.cluster.command("scontrol", "show", "job", "--oneliner", self.id)
        return dict(re.findall(r"(\w+)=(\S*)", line))

    def restarts(self):
        return int(self.facts()["Restarts"])

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_for_step(self, step):
        def reached():
            self.must_live()
            return resume.latest_step(self.run) >= step
        wait_for(reached, f"step {step} of job {self.id}:\n{self.tail()}", pause=0.2)

    def must_live(self):
        if (state := self.facts()["JobState"]) in ENDED:
            raise Failed(f"job {self.id} ended ({state}) before its time:\n{self.tail()}")

    def tail(self):
        return "\n".join(self.said().splitlines()[-25:])

    def wait_for_restart(self, count):
        wait_for(lambda: self.restarts() >= count, f"restart {count} of job {self.id}:\n{self.tail()}")

    def end(self):
        """Waits for the end: (state, exit code, restarts)."""
        def ended():
            facts = self.facts()
            return facts["JobState"] in ENDED and facts
        facts = wait_for(ended, f"the end of job {self.id}:\n{self.tail()}")
        return facts["JobState"], facts["ExitCode"], int(facts["Restarts"])


# --- Runs -------------------------------------------------------------------------------------------------

class Bench:
    """What the scenarios share: the options, the cluster, the length of a run and the unbroken one."""

    def __init__(self, options, cluster):
        self.options, self.cluster = options, cluster
        self.model = harness.write_yaml(options.work / "model.yaml", harness.model_config(options.tokenizer))
        self.short = options.steps or self.steps_for_the_time()
        self.use(1)
        self.references = {}

    def use(self, times):
        """The length of the runs that follow, in short ones."""
        self.steps = self.short * times
        self.every = max(1, self.steps // CHECKPOINTS)

    def settings(self, run, **changes):
        return harness.run_config(
            self.options, self.model, run, log__sample_keys=False,
            **{"optimizer__steps": self.steps, "checkpoint__every_steps": self.every} | changes)

    def steps_for_the_time(self):
        self.steps, self.every = 30, 30
        run = harness.train(self.options, "speed", len(NODES), self.settings(self.options.work / "speed"))
        seconds = harness.column(harness.read_metrics(run, 30)[10:], "step_seconds")
        return max(100, round(RUN_SECONDS / statistics.median(seconds) / 100) * 100)

    def submit(self, name, variant, sbatch=(), worker=None, extra=(), **changes):
        run = self.options.work / name
        shutil.rmtree(run, ignore_errors=True)
        config = harness.write_yaml(run.with_suffix(".yaml"), harness.sections(self.settings(run, **changes)))
        # Both nodes are this machine: ranks bound by node would share its first core.
        environment = {
            "KELIP_HOME": str(ROOT), "KELIP_WORKER": str(worker or self.options.worker),
            "KELIP_MPIRUN_OPTIONS": "--oversubscribe --bind-to none",
        }
        shape = [f"--nodes={len(NODES)}", "--ntasks-per-node=1", "--partition=main", "--time=20"]
        return Job(self.cluster, name, run, [*shape, *sbatch, SCRIPTS[variant], config, *extra], environment)

    def finish(self, job, restarts):
        """The job must complete after that many restarts (or one of several numbers), equal to the unbroken run."""
        state, code, found = job.end()
        if state != "COMPLETED":
            raise Failed(f"job {job.id} is {state} with {code} after {found} restarts:\n{job.tail()}")
        if found not in ([restarts] if isinstance(restarts, int) else restarts):
            raise Failed(f"job {job.id} restarted {found} times, wanted {restarts}:\n{job.tail()}")
        if (job.run / "restarts").exists():
            raise Failed(f"{job.run}/restarts is still there")
        self.compare(job.run)
        return f"{found} restart(s)"

    def reference(self):
        """The unbroken run of the length in use, under mpirun alone."""
        if self.steps not in self.references:
            run = self.options.work / f"alone-{self.steps}"
            self.references[self.steps] = harness.train(self.options, run.name, len(NODES), self.settings(run))
        return self.references[self.steps]

    def compare(self, run):
        reference = self.reference()
        records = harness.read_metrics(run, self.steps)
        if difference := resume.compare_records(records, harness.read_metrics(reference, self.steps), self.steps):
            raise Failed(f"{run} differs from the unbroken run: {difference}")
        weights, wanted = (harness.weights_path(each, self.steps).read_bytes() for each in (run, reference))
        if weights != wanted:
            raise Failed(f"the weights of {run} differ from the unbroken run's")

    def crasher(self, name, body):
        """A worker whose first rank is killed when `body` (Python; `step` is its run's) is true."""
        script = self.options.work / f"{name}.py"
        script.write_text(CRASHER.format(
            python=sys.executable, parity=HERE.parent / "Parity", run=self.options.work / name,
            worker=str(self.options.worker), body=body), encoding="utf-8")
        script.chmod(0o755)
        return script


CRASHER = '''#!{python}
"""Runs the worker; on the first rank kills it when `{body}`."""
import os, pathlib, signal, subprocess, sys, time
sys.path.insert(0, "{parity}")
import resume
command = ["{worker}", *sys.argv[1:]]
rank = os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ.get("PMIX_RANK") or "0"
if rank != "0":
  os.execv(command[0], command)
run = pathlib.Path("{run}")
stale, first = resume.written(run), None
worker = subprocess.Popen(command)
while (status := worker.poll()) is None:
  time.sleep(0.05)
  # The file still shows the steps of the attempt before until this one has written.
  if resume.written(run) == stale:
    continue
  step = resume.latest_step(run)
  first = first or step
  if {body}:
    worker.kill()
    worker.wait()
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(status if status >= 0 else 128 - status)
'''


# --- Scenarios --------------------------------------------------------------------------------------------

def unbroken(bench, name, variant):
    return bench.finish(bench.submit(name, variant), 0)


def time_limit(bench, name, variant):
    job = bench.submit(name, variant, ["--time=1", "--signal=B:USR1@20"])
    job.wait_for_restart(1)
    bench.cluster.command("scontrol", "update", f"JobId={job.id}", "TimeLimit=20")
    outcome = bench.finish(job, 1)
    if "saved: requeueing" not in job.said():
        raise Failed(f"nothing was saved:\n{job.tail()}")
    return outcome


def requeued(bench, name, variant):
    job = bench.submit(name, variant)
    job.wait_for_step(bench.steps // 3)
    bench.cluster.command("scontrol", "requeue", job.id)
    return bench.finish(job, 1)


def preempted(bench, name, variant):
    job = bench.submit(name, variant)
    job.wait_for_step(bench.steps // 3)
    urgent = Job(bench.cluster, "urgent", bench.options.work / f"{name}-urgent", [
        f"--nodes={len(NODES)}", "--ntasks-per-node=2", "--partition=urgent", "--time=2", "--wrap=sleep 2"])
    outcome = bench.finish(job, 1)
    if (state := urgent.end()[0]) != "COMPLETED":
        raise Failed(f"the urgent job is {state}")
    return outcome


def crashing(bench, name, variant):
    """Dies at the same step in every attempt, which no checkpoint lies behind."""
    fatal = bench.every + max(2, bench.every // 2)
    job = bench.submit(name, variant, worker=bench.crasher(name, f"step >= {fatal}"))
    state, code, restarts = job.end()
    if (state, code, restarts) != ("FAILED", "86:0", 3) or "given up" not in job.said():
        raise Failed(f"job {job.id} is {state} with {code} after {restarts} restarts:\n{job.tail()}")
    return "3 restarts, then 86"


def crashing_on(bench, name, variant):
    """Dies again and again, but with a new checkpoint each time: more often than a run without progress may."""
    worker = bench.crasher(name, f"step >= first + {2 * bench.every + bench.every // 2}")
    return bench.finish(bench.submit(name, variant, worker=worker), range(4, CHECKPOINTS))


def lost_node(bench, name, variant):
    job = bench.submit(name, variant)
    job.wait_for_step(bench.every)
    bench.cluster.kill_node("n2")
    wait_for(lambda: job.facts()["JobState"] != "RUNNING", "Slurm to notice that n2 is lost", 120)
    bench.cluster.start_node("n2")
    return bench.finish(job, (1, 2))


def bad_configuration(bench, name, variant):
    return never_requeued(bench.submit(name, variant, extra=["--set", "optimizer.lrr=1"]), "2:0")


def fatal(bench, name, variant):
    return never_requeued(bench.submit(name, variant, optimizer__lr=1e3, optimizer__warmup=0), "86:0")


def never_requeued(job, wanted):
    state, code, restarts = job.end()
    if (state, code, restarts) != ("FAILED", wanted, 0):
        raise Failed(f"job {job.id} is {state} with {code} after {restarts} restarts:\n{job.tail()}")
    return f"status {wanted.partition(':')[0]}, no restart"


def cancelled(bench, name, variant):
    job = bench.submit(name, variant)
    job.wait_for_step(bench.every)
    bench.cluster.command("scancel", job.id)
    state, _, restarts = job.end()
    time.sleep(10)
    if state != "CANCELLED" or job.facts()["JobState"] != state or restarts:
        raise Failed(f"job {job.id} is {job.facts()['JobState']} after {restarts} restarts:\n{job.tail()}")
    return "stays cancelled"


# Name, what to do, the run's length in short ones, what it shows. The long ones last while Slurm takes its time: it looks
# for time limits every half minute, and for nodes that do not answer after ten seconds.
SCENARIOS = [
    ("unbroken", unbroken, 1, "trains to its end"),
    ("requeue", requeued, 1, "goes on after scontrol requeue"),
    ("preempted", preempted, 1, "gives way to an urgent job, and goes on"),
    ("crash", crashing, 1, "crashes without progress, and is given up"),
    ("crash-on", crashing_on, 1, "crashes with progress, and is not given up"),
    ("status-2", bad_configuration, 1, "a bad configuration is not requeued"),
    ("status-86", fatal, 1, "a fatal end is not requeued"),
    ("cancelled", cancelled, 1, "a cancelled job stays cancelled"),
    ("time-limit", time_limit, 2, "saves before its time limit, and goes on"),
    ("lost-node", lost_node, 2, "loses a node, and goes on"),
]


def check(options):
    passed = failed = 0
    with Cluster(options.work / "cluster") as cluster:
        bench = Bench(options, cluster)
        print(f"{bench.steps} steps a run, twice as many in a long one", flush=True)
        for kind, scenario, length, description in SCENARIOS:
            for variant in SCRIPTS:
                name = f"{kind}-{variant}"
                if not re.search(options.only, name):
                    continue
                bench.use(length)
                started = time.monotonic()
                try:
                    outcome, word = scenario(bench, name, variant), "ok"
                    passed += 1
                except (Failed, harness.RunFailed) as failure:
                    outcome, word = str(failure), "FAILED"
                    failed += 1
                    cluster.command("scancel", "--user", "root")
                print(f"{word:7} {variant}: {description} ({outcome}; {time.monotonic() - started:.0f} s)", flush=True)
                cluster.wait_until_idle()
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if passed and not failed else 1)


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--steps", type=int, help=f"of a short run; as many as take {RUN_SECONDS} s unless given")
    parser.add_argument("--only", default="", help="scenarios whose name (KIND-VARIANT) this regular expression finds")
    parsed = parser.parse_args()
    parsed.worker = str(pathlib.Path(parsed.worker).resolve())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    harness.checked(check, parsed)
