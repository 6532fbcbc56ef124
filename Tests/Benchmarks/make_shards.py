"""Shards of 512-px JPEG photographs with captions, laid out as img2dataset writes them.

    python make_shards.py OUTPUT_DIRECTORY PHOTO_OR_DIRECTORY... [--samples 2000] [--quality 95] [--seed 1]

Each sample is a random square cut of one of the photographs, 512 px at least, shrunk to 512×512: img2dataset's
`--image_size 512 --resize_mode center_crop`, which encodes JPEG at quality 95 unless told otherwise. Needs Pillow.
Photographs that Debian ships: lomiri-wallpapers-16.04, mate-backgrounds, ukui-wallpapers (`apt-get download`,
`dpkg-deb -x`). Pictures without the fine grain of a camera (drawings) are for the caller to leave out.
"""
import argparse
import io
import json
import random
import tarfile
from pathlib import Path

from PIL import Image

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
WORDS = (
    "a the of in on with and at near under old small bright wooden stone green blue red quiet photo view river "
    "mountain street bird flower house window morning evening light 고양이 사진 바다 하늘 산 꽃 거리 나무 아침 저녁"
).split()


def photographs(paths):
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        else:
            yield path


def load(path):
    """At most 2,048 px on the shorter side, so that a hundred photographs fit in memory."""
    image = Image.open(path).convert("RGB")
    scale = min(1, 2048 / min(image.size))
    return image.resize([round(side * scale) for side in image.size], Image.Resampling.LANCZOS)


def cut(image, random_numbers):
    side = random_numbers.randint(512, min(image.size))
    x = random_numbers.randint(0, image.width - side)
    y = random_numbers.randint(0, image.height - side)
    return image.crop((x, y, x + side, y + side)).resize((512, 512), Image.Resampling.LANCZOS)


def add(tar, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def add_sample(tar, key, image, caption, quality):
    jpeg = io.BytesIO()
    image.save(jpeg, "jpeg", quality=quality)
    add(tar, f"{key}.jpg", jpeg.getvalue())
    add(tar, f"{key}.txt", caption.encode())
    add(tar, f"{key}.json", json.dumps({"key": key, "caption": caption, "width": 512, "height": 512}).encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("photographs", nargs="+")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--samples-per-shard", type=int, default=1000)
    parser.add_argument("--quality", type=int, default=95)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    numbers = random.Random(options.seed)
    images = [image for image in map(load, photographs(options.photographs)) if min(image.size) >= 512]
    for first in range(0, options.samples, options.samples_per_shard):
        shard = first // options.samples_per_shard
        with tarfile.open(options.output / f"{shard:05d}.tar", "w") as tar:
            for index in range(min(options.samples_per_shard, options.samples - first)):
                caption = " ".join(numbers.choices(WORDS, k=numbers.randint(4, 20)))
                image = cut(numbers.choice(images), numbers)
                add_sample(tar, f"{shard:05d}{index:04d}", image, caption, options.quality)


main()
