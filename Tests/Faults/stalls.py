#!/usr/bin/env python3
"""A run that stands still is ended: ranks that are stopped (SIGSTOP), rank 0 too, or that hang in a call.

Within the watchdog's limit and ten seconds the job ends with the code that asks for a requeue; the log names the rank, its
process and what it was doing; stacks are written; and the run, started again, ends as an unbroken one. Also: signals that
ask to stop (one: saved and 85; a second one, later: at once), and a second run in the same directory. Needs Python's
standard library, cc, mpirun and the program.
"""
import os
import random
import signal
import time

import runs
from runs import Run, harness

LIMIT = 6
STEPS = 150


def wait_for_step(run, job, step):
    deadline = time.monotonic() + 60
    while run.latest_step() < step:
        if job.process.poll() is not None or time.monotonic() > deadline:
            raise harness.RunFailed(f"no step {step}:\n{harness.tail(run.log)}")
        time.sleep(0.005)


def settings(**more):
    return {"optimizer__steps": STEPS, "checkpoint__every_steps": 20, "watchdog__step_seconds": LIMIT} | more


def stopped(options, verdict, reference, draw):
    for rank in (2, 0):
        run = Run(options, f"stopped-{rank}", 3, **settings())
        job = run.start()
        wait_for_step(run, job, draw.randrange(25, 60))
        process = run.ranks_alive(job)[rank]
        os.kill(process, signal.SIGSTOP)
        began = time.monotonic()
        status = job.wait(LIMIT + 60)
        seconds = time.monotonic() - began
        text = run.log.read_text(errors="replace")
        named = (f"rank {rank} (process {process} on" if rank else "rank 0 (on") in text and "silent for" in text
        stacks = any((run.folder / "stacks").glob("rank-*.txt"))
        run.finish()
        difference = run.difference(reference)
        verdict.add(
            status == 85 and seconds <= LIMIT + 10 and named and stacks and difference is None, f"SIGSTOP of rank {rank}",
            f"status {status} after {seconds:.1f} s, limit {LIMIT} s", "named, stacks" if named and stacks else "not named",
            difference or "equal")


def signalled(options, verdict, reference):
    # Once: saved where the run stands.
    run = Run(options, "signalled", 2, **settings())
    job = run.start()
    wait_for_step(run, job, 30)
    for process in run.ranks_alive(job).values():
        os.kill(process, signal.SIGUSR1)
    status = job.wait(60)
    step = run.latest_step()
    saved = (run.folder / f"checkpoints/step-{step:08d}").exists()
    run.finish()
    verdict.add(status == 85 and saved, "SIGUSR1", f"status {status}, saved at step {step}: {saved}", "",
                run.difference(reference(2)) or "equal")
    # Twice, while a rank cannot answer: at once.
    run = Run(options, "signalled-twice", 2, **settings())
    job = run.start()
    wait_for_step(run, job, 30)
    ranks = run.ranks_alive(job)
    os.kill(ranks[1], signal.SIGSTOP)
    os.kill(ranks[0], signal.SIGTERM)
    time.sleep(4)
    os.kill(ranks[0], signal.SIGTERM)
    began = time.monotonic()
    status = job.wait(60)
    seconds = time.monotonic() - began
    run.finish()
    verdict.add(status == 85 and seconds < 5, "second SIGTERM", f"status {status} after {seconds:.1f} s", "",
                run.difference(reference(2)) or "equal")


def second_run(options, verdict):
    run = Run(options, "twice", 2, **settings())
    job = run.start()
    wait_for_step(run, job, 5)
    other = Run.__new__(Run)
    other.__dict__ = run.__dict__ | {"log": options.work / "twice-second.log"}
    status = other.start().wait(60)
    text = other.log.read_text(errors="replace")
    holder = run.ranks_alive(job).get(0)
    named = f"process {holder} on" in text
    verdict.add(status == 2 and named, "a second run in the directory", f"status {status}", "holder named" if named else text[-200:], "")
    job.kill()
    # The lock of a killed run is no obstacle.
    status = run.finish(None)
    verdict.add(status == 0, "a lock of a killed run", f"status {status}", "", "")


def check(options):
    draw = random.Random(options.seed)
    verdict = harness.Verdict("what", "how it ended", "told", "against the unbroken run")
    made = {}

    def reference(ranks):
        if ranks not in made:
            made[ranks] = Run(options, f"unbroken-{ranks}", ranks, **settings())
            made[ranks].finish()
        return made[ranks]

    parts = {
        "stopped": lambda: stopped(options, verdict, reference(3), draw),
        "signalled": lambda: signalled(options, verdict, reference),
        "second": lambda: second_run(options, verdict),
    }
    for name in options.only or parts:
        parts[name]()
    verdict.finish("a run that stands still is ended")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=["stopped", "signalled", "second"])
    harness.checked(check, parser.parse_args())
