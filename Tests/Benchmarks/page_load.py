#!/usr/bin/env python3
"""What two hundred clients of the live page cost the training beside it: ViT-B/32 on two ranks, one run, in turns.

Every second turn of half a minute the page has 200 connections: readers that ask for the status every 2–5 s, as the
page does, clients that send a byte a second or hardly read, oversized heads, wrong tokens, no tokens, and POSTs. Told are the
step time of loaded turns over that of the unloaded ones around them, how far unloaded turns are apart from each other,
and the processor time that the page's thread and the clients took: the clients run on the same machine (niceness 19).

Times are told, not judged. Exits 1 when anything but /healthz was answered without the token, or a reader was not.
--pictures takes screenshots of the loaded page with Chromium. Needs Python's standard library, mpirun and the program.
"""
import asyncio
import collections
import os
import pathlib
import random
import re
import secrets
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Parity"))
import harness  # noqa: E402

RANKS, BATCH = 2, 16
NICENESS = 10
CLIENTS = {"reader": 120, "slow sender": 40, "slow reader": 20, "oversized": 6, "wrong token": 7, "post": 7}
START_SECONDS = 300


# --- Clients ----------------------------------------------------------------------------------------------

class Load:
    """Connections of all kinds, and what they were answered: (kind, asked for) → status → count."""

    def __init__(self, port, token, seed):
        self.port, self.token, self.draw = port, token, random.Random(seed)
        self.answers = collections.defaultdict(collections.Counter)
        self.slowest = 0.0

    async def run(self, seconds):
        kinds = [self.reader, self.slow_sender, self.slow_reader, self.oversized, self.wrong_token, self.post]
        clients = [asyncio.create_task(self.again_and_again(kind))
                   for kind, count in zip(kinds, CLIENTS.values(), strict=True) for _ in range(count)]
        await asyncio.sleep(seconds)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def again_and_again(self, client):
        """Connects anew whenever the page has closed; not all at once."""
        await asyncio.sleep(5 * self.draw.random())
        while True:
            writer = None
            try:
                # What is not read shall wait at the page, not here.
                small = {"limit": 100} if client == self.slow_reader else {}
                reader, writer = await asyncio.open_connection(sock=await self.connected(**small), **small)
                await client(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                if writer:
                    writer.close()
            await self.pause()

    async def connected(self, limit=None):
        connection = socket.socket()
        connection.setblocking(False)
        if limit:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limit)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        return connection

    def pause(self):
        return asyncio.sleep(self.draw.uniform(2, 5))

    def bearer(self):
        return f"Authorization: Bearer {self.token}\r\n"

    async def ask(self, streams, kind, head, body=b""):
        """One request on a connection that stays; its status is counted."""
        reader, writer = streams
        began = time.monotonic()
        writer.write(f"{head}\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        status = int(answer.split()[1])
        length = re.search(r"(?i)content-length: (\d+)", answer)
        text = await reader.readexactly(int(length[1]) if length else 0)
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers[kind, " ".join(head.split()[:2]).partition("?")[0]][status] += 1
        return text

    async def reader(self, *streams):
        known = 0
        while True:
            text = await self.ask(streams, "reader", f"GET /status.json?since={known} HTTP/1.1\r\n{self.bearer()}")
            known = int(re.search(rb'"step": ?(\d+)', text)[1])
            await self.pause()

    async def slow_sender(self, reader, writer):
        for letter in f"GET /status.json HTTP/1.1\r\n{self.bearer()}\r\n":
            writer.write(letter.encode())
            try:
                answer = await asyncio.wait_for(reader.read(100), 1)
            except TimeoutError:
                continue
            self.answers["slow sender", "GET /status.json"][int(answer.split()[1]) if answer else "closed"] += 1
            break

    async def slow_reader(self, reader, writer):
        writer.write(f"GET / HTTP/1.1\r\n{self.bearer()}\r\n".encode() * 20)
        while await reader.read(100):
            await asyncio.sleep(1)

    async def oversized(self, *streams):
        await self.ask(streams, "oversized", f"GET /healthz HTTP/1.1\r\nX: {'x' * 9000}\r\n")

    async def wrong_token(self, *streams):
        while True:
            path = self.draw.choice(["/", "/status.json", "/metrics", "/evaluation.json", "/healthz", "/?token=0"])
            token = self.draw.choice(["", "Authorization: Bearer 0\r\n", f"Cookie: kelip={self.token[:-1]}\r\n"])
            await self.ask(streams, "wrong token", f"GET {path} HTTP/1.1\r\n{token}")
            await self.pause()

    async def post(self, *streams):
        token = self.draw.choice(["", self.bearer()])
        head = f"POST /status.json HTTP/1.1\r\n{token}Content-Length: 10\r\n"
        await self.ask(streams, "post", head, b"0123456789")

    def faults(self):
        """Answers that nobody should have got."""
        for (kind, asked), statuses in self.answers.items():
            allowed = {200} if kind == "reader" or (kind, asked) == ("wrong token", "GET /healthz") else {
                401, 405, 408, 413, 431, "closed"}
            for status in set(statuses) - allowed:
                yield f"{kind}: {asked} was answered {status} {statuses[status]} times"


# --- The run ----------------------------------------------------------------------------------------------

class Training:
    def __init__(self, options):
        self.folder = options.work / "run"
        subprocess.run(["rm", "-rf", self.folder], check=True)
        token_file = options.work / "token"
        token_file.unlink(missing_ok=True)
        self.token = secrets.token_hex(32)
        with os.fdopen(os.open(token_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(self.token + "\n")
        dotted = harness.run_config(
            options, ROOT / "configs/models/kelip-vit-b-32.yaml", self.folder, model__precision="bf16",
            data__global_batch_size=BATCH, optimizer__steps=1_000_000, optimizer__lr=1e-5,
            checkpoint__every_steps=1_000_000, log__page_port=0, log__page_token_file=token_file,
            log__sample_keys=False)
        config = harness.write_yaml(options.work / "run.yaml", harness.sections(dotted))
        self.log = options.work / "run.log"
        self.log.unlink(missing_ok=True)
        self.job = harness.Job(options.worker, RANKS, config, self.log)

    def records(self):
        path = self.folder / "metrics.jsonl"
        return harness.read_lines(path) if path.exists() else []

    def wait_for_step(self, step):
        end = time.monotonic() + START_SECONDS
        while len(self.records()) < step:
            if self.job.process.poll() is not None or time.monotonic() > end:
                raise harness.RunFailed(f"no step {step}:\n{harness.tail(self.log)}")
            time.sleep(0.5)

    def port(self):
        found = re.search(r"live page at http://[\d.]+:(\d+)", (self.folder / "run.log").read_text())
        if not found:
            raise harness.RunFailed(f"no live page:\n{harness.tail(self.log)}")
        return int(found[1])

    def page_seconds(self):
        """Processor time of the page's thread, which is the one of its niceness."""
        for member in self.job.members():
            for task in pathlib.Path(f"/proc/{member}/task").glob("*"):
                # From the third field on, behind the name in brackets: state, …
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                if int(fields[16]) == NICENESS:
                    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        raise harness.RunFailed(f"no thread of the page:\n{harness.tail(self.log)}")


# --- Turns ------------------------------------------------------------------------------------------------

def turn(training, load, seconds):
    """(median step time, processor time of the page's thread, that of the clients) of a turn, whose first step, which
    began before it, does not count."""
    before, page, clients = len(training.records()), training.page_seconds(), time.process_time()
    if load:
        asyncio.run(load.run(seconds))
    else:
        time.sleep(seconds)
    page, clients = training.page_seconds() - page, time.process_time() - clients
    steps = harness.column(training.records()[before + 1:], "step_seconds")
    if not steps:
        raise harness.RunFailed("no step within a turn: longer turns, --seconds")
    return statistics.median(steps), page, clients


def over_neighbours(values, places):
    """Each of the values over the mean of those before and after it."""
    return [2 * values[place] / (values[place - 1] + values[place + 1]) for place in places]


def report(turns, load, seconds):
    medians = [median for median, _, _ in turns]
    loaded = statistics.median(over_neighbours(medians, range(1, len(turns), 2)))
    # The same of unloaded turns among each other: what chance alone does to that ratio.
    unloaded = medians[::2]
    noise = max((abs(ratio - 1) for ratio in over_neighbours(unloaded, range(1, len(unloaded) - 1))), default=0)
    print(f"step: unloaded {statistics.median(unloaded):.3f} s, loaded {statistics.median(medians[1::2]):.3f} s")
    print(f"loaded over unloaded: {loaded:.3f}; an unloaded turn among unloaded ones: up to {noise:.1%} off; "
          f"{'within' if abs(loaded - 1) <= noise else 'beyond'} noise")
    for name, place in (("page's thread", 1), ("clients", 2)):
        taken = [statistics.mean(each[place] for each in turns[start::2]) for start in (0, 1)]
        print(f"{name}: {taken[1]:.2f} s of a core a loaded turn ({taken[1] / seconds:.1%}), "
              f"{taken[0]:.2f} s an unloaded one")
    for (kind, asked), statuses in sorted(load.answers.items()):
        print(f"  {kind}: {asked}: " + ", ".join(f"{count} × {status}" for status, count in statuses.items()))
    print(f"slowest answer {load.slowest:.2f} s")


def take_pictures(options, training, load):
    """Of the page under load, wide and on a phone."""
    async def both():
        clients = asyncio.create_task(load.run(3600))
        for name, size in (("wide", "1280,2000"), ("phone", "390,844"), ("phone-long", "390,4200")):
            shot = await asyncio.create_subprocess_exec(
                options.chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--window-size={size}", f"--user-data-dir={options.work / 'chromium'}",
                f"--screenshot={options.work / name}.png", "--virtual-time-budget=10000",
                f"http://127.0.0.1:{load.port}/?token={training.token}", stderr=subprocess.DEVNULL)
            await shot.wait()
            print(f"  {options.work / name}.png")
        clients.cancel()
        await asyncio.gather(clients, return_exceptions=True)
    asyncio.run(both())


def check(options):
    training = Training(options)
    try:
        os.nice(19)
        training.wait_for_step(4)
        load = Load(training.port(), training.token, options.seed)
        turns = []
        # Unloaded ones first and last: every loaded one has two neighbours.
        for place in range(2 * options.turns + 1):
            turns.append(turn(training, load if place % 2 else None, options.seconds))
            print(f"  {'loaded' if place % 2 else 'unloaded'}: {turns[-1][0]:.3f} s a step", flush=True)
        report(turns, load, options.seconds)
        if options.pictures:
            take_pictures(options, training, load)
    finally:
        training.job.kill()
    faults = list(load.faults())
    print("\n".join(faults) or "nothing was answered that should not be")
    sys.exit(1 if faults or not load.answers["reader", "GET /status.json"] else 0)


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--turns", type=int, default=5, help="loaded ones")
    parser.add_argument("--seconds", type=float, default=30, help="of a turn")
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("--chromium", default="chromium")
    harness.checked(check, parser.parse_args())
