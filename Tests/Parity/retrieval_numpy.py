#!/usr/bin/env python3
"""`kelip eval retrieval` against numpy on the features that `kelip embed` writes, on 1, 2 and 3 ranks.

Ranks are counted in numpy from scores in 64 bits by the stated rule: the greater score first, of equal ones the smaller
index. Recalls, median and mean rank must be equal, or lie between those that scores 1e-6 apart allow; rows that are equal
bit for bit have equal scores, and there the rule alone decides. Needs numpy, safetensors, mpirun and the program.
"""
import json
import shlex
import subprocess

import numpy
from safetensors.numpy import load_file, save_file

import harness

CLOSE = 1e-6


def ranks(queries, candidates):
    """Of each query's own candidate the smallest and the largest rank that 1e-6 of a score allow, and that by the rule."""
    scores = queries.astype(numpy.float64) @ candidates.astype(numpy.float64).T
    own = numpy.diag(scores)[:, None]
    index = numpy.arange(len(scores))
    before = index[None, :] < index[:, None]
    others = index[None, :] != index[:, None]
    number = numpy.unique(candidates, axis=0, return_inverse=True)[1].reshape(-1)
    same = number[None, :] == number[:, None]
    equal = others & ~same & (numpy.abs(scores - own) <= CLOSE)
    ahead = (others & ~same & (scores > own + CLOSE)) | (same & before)
    return 1 + ahead.sum(1), 1 + (ahead | equal).sum(1), 1 + (ahead | (equal & before)).sum(1)


def measures(rank):
    return {"R@1": (rank <= 1).mean(), "R@5": (rank <= 5).mean(), "R@10": (rank <= 10).mean(),
            "median_rank": numpy.median(rank), "mean_rank": rank.mean()}


def unit(rows):
    rows = rows.astype(numpy.float64)
    return (rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).astype(numpy.float32)


def told(options, path, count):
    command = ["mpirun", "-n", str(count), "--oversubscribe", *shlex.split(options.kelip), "eval", "retrieval",
               "--features", str(path), "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def check(options, name, images, texts, verdict):
    path = options.work / f"{name}.safetensors"
    save_file({"image_features": images, "text_features": texts}, str(path))
    images, texts = unit(images), unit(texts)
    for count in (1, 2, 3):
        answer, faults = told(options, path, count), []
        for way, queries, candidates in (("text_to_image", texts, images), ("image_to_text", images, texts)):
            least, most, rule = ranks(queries, candidates)
            low, high, exact = measures(least), measures(most), measures(rule)
            for key, value in exact.items():
                found = answer[f"{way}_{key}"]
                bounds = sorted((low[key], high[key]))
                fine = abs(found - value) < 1e-9 or bounds[0] - 1e-9 <= found <= bounds[1] + 1e-9
                if not fine:
                    faults.append(f"{way}_{key}: {found}, numpy {value} ({bounds[0]} to {bounds[1]})")
        verdict.add(not faults, name, count, len(images), "; ".join(faults) or "equal")


def compare(options):
    verdict = harness.Verdict("features", "ranks", "pairs", "against numpy")
    options.work.mkdir(parents=True, exist_ok=True)
    draw = numpy.random.default_rng(3)
    images = draw.standard_normal((1537, 64), dtype=numpy.float32)
    texts = images + 2 * draw.standard_normal((1537, 64), dtype=numpy.float32)
    check(options, "random", images, texts, verdict)
    # Few distinct rows: ties everywhere, and products of small integers are exact.
    few = draw.integers(0, 2, (700, 4)).astype(numpy.float32)
    few = few[few.sum(1) == 1]
    check(options, "ties", few, numpy.roll(few, 1, axis=0), verdict)
    # Copies of a few rows: which of them comes first is not left to the order of summing.
    for count in (7, 45, 333):
        few = draw.standard_normal((5, 96), dtype=numpy.float32)
        images = few[draw.integers(0, 5, count)]
        texts = few[draw.integers(0, 5, count)] + draw.standard_normal((count, 96), dtype=numpy.float32)
        check(options, f"{count} copies", images, texts, verdict)
    verdict.finish("retrieval is numpy's")


if __name__ == "__main__":
    harness.checked(compare, harness.arguments(__doc__).parse_args())
