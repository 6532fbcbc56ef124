#!/usr/bin/env python3
"""Encoding speed of kelip and of tokenizers on one thread, in one run, turn by turn.

Distinct captions (Tests/Parity/korean_english.py) go through byte-level BPE, CLIP's BPE and WordPiece. Both have a
cache of words, and both start each turn with an empty one. tokenizers is given its better way (encode_batch_fast, in
batches of 1,000, parallelism off). Speeds are by processor time, so that a busy machine does not matter; the ratio is of
the best turns. The exit status is 1 where kelip is slower.

    python tokenizer.py --kelip .build/release/kelip --tokenizer tokenizer.json --work /tmp/bench

Needs tokenizers, transformers and open_clip (Tests/Parity/requirements.txt).
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "Parity"))
import korean_english  # noqa: E402
import tokenizer_ids  # noqa: E402


def their_seconds(path, texts):
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    start = time.process_time()
    ids = 0
    for first in range(0, len(texts), 1000):
        batch = tokenizer.encode_batch_fast(texts[first : first + 1000], add_special_tokens=False)
        ids += sum(len(encoding.ids) for encoding in batch)
    return time.process_time() - start, ids


def our_seconds(kelip, path, text_file):
    command = [kelip, "bench", "tokenizer", "--tokenizer", path, "--file", text_file, "--rounds", "1", "--json"]
    answer = json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True).stdout)
    return answer["cpu_seconds"], answer["ids"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kelip", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--size", type=int, default=6_000_000, help="bytes of captions")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    work = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    texts = korean_english.captions(korean_english.sentences(work / "packages"), arguments.size)
    text_file = work / "captions.txt"
    text_file.write_text("".join(text + "\n" for text in texts))
    size = sum(len(text.encode()) for text in texts)

    files = {"byte-level BPE": pathlib.Path(arguments.tokenizer), "CLIP BPE": work / "clip.json"}
    tokenizer_ids.clip_reference().save(str(files["CLIP BPE"]))
    for name, lowercase in (("cased", False), ("uncased", True)):
        vocabulary, path = work / f"vocab_{name}.txt", work / f"{name}.json"
        tokenizer_ids.write_vocabulary(vocabulary, texts[::50], lowercase)
        convert = ["tokenizer", "convert", "--tokenizer", vocabulary, "--" + name, "--out", path]
        subprocess.run([arguments.kelip, *map(str, convert)], check=True, stdout=subprocess.DEVNULL)
        files[f"WordPiece {name}"] = path

    print(f"{len(texts)} distinct captions, {size / 1e6:.1f} MB; {arguments.turns} turns each")
    slower = 0
    for name, path in files.items():
        turns = [
            (their_seconds(path, texts), our_seconds(arguments.kelip, path, text_file))
            for _ in range(arguments.turns)
        ]
        if any(theirs[1] != ours[1] for theirs, ours in turns):
            sys.exit(f"{name}: the numbers of ids differ")
        theirs, ours = (min(turn[side][0] for turn in turns) for side in (0, 1))
        slower += ours > theirs
        print(
            f"{name:18} tokenizers {size / theirs / 1e6:5.2f} MB/s {len(texts) / theirs:8.0f}/s, "
            f"kelip {size / ours / 1e6:6.2f} MB/s {len(texts) / ours:8.0f}/s: {theirs / ours:5.2f} ×")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
