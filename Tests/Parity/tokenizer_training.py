#!/usr/bin/env python3
"""The same merges as tokenizers' trainer at full size: 98,818 ids from 40 MB of Korean and English.

Both learn from the same file (korean_english.py) with the same settings; the two tokenizer.json must be equal byte for
byte. Time (processor seconds, so that a busy machine does not matter) and memory of both are shown; tokenizers runs on
one thread, kelip on one and on two.

Needs tokenizers, apt-get (to download three packages).
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

import korean_english

TRAINER = """
import sys
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
text, size, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
tokenizer = Tokenizer(models.BPE())
tokenizer.normalizer = normalizers.Lowercase()
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=size - 2, min_frequency=2, special_tokens=["[PAD]"], show_progress=False,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
tokenizer.train_from_iterator((line.rstrip("\\n") for line in open(text)), trainer)
tokenizer.add_special_tokens(["[SOT]", "[EOT]"])
tokenizer.save(out)
"""


def run(name, command):
    """Processor seconds and the peak of memory of a command."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    start = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{name} failed")
    cpu = usage.ru_utime + usage.ru_stime
    print(f"{name:22} {cpu:7.1f} s of processor, {time.monotonic() - start:7.1f} s, {usage.ru_maxrss / 1024:6.0f} MB")
    return cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kelip", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--size", type=int, default=40_000_000, help="bytes of text")
    parser.add_argument("--vocab-size", type=int, default=98818)
    for name in ("--worker", "--data", "--tokenizer"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    work = arguments.work
    sentences = korean_english.sentences(work / "packages")
    lines = sentences + korean_english.captions(sentences, arguments.size - sum(len(s.encode()) for s in sentences))
    text = work / "corpus.txt"
    text.write_text("".join(line + "\n" for line in lines if line.strip()))
    print(f"{len(lines)} lines, {text.stat().st_size / 1e6:.1f} MB")

    theirs = run("tokenizers", [sys.executable, "-c", TRAINER, text, arguments.vocab_size, work / "theirs.json"])
    train = [arguments.kelip, "tokenizer", "train", "--text", text, "--vocab-size", arguments.vocab_size]
    ours = run("kelip, 1 thread", [*train, "--threads", 1, "--out", work / "ours.json"])
    run("kelip, 2 threads", [*train, "--threads", 2, "--out", work / "ours2.json"])
    print(f"processor time of tokenizers / kelip: {theirs / ours:.2f}")
    expected = (work / "theirs.json").read_bytes()
    equal = [(work / name).read_bytes() == expected for name in ("ours.json", "ours2.json")]
    print("the files are equal byte for byte" if all(equal) else "the files DIFFER")
    return 0 if all(equal) else 1


if __name__ == "__main__":
    sys.exit(main())
