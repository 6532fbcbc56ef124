#!/usr/bin/env python3
"""Nothing is lost, whoever is killed and whenever: against an unbroken run of the same seed.

  random   SIGKILL of a random rank, rank 0 too, at random moments; the run is started again each time
  saves    SIGKILL of each rank before every call of a save that changes the disk (writes stop half way)
  damage   every file of the newest checkpoint with flipped bits at random places, cut short, or missing
  storage  calls of a save that fail: full disk, failing disk, read-only; once, and for good

After each: a whole checkpoint is there, the automatic resume gives the same metrics as text, the same sample keys and
the same bytes of weights and moments; all damage is found and named. Needs Python's standard library, cc, mpirun and
the program.
"""
import errno
import random
import shutil
import time

import runs
from runs import SAVE_EVERY, Run, harness


def unbroken(options, ranks, **changes):
    run = Run(options, f"unbroken-{ranks}", ranks, **changes)
    run.finish()
    return run


# --- random -----------------------------------------------------------------------------------------------

def random_kills(options, verdict):
    steps = 60
    draw = random.Random(options.seed)
    for ranks in (2, 3):
        reference = unbroken(options, ranks, optimizer__steps=steps)
        killed, rounds, by_rank, without = 0, 0, [0] * ranks, 0
        difference = None
        while killed < options.kills // 2 and difference is None:
            run = Run(options, f"random-{ranks}-{rounds}", ranks, optimizer__steps=steps)
            rounds += 1
            while True:
                job = run.start()
                began, rank = run.latest_step(), draw.randrange(ranks)
                # Somewhere in the next dozen steps, in the middle of one.
                aim, pause = began + draw.randrange(1, 12), draw.random() * 0.05
                while job.process.poll() is None and run.latest_step() < min(aim, steps):
                    time.sleep(0.002)
                time.sleep(pause)
                if killed < options.kills // 2 and run.kill_rank(job, rank):
                    killed += 1
                    by_rank[rank] += 1
                status = job.wait(runs.DEADLINE)
                if status is None:
                    raise harness.RunFailed(f"hung after rank {rank} was killed:\n{harness.tail(run.log)}")
                if run.checkpoints() and not run.has_whole_checkpoint():
                    without += 1
                if status == 0:
                    break
            difference = run.difference(reference)
            shutil.rmtree(run.folder)
        verdict.add(difference is None and without == 0, "random", f"{ranks} ranks",
                    f"{killed} kills {by_rank} over {rounds} runs", difference or "equal")


# --- saves ------------------------------------------------------------------------------------------------

def stands_at(run, reference, step):
    """`run` has saved `step`, and then died; `reference` went on."""
    shutil.rmtree(run.folder, ignore_errors=True)
    shutil.copytree(reference.folder, run.folder)
    for checkpoint in run.checkpoints():
        if checkpoint.name > f"step-{step:08d}":
            shutil.rmtree(checkpoint)
    (run.folder / "checkpoints/latest").write_text(f"step-{step:08d}\n")
    # An older one, for the save to remove.
    newest = run.checkpoints()[-1]
    if not (older := newest.with_name("step-00000001")).exists():
        shutil.copytree(newest, older)


def killed_saves(options, verdict, library):
    for ranks in (1, 2):
        settings = {"optimizer__steps": 2 * SAVE_EVERY, "checkpoint__keep_last": 2}
        reference = unbroken(options, ranks, **settings)
        for rank in range(ranks):
            counted = Run(options, f"count-{ranks}", ranks, **settings)
            stands_at(counted, reference, SAVE_EVERY)
            calls = options.work / "calls.log"
            calls.unlink(missing_ok=True)
            faults = {"LD_PRELOAD": library, "KELIP_FAULT_RANK": rank}
            counted.finish(
                **faults, KELIP_FAULT_FOLDER=counted.folder / "checkpoints", KELIP_FAULT_LOG=calls)
            names = [line.split()[1] for line in calls.read_text().splitlines()]
            bad = []
            for place in range(1, len(names) + 1, options.every):
                run = Run(options, f"save-{ranks}", ranks, **settings)
                stands_at(run, reference, SAVE_EVERY)
                status = run.finish(
                    None, **faults, KELIP_FAULT_FOLDER=run.folder / "checkpoints", KELIP_FAULT_AT=place)
                if status == 0 or not run.has_whole_checkpoint():
                    bad.append(f"call {place} ({names[place - 1]}): status {status}")
                    continue
                run.finish()
                if difference := run.difference(reference):
                    bad.append(f"call {place} ({names[place - 1]}): {difference}")
            kinds = ", ".join(f"{names.count(kind)} {kind}" for kind in sorted(set(names)))
            verdict.add(not bad, "saves", f"rank {rank} of {ranks}", f"{kinds}", "; ".join(bad[:3]) or "equal")


# --- damage -----------------------------------------------------------------------------------------------

def damages(path, draw, count):
    """(name, function that damages the file) with `count` flips of one bit and `count` // 10 cuts."""
    size = path.stat().st_size
    for place in sorted(draw.randrange(size) for _ in range(count)):
        bit = 1 << draw.randrange(8)

        def flip(place=place, bit=bit):
            with open(path, "r+b") as file:
                file.seek(place)
                byte = file.read(1)[0]
                file.seek(place)
                file.write(bytes([byte ^ bit]))
        yield f"bit of byte {place}", flip
    for place in sorted(draw.randrange(size) for _ in range(max(1, count // 10))):
        yield f"cut at {place}", lambda place=place: open(path, "r+b").truncate(place)
    yield "missing", path.unlink


def damaged(options, verdict):
    draw = random.Random(options.seed)
    reference = unbroken(options, 2)
    run = Run(options, "damaged", 2)
    shutil.copytree(reference.folder, run.folder)
    newest = run.checkpoints()[-1]
    for path in sorted(newest.iterdir()):
        original = path.read_bytes()
        missed, tried = [], 0
        for name, damage in damages(path, draw, options.offsets):
            damage()
            tried += 1
            if run.verifies(newest):
                missed.append(name)
            path.write_bytes(original)
        # And one resume, which passes the damaged one over, names it and gets to the same end.
        list(damages(path, draw, 1))[0][1]()
        run.finish()
        log = (run.folder / "run.log").read_text()
        named = f"{newest.name} is damaged and passed over" in log and path.name in log
        difference = run.difference(reference)
        verdict.add(not missed and named and difference is None, "damage", path.name,
                    f"{tried - len(missed)} of {tried} found", difference or ("equal" if named else "not named"))


# --- storage ----------------------------------------------------------------------------------------------

def failing_storage(options, verdict, library):
    reference = unbroken(options, 2)
    for name in options.errors:
        code = getattr(errno, name)
        for rank in (0, 1):
            # Three calls fail (an open alone is tried another way): one save is lost, the run is not.
            run = Run(options, "storage", 2)
            faults = {"LD_PRELOAD": library, "KELIP_FAULT_RANK": rank, "KELIP_FAULT_ERROR": code,
                      "KELIP_FAULT_FOLDER": run.folder / "checkpoints", "KELIP_FAULT_AT": 3}
            run.finish(**faults, KELIP_FAULT_COUNT=3)
            alarm = "could not be saved (1 in a row" in (run.folder / "run.log").read_text()
            difference = run.difference(reference)
            verdict.add(alarm and difference is None, "storage", f"{name} once, rank {rank}",
                        "alarm" if alarm else "no alarm", difference or "equal")
            # All from one on: the run ends with 86, and goes on when the storage is mended.
            run = Run(options, "storage", 2, checkpoint__max_failures=2)
            run.finish(86, **faults | {"KELIP_FAULT_AT": 8 if rank else 40}, KELIP_FAULT_COUNT=0)
            run.finish()
            difference = run.difference(reference)
            verdict.add(difference is None, "storage", f"{name} for good, rank {rank}", "ended with 86, resumed",
                        difference or "equal")


def check(options):
    library = runs.build_faults(options.work)
    verdict = harness.Verdict("scenario", "what", "how", "against the unbroken run")
    parts = {
        "random": lambda: random_kills(options, verdict),
        "saves": lambda: killed_saves(options, verdict, library),
        "damage": lambda: damaged(options, verdict),
        "storage": lambda: failing_storage(options, verdict, library),
    }
    for name, part in parts.items():
        if name in (options.only or parts):
            started = time.monotonic()
            part()
            print(f"  {name}: {time.monotonic() - started:.0f} s", flush=True)
    verdict.finish("nothing is lost")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=100, help="of random ranks, in all")
    parser.add_argument("--every", type=int, default=1, help="kill at every n-th call of a save")
    parser.add_argument("--offsets", type=int, default=200, help="flipped bits a file")
    parser.add_argument("--errors", nargs="*", default=["ENOSPC", "EIO", "EROFS"], help="how storage fails")
    parser.add_argument("--only", nargs="*", choices=["random", "saves", "damage", "storage"])
    harness.checked(check, parser.parse_args())
