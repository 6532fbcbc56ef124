"""First results of `kelip search --serve` over a million pictures, through HTTP, text tower included.

    Tests/Benchmarks/search.py [--count 1000000] [--queries 20] [--checkpoint DIR] [--limit 0.2]

Makes features of made-up pictures (rows of length 1 in bf16, D as the checkpoint has it) as `kelip embed --out FOLDER` lays
them out, indexes them, serves them, and asks Korean and English texts one after the other. Without --checkpoint a
ViT-B/32 (512 dimensions) is trained for one step on the embedded data set first. The first ten pictures of every query are
held against numpy on the same rows. Needs numpy; where torch is there, its product and topk take turns with the program.
Exits with 1 when the median is above the limit or a result differs.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import numpy

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENVIRONMENT = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
QUERIES = ["빨간 사과", "a red apple", "바닷가의 해질녘", "two dogs in the snow", "서울의 밤", "a bowl of noodles"]


def run(*words):
    result = subprocess.run([str(word) for word in words], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: exit status {result.returncode}")
    return result.stdout.decode()


def trained(options, folder):
    """A ViT-B/32 after one step: what its features mean does not matter here."""
    run(options.worker, "--config", "configs/runs/embedded-vit-b-32.yaml", "--set", f"run.directory={folder}/run", "--set",
        f"data.train={options.data}/train", "--set", f"data.tokenizer={options.data}/tokenizer.json", "--set",
        "data.global_batch_size=4", "--set", "optimizer.steps=1", "--set", "optimizer.warmup=0", "--set",
        "checkpoint.every_steps=1")
    return folder / "run/checkpoints" / (folder / "run/checkpoints/latest").read_text().strip()


def to_bf16(rows):
    """Round to nearest, ties to even: the upper half of each float."""
    bits = rows.astype(numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16)


def to_float(rows):
    return (rows.astype(numpy.uint32) << 16).view(numpy.float32)


def write_part(folder, number, rows):
    header = {"image_features": {"dtype": "BF16", "shape": list(rows.shape), "data_offsets": [0, rows.nbytes]},
              "__metadata__": {"left_out": "{}"}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / f"pictures-{number:05d}.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.write(rows.tobytes())
    with open(folder / f"pictures-{number:05d}.jsonl", "w") as file:
        file.writelines('{"key":"n%d-%d"}\n' % (number, place) for place in range(len(rows)))


def made_up(options, checkpoint, folder):
    """A folder of features with the plan of a real one, but for its rows."""
    (folder / "texts").write_text("a text\n")
    run(options.kelip, "embed", "--checkpoint", checkpoint, "--texts", folder / "texts", "--out", folder / "features",
        "--features", "bf16", "--normalize")
    place = folder / "features/features.json"
    plan = json.loads(place.read_text())
    plan["sources"] = [{"kind": "pictures", "count": options.count, "identity": "made up"}]
    place.write_text(json.dumps(plan))
    random, size, rows = numpy.random.default_rng(1), plan["partSize"], []
    for number, start in enumerate(range(0, options.count, size)):
        part = random.standard_normal((min(size, options.count - start), plan["dimension"]), dtype=numpy.float32)
        part = to_bf16(part / numpy.linalg.norm(part, axis=1, keepdims=True))
        write_part(folder / "features", number, part)
        rows.append(part)
    return numpy.concatenate(rows)


class Page:
    """`kelip search --serve`, asked as a browser asks."""

    def __init__(self, options, checkpoint, index):
        self.process = subprocess.Popen(
            [str(word) for word in [options.kelip, "search", index, "--serve", "--checkpoint", checkpoint]],
            stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=ROOT)
        self.address, self.token = self.process.stdout.readline().decode().strip().split("?token=")

    def ask(self, text):
        request = urllib.request.Request(
            f"{self.address}search.json?k=10&q={urllib.parse.quote(text)}",
            headers={"Authorization": f"Bearer {self.token}"})
        start = time.perf_counter()
        with urllib.request.urlopen(request) as answer:
            found = json.loads(answer.read())
        return time.perf_counter() - start, found

    def close(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def features_of(options, checkpoint, folder, texts):
    (folder / "queries").write_text("".join(f"{text}\n" for text in texts))
    run(options.kelip, "embed", "--checkpoint", checkpoint, "--texts", folder / "queries", "--out", folder / "q.npy",
        "--normalize")
    return numpy.load(folder / "q-texts.npy")


def differences(rows, query, found):
    """Of the ten rows found: another row than numpy's counts where its score is not the same to 1e-5."""
    scores = numpy.concatenate([to_float(rows[start:start + 65536]) @ query for start in range(0, len(rows), 65536)])
    best = numpy.argsort(-scores, kind="stable")[:10]
    return sum(abs(scores[item["row"]] - scores[row]) > 1e-5 or abs(item["score"] - scores[row]) > 1e-5
               for item, row in zip(found["pictures"], best))


def torch_search(rows):
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    matrix = torch.from_numpy(rows.view(numpy.int16)).view(torch.bfloat16)

    def search(query):
        start = time.perf_counter()
        with torch.inference_mode():
            torch.topk(matrix @ torch.from_numpy(query).to(torch.bfloat16), 10)
        return time.perf_counter() - start

    return search


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kelip", default=ROOT / ".build/release/kelip")
    parser.add_argument("--worker", default=ROOT / ".build/release/kelip-worker")
    parser.add_argument("--data", default=ROOT / "data/embedded")
    parser.add_argument("--checkpoint", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--limit", type=float, default=0.2, help="seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        checkpoint = options.checkpoint or trained(options, folder)
        rows = made_up(options, checkpoint, folder)
        print(run(options.kelip, "index", folder / "features", "--out", folder / "index").strip(), flush=True)
        queries = features_of(options, checkpoint, folder, QUERIES)
        beside = torch_search(rows)
        started = time.perf_counter()
        page = Page(options, checkpoint, folder / "index")
        ready = time.perf_counter() - started
        own, scoring, peer, wrong = [], [], [], 0
        for turn in range(options.queries):
            text = turn % len(QUERIES)
            seconds, found = page.ask(QUERIES[text])
            own.append(seconds)
            scoring.append(found["seconds"])
            if beside:
                peer.append(beside(queries[text]))
            if turn < len(QUERIES):
                wrong += differences(rows, queries[text], found)
        status = page.close()
    median = statistics.median(own)
    print(f"{len(rows):,} × {rows.shape[1]}: page up after {ready:.1f} s; first answer {1000 * own[0]:.0f} ms, median "
          f"{1000 * median:.0f} ms, slowest {1000 * max(own):.0f} ms (text tower and scores {1000 * statistics.median(scoring):.0f} ms)")
    if peer:
        print(f"torch, scores and topk alone, features already there: median {1000 * statistics.median(peer):.0f} ms")
    print(f"{wrong} of {10 * len(QUERIES)} pictures differ from numpy's; the page ended with {status}")
    sys.exit(1 if median > options.limit or wrong or status else 0)


if __name__ == "__main__":
    main()
