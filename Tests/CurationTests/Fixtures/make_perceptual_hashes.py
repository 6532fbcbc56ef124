#!/usr/bin/env python3
"""Makes perceptual_hashes.json: pictures by formula (the test draws the same) and their imagehash.phash.

Made with imagehash 4.3.2, Pillow 13.0, scipy 1.17: pip install imagehash pillow
"""
import json
import pathlib

import imagehash
from PIL import Image


def picture(width, height, seed):
    """Integers only, so that Swift draws the same bytes."""
    image = Image.new("RGB", (width, height))
    pixels = image.load()
    for y in range(height):
        for x in range(width):
            a = (x * (3 + seed) + y * (7 + seed % 5)) // 4 % 256
            b = (x * x // 16 + y * seed) % 256
            c = ((x // (5 + seed % 11)) * 37 + (y // (9 + seed % 7)) * 91 + seed * 13) % 256
            pixels[x, y] = (a, b, c)
    return image


cases = []
sizes = [(32, 32), (64, 48), (33, 100), (257, 31), (8, 8), (1, 1), (1, 300), (300, 2), (31, 29), (640, 427), (97, 800)]
for width, height in sizes:
    for seed in range(5):
        hash_ = str(imagehash.phash(picture(width, height, seed)))
        cases.append({"width": width, "height": height, "seed": seed, "hash": hash_})
path = pathlib.Path(__file__).with_name("perceptual_hashes.json")
path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
print(len(cases))
