#!/usr/bin/env python3
"""A day on a cluster that loses its nodes, in half an hour: ranks are killed every one to three minutes.

A supervisor starts the run again as deploy/slurm does (any status but 0, 2 and 86; three times without progress are
the end), while random ranks, rank 0 too, get SIGKILL. Beside it an unbroken run of the same configuration tells what
the machine gives: the two take turns of 10 s and 5 s, longer where a start falls into them, and whose turn it is not is
stopped (SIGSTOP). At the end the killed run has made at least 90 % of the steps that the other would have made in its
time, metrics.jsonl has every step once, and metrics, sample keys, and weights and moments of the newest checkpoint that
both have kept are equal to the byte. The unbroken run has then made a third of the steps; --compare lets it make the
rest, which takes as long again.

With --minutes 30, three quarters of an hour. Needs Python's standard library, mpirun and the program.
"""
import os
import pathlib
import random
import shutil
import signal
import statistics
import time

import runs
from runs import Run, harness

# Seconds, and the unbroken run's time for a second of the killed one's.
TURN, SHARE = 10, 0.5
SAVE_EVERY = 20
LEAST = 0.9
SAVED, FATAL = 85, (0, 2, 86)
MOST_RESTARTS = 3
TICK = 0.05


class Turns:
    """A run that goes on in turns, and its own clock, which stands still between them."""

    def __init__(self, run):
        self.run, self.job = run, run.start()
        self.seconds, self.since, self.reached = 0.0, None, 0
        self.pause()

    def clock(self):
        return self.seconds + (time.monotonic() - self.since if self.since else 0)

    def go_on(self):
        self.since = time.monotonic()
        self.send(signal.SIGCONT)

    def pause(self):
        self.send(signal.SIGSTOP)
        self.seconds, self.since = self.clock(), None

    def send(self, what):
        reached = set()
        # A launcher that is just starting its ranks has more of them a moment later.
        while left := set(self.job.members()) - reached:
            for member in left:
                try:
                    os.kill(member, what)
                except ProcessLookupError:
                    pass
            reached |= left

    def turn(self, seconds):
        """Lets the run go on for a while; (steps, seconds) that it made of it."""
        before, began = self.run.latest_step(), self.clock()
        self.go_on()
        # Timers of a start run on while a job is stopped: it would gain by that.
        while (left := began + seconds - self.clock()) > 0 or not self.is_steady():
            time.sleep(min(left, TICK) if left > 0 else TICK)
            self.look()
        self.pause()
        return self.run.latest_step() - before, self.clock() - began

    def is_steady(self):
        return True

    def look(self):
        if self.job.process.poll() is not None:
            raise harness.RunFailed(
                f"{self.run.folder.name} ended with {self.job.process.returncode}:\n{harness.tail(self.run.log)}")

    def go_on_until(self, done, what):
        self.go_on()
        end = time.monotonic() + runs.DEADLINE
        while not done():
            if time.monotonic() > end:
                raise harness.RunFailed(
                    f"{self.run.folder.name}: {what} takes too long:\n{harness.tail(self.run.log)}")
            time.sleep(TICK)
            self.look()
            # However far there is to go: only standing still is too long.
            if (step := self.run.latest_step()) != self.reached:
                self.reached, end = step, time.monotonic() + runs.DEADLINE

    def stop(self):
        """Asks it to save where it stands, and to end; the step."""
        os.kill(self.run.ranks_alive(self.job)[0], signal.SIGUSR1)
        if (status := self.job.wait(runs.DEADLINE)) != SAVED:
            raise harness.RunFailed(f"{self.run.folder.name} ended with {status}:\n{harness.tail(self.run.log)}")
        return self.run.latest_step()


class Killed(Turns):
    """The run whose ranks are killed, and what starts it again. Times are those of its clock."""

    def __init__(self, run, draw):
        self.draw, self.next_kill, self.killed_at = draw, draw.uniform(60, 180), None
        self.kills, self.restarts, self.without_progress = [0] * run.ranks, 0, 0
        self.newest = self.from_step = self.started_at = 0
        self.truncated = True
        self.noticed, self.starts, self.redone = [], [], []
        super().__init__(run)

    def look(self):
        if self.job.process.poll() is not None:
            self.start_again(self.job.process.returncode)
        elif self.started_at is not None:
            self.watch_start()
        elif self.killed_at is None and self.clock() >= self.next_kill:
            rank = self.draw.randrange(self.run.ranks)
            if self.run.kill_rank(self.job, rank):
                self.kills[rank] += 1
                self.killed_at = self.clock()
                self.next_kill += self.draw.uniform(60, 180)
        elif self.killed_at and self.clock() > self.killed_at + runs.DEADLINE:
            raise harness.RunFailed(f"hung after a rank was killed:\n{harness.tail(self.run.log)}")

    def is_steady(self):
        return self.killed_at is None and self.started_at is None

    def start_again(self, status):
        self.job.kill()
        if status in FATAL:
            raise harness.RunFailed(f"ended with {status}:\n{harness.tail(self.run.log)}")
        if self.killed_at:
            self.noticed.append(self.clock() - self.killed_at)
            self.killed_at = None
        newest = newest_checkpoint(self.run)
        self.without_progress = 0 if newest > self.newest else self.without_progress + 1
        if self.without_progress > MOST_RESTARTS:
            raise harness.RunFailed(f"no progress beyond {newest}:\n{harness.tail(self.run.log)}")
        self.redone.append(self.run.latest_step() - newest)
        self.newest = self.from_step = newest
        self.restarts, self.truncated, self.started_at = self.restarts + 1, False, self.clock()
        self.job = self.run.start()

    def watch_start(self):
        """The steps to be made again leave metrics.jsonl; the first one that comes back ends the start."""
        step = self.run.latest_step()
        self.truncated |= step == self.from_step
        if self.truncated and step > self.from_step:
            self.starts.append(self.clock() - self.started_at)
            self.started_at = None
        elif self.clock() > self.started_at + runs.DEADLINE:
            raise harness.RunFailed(f"no step since it was started:\n{harness.tail(self.run.log)}")

    def progress(self):
        """The step that it has reached, without those that it will make again."""
        return self.run.latest_step() if self.truncated else self.from_step


def newest_checkpoint(run):
    try:
        return int((run.folder / "checkpoints/latest").read_text().rpartition("-")[2])
    except FileNotFoundError:
        return 0


def difference(run, unbroken, steps, compared):
    """The first difference in what both have; None when there is none."""
    metrics = [harness.read_metrics(each.folder, count) for each, count in ((run, steps), (unbroken, compared))]
    keys = [harness.read_keys(each.folder, count) for each, count in ((run, steps), (unbroken, compared))]
    for mine, theirs in zip(*metrics):
        if runs.comparable(mine) != runs.comparable(theirs):
            return f"metrics of step {mine['step']} differ"
    if any(mine != theirs for mine, theirs in zip(*keys)):
        return "sample keys differ"
    kept = {path.name for path in run.checkpoints()} & {path.name for path in unbroken.checkpoints()}
    if not kept:
        return "no checkpoint that both have kept"
    mine, theirs = (each.folder / "checkpoints" / max(kept) for each in (run, unbroken))
    names = sorted(path.name for path in theirs.glob("*.safetensors"))
    same = names and all((mine / name).read_bytes() == (theirs / name).read_bytes() for name in names)
    print(f"compared: {min(steps, compared)} steps, {max(kept)}")
    return None if same else f"weights or moments of {max(kept)} differ"


def settings(minutes):
    return {
        "optimizer__steps": 10_000_000, "optimizer__schedule": "constant", "optimizer__lr": 2e-4,
        "optimizer__warmup": 100,
        "augmentation__train": "random_resized_crop",
        "checkpoint__every_steps": SAVE_EVERY,
        # A dozen or two in all, some of them within the third that the unbroken run makes.
        "checkpoint__keep_every_steps": SAVE_EVERY * max(1, round(minutes)),
    }


def check(options):
    shutil.copy(pathlib.Path(__file__).parents[2] / "configs/models/quickstart.yaml", options.work / "model.yaml")
    unbroken = Turns(Run(options, "unbroken", options.ranks, **settings(options.minutes)))
    unbroken.go_on_until(unbroken.run.latest_step, "the first step")
    unbroken.pause()
    unbroken.seconds = 0.0
    killed = Killed(Run(options, "killed", options.ranks, **settings(options.minutes)), random.Random(options.seed))
    try:
        soak(options, unbroken, killed)
    finally:
        for each in (unbroken, killed):
            each.job.kill()


def soak(options, unbroken, killed):
    turns = []
    told = 0
    while killed.clock() < 60 * options.minutes:
        killed.turn(TURN)
        turns.append(unbroken.turn(SHARE * killed.clock() - unbroken.clock()))
        if killed.clock() >= told + 60:
            told = killed.clock()
            print(f"  {told / 60:.0f} min: step {killed.progress()}, {sum(killed.kills)} kills; "
                  f"unbroken {60 * rate_of(turns):.0f} steps/min", flush=True)
    seconds, steps = killed.clock(), killed.progress()

    # No kills any more, on to a checkpoint that the unbroken run makes as well, and a requeue by signal.
    killed.next_kill = float("inf")
    killed.go_on_until(lambda: killed.truncated and newest_checkpoint(killed.run) > steps, "the next checkpoint")
    saved = newest_checkpoint(killed.run)
    last = killed.stop()
    unbroken.go_on()
    if options.compare:
        unbroken.go_on_until(lambda: newest_checkpoint(unbroken.run) >= saved, "its checkpoint")
    compared = unbroken.stop()
    report(killed, seconds, steps, turns, difference(killed.run, unbroken.run, last, compared))


def rate_of(turns):
    """Steps a second."""
    return sum(steps for steps, _ in turns) / sum(seconds for _, seconds in turns)


def report(killed, seconds, steps, turns, differs):
    wanted = rate_of(turns) * seconds
    noise = abs(rate_of(turns[::2]) / rate_of(turns[1::2]) - 1)
    records = harness.read_lines(killed.run.folder / "metrics.jsonl")
    # A step that was stopped for another's turn took none of this run's time.
    clear = [taken for taken in harness.column(records, "step_seconds") if taken < SHARE * TURN / 2]
    steady = seconds / statistics.mean(clear)
    verdict = harness.Verdict("what", "figure", "how")
    verdict.add(sum(killed.kills) > 0 and len(killed.noticed) == sum(killed.kills), "kills",
                f"{sum(killed.kills)} in {seconds / 60:.0f} min", f"by rank {killed.kills}")
    verdict.add(killed.restarts >= sum(killed.kills), "restarts", killed.restarts, "none without progress")
    for name, values in (("noticed after", killed.noticed), ("first step after", killed.starts)):
        if values:
            verdict.add(True, name, f"{statistics.median(values):.1f} s", f"at most {max(values):.1f} s")
    verdict.add(True, "steps made again", sum(killed.redone), f"{statistics.mean(killed.redone or [0]):.0f} a kill")
    verdict.add(steps >= LEAST * wanted, "steps", f"{steps} = {steps / wanted:.1%}",
                f"of {wanted:.0f} unbroken (odd turns over even ones: {noise:.1%} off), bar {LEAST:.0%}")
    verdict.add(True, "of its own steady steps", f"{steps / steady:.1%}", f"of {steady:.0f}")
    verdict.add(differs is None, "against the unbroken run", "every step once", differs or "equal")
    verdict.finish("kills cost little, and nothing of the result")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30, help="of the killed run")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--compare", action="store_true", help="the unbroken run makes all steps, too")
    harness.checked(check, parser.parse_args())
