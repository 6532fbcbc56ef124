"""The contrastive loss with its gradients beside open_clip's, in turn, in one run: time and memory.

    python loss.py --kelip .build/release/kelip [--peer-python PYTHON] [--batch 2048 16384] [--rounds 3]

Each measurement is a process of its own with two threads; medians count. open_clip's ClipLoss is run as its trainer
runs it for one process, on 32-bit features, and again under bfloat16 autocast. It needs torch and open_clip in
PYTHON (torch 2.15, open_clip 3.3 were used). Batches that the peer has no memory for: --own-batch.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

DIM = 512


def peer(batch, autocast):
    """One loss and its gradients, printed as JSON."""
    import torch
    from open_clip.loss import ClipLoss

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    features = [torch.nn.functional.normalize(torch.randn(batch, DIM), dim=-1) for _ in range(2)]
    image, text = (x.requires_grad_() for x in features)
    scale = torch.tensor(14.3, requires_grad=True)
    loss = ClipLoss()

    def once(image, text):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            value = loss(image, text, scale)
        value.backward()

    once(image[:256], text[:256])
    before = peak_bytes()
    start = time.perf_counter()
    once(image, text)
    seconds = time.perf_counter() - start
    # The gradients count as the features do: what both must have is left out.
    extra = peak_bytes() - before - 2 * batch * DIM * 4
    print(json.dumps({"seconds": seconds, "extra_bytes": extra}))


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def measure(command, threads):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stderr}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def own(arguments, batch, precision, repetitions):
    return [arguments.kelip, "bench", "loss", "--batch", str(batch), "--dim", str(DIM), "--precision", precision,
            "--repetitions", str(repetitions), "--json"]


def compare(arguments, batch):
    programs = {
        "own bf16": own(arguments, batch, "bf16", 1),
        "own fp32": own(arguments, batch, "fp32", 1),
        "peer": [arguments.peer_python, __file__, "--as-peer", str(batch)],
        "peer, bf16 autocast": [arguments.peer_python, __file__, "--as-peer", str(batch), "--autocast"],
    }
    results = {name: [] for name in programs}
    for _ in range(arguments.rounds):
        for name, command in programs.items():
            results[name].append(measure(command, arguments.threads))
    seconds = {name: statistics.median(r["seconds"] for r in found) for name, found in results.items()}
    for name, found in results.items():
        extra = max(r["extra_bytes"] for r in found) / 1e9
        print(f"batch {batch}  {name:20} {seconds[name]:8.3f} s  {extra:6.3f} GB beyond features and gradients  "
              f"peer / this {seconds['peer'] / seconds[name]:6.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kelip")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--batch", type=int, nargs="*", default=[2048, 16384])
    parser.add_argument("--own-batch", type=int, nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--as-peer", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--autocast", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_peer:
        return peer(arguments.as_peer, arguments.autocast)
    if not arguments.kelip:
        parser.error("--kelip is needed")
    for batch in arguments.batch:
        compare(arguments, batch)
    for batch in arguments.own_batch:
        result = measure(own(arguments, batch, "bf16", 1), arguments.threads)
        print(f"batch {batch}  own bf16 {result['seconds']:.2f} s  {result['extra_bytes'] / 1e9:.3f} GB")


if __name__ == "__main__":
    main()
