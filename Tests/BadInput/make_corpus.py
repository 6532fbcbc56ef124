#!/usr/bin/env python3
"""Writes the corpus of bad input: DIR/*.tar, *.tar.zst and DIR/expect.json.

    make_corpus.py DIR [--empty-members N] [--bomb-bytes N] [--good N]

The same arguments give the same bytes wherever zlib is the same. Standard library only.

`expect.json`: name of each shard → `survive` (keys that must be trained on), `samples` (key → reason, for samples
that must be replaced), `rejected` (reason → number of groups of members that are no samples), `fault` (the reason
for which the rest of the shard is lost, or null). The files `good-*.tar` hold nothing bad.
"""
import argparse
import json
import pathlib

import items
import tar_bytes as tar

GOOD_SHARDS = 4


def good_items(count):
    for shard in range(GOOD_SHARDS):
        keys = [f"good-{number:05d}" for number in range(shard, count, GOOD_SHARDS)]
        yield items.Item(f"good-{shard}", b"".join(tar.members(items.sample(key)) for key in keys) + tar.END, keys)


def write(path, data):
    with open(path, "wb") as file:
        for piece in [data] if isinstance(data, bytes) else data:
            file.write(piece)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--empty-members", type=int, default=1_000_000, help="of one shard, 512 bytes each")
    parser.add_argument("--bomb-bytes", type=int, default=10 << 30, help="what a compressed bomb grows to")
    parser.add_argument("--good", type=int, default=600, help="samples in good shards")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    expected, keys = {}, []
    for item in [*items.all_items(options.empty_members, options.bomb_bytes), *good_items(options.good)]:
        shard = item.name + item.suffix
        assert shard not in expected, f"{shard} is made twice"
        write(options.folder / shard, item.data)
        expected[shard] = {"survive": item.survive, "samples": item.samples, "rejected": item.rejected,
                           "fault": item.fault}
        keys += [*item.survive, *item.samples]
    assert len(keys) == len(set(keys)), "a key stands for two samples"
    (options.folder / "expect.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(expected)} shards, {len(keys)} samples in {options.folder}")


if __name__ == "__main__":
    main()
