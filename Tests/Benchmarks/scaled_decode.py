"""How far scaled JPEG decoding is from the whole one, in 255ths, over the pictures of a shard.

    python scaled_decode.py SHARD.tar [--samples 200]

Pillow's `draft` decodes at 1/2, 1/4 or 1/8 as `data.jpeg_scaled_decode` does, and `resize(box=…)` maps the crop in the
same way. Margin: the shrunk crop's side over the side that is drawn. kelip halves from a margin of 1.05 on, and goes to a quarter or an eighth from 1.2 on.
"""
import argparse
import io
import random
import tarfile

import numpy as np
from PIL import Image


def jpegs(path, count):
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(".jpg"):
                yield tar.extractfile(member).read()
                count -= 1
                if not count:
                    return


def whole(data, box, size):
    image = Image.open(io.BytesIO(data)).convert("RGB").crop(box)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC)).astype(np.float64)


def scaled(data, box, size, eighths):
    image = Image.open(io.BytesIO(data))
    width, height = image.size
    image.draft("RGB", (-(-width * eighths // 8), -(-height * eighths // 8)))
    image = image.convert("RGB")
    box = [side * eighths / 8 for side in box]
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box)).astype(np.float64)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shard")
    parser.add_argument("--samples", type=int, default=200)
    options = parser.parse_args()
    numbers = random.Random(1)
    print("scale  margin  mean of means  worst mean")
    for eighths in (4, 2, 1):
        for margin in (1.0, 1.05, 1.15, 1.3, 1.6):
            errors = []
            for data in jpegs(options.shard, options.samples):
                side = numbers.randint(470, 512)
                x, y = numbers.randint(0, 512 - side), numbers.randint(0, 512 - side)
                box, size = (x, y, x + side, y + side), round(side * eighths / 8 / margin)
                errors.append(np.abs(whole(data, box, size) - scaled(data, box, size, eighths)).mean())
            print(f"{eighths}/8   {margin:5.2f}   {np.mean(errors):8.2f}     {max(errors):8.2f}")


main()
