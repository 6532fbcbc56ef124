"""Shards written and read by Python's webdataset, for ShardStream to agree with.

Made with webdataset 1.0.2 and Pillow 13 on Python 3. Run it in this folder:
    python make_webdataset.py
"""

import base64
import io
import json
import os
import tarfile

import webdataset
from PIL import Image

CAPTIONS = ["a red boat", "빨간 배", "  a dog runs\n", "고양이 두 마리와 개", "naïve café ☕", "last one"]


def jpeg(number):
    image = Image.new("RGB", (24 + number, 20), (40 * number % 256, 90, 200 - 30 * number))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def write_with_webdataset(path):
    keys = ["000000", "part.a/000001", "한글/000002", "k" * 120, "d" * 90 + "/" + "e" * 90, "f" * 300]
    with webdataset.TarWriter(path, mtime=0) as writer:
        for number, (key, caption) in enumerate(zip(keys, CAPTIONS)):
            sample = {"__key__": key, "jpg": jpeg(number), "txt": caption}
            if number % 2 == 0:
                sample["json"] = {"number": number, "caption": caption}
            writer.write(sample)


def write_with_tarfile(path, tar_format):
    """Entries that try the rules of keys and groups."""
    names = [
        "a.jpg", "a.txt", "b.c/a.jpg", "b.c/a.txt", "b.c/a.seg.png", "a.jpg", "a.txt", "__meta__", "x", "d.JPG",
        "d.TXT", "__index__/q.jpg", "e.jpg", "x", "e.txt", "e.json", "only.txt", "image.jpg", "g" * 170 + ".jpg",
        "g" * 170 + ".txt",
    ]
    with tarfile.open(path, "w", format=tar_format) as tar:
        for number, name in enumerate(names):
            data = jpeg(number % 6) if name.lower().endswith("jpg") else f"text {number}".encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)


def read(path):
    samples = []
    for sample in webdataset.WebDataset(path, shardshuffle=False):
        if "jpg" in sample and "txt" in sample:
            samples.append({
                "key": sample["__key__"],
                "text": sample["txt"].decode(),
                "image": base64.b64encode(sample["jpg"]).decode(),
                "json": sample["json"].decode() if "json" in sample else None,
            })
    return samples


def main():
    write_with_webdataset("webdataset.tar")
    write_with_tarfile("gnu.tar", tarfile.GNU_FORMAT)
    write_with_tarfile("pax.tar", tarfile.PAX_FORMAT)
    shards = ["webdataset.tar", "gnu.tar", "pax.tar"]
    with open("webdataset.json", "w") as out:
        json.dump({
            "webdataset": webdataset.__version__,
            "shards": {name: read(os.path.abspath(name)) for name in shards},
        }, out, indent=1)


main()
