"""Shards written and read by Python's webdataset, for ShardStream to agree with.

Made with webdataset 1.0.2 and Pillow 13 on Python 3. Run it in this folder:
    python make_webdataset.py
"""

import base64
import hashlib
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


def write_names(path):
    """Names that are odd, or lead out of the folder: keys, and nothing else."""
    names = [
        "../up/a.jpg", "../up/a.txt", "/abs/b.jpg", "/abs/b.txt", "./c.jpg", "./c.txt", "e.f.jpg", "e.txt", "e.JPEG",
        "d/g.jpg", "d/._g.txt", "d/g.txt", "d/.jpg", "d/.txt", "d.x/.h.jpg", ".i.jpg", "j.jpg", ".hidden", "j.txt",
        "k.jpg", "l.jpg", "k.txt", "l.txt", "m..jpg", "m.jpg", "m.txt", "__n__/o.jpg", "p__/q.PNG", "p__/q.Txt", "한/글.webp",
        "한/글.txt", "r.jpg", "r.txt", "r.json", "u.tar/v.jpg", "u.tar/v.txt", "w .jpg", "w .txt",
    ]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for number, name in enumerate(names):
            data = f"data {number}".encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def write_img2dataset(path, shard, count):
    """As img2dataset does it (writer.py, WebDatasetSampleWriter): jpg, json, txt, in that order; keys of nine digits."""
    with webdataset.TarWriter(path, mtime=0) as writer:
        for number in range(count):
            picture, caption, key = jpeg(number % 6), CAPTIONS[number % 6], f"{shard:05d}{number:04d}"
            meta = {
                "url": f"https://example.com/{number}.jpg", "caption": caption, "key": key, "status": "success",
                "error_message": None, "width": 24, "height": 20, "original_width": 240, "original_height": 200,
                "exif": "{}", "sha256": hashlib.sha256(picture).hexdigest(),
            }
            writer.write({"__key__": key, "jpg": picture, "txt": caption, "json": json.dumps(meta, indent=4)})


def write_repeated(path, keys):
    """LAION-400M: a tar ends with the key that the next begins with, and has one key again further on."""
    with tarfile.open(path, "w") as tar:
        for number, key in enumerate(keys):
            for extension in ["jpg", "txt", "json"]:
                data = f"{path} {number} {extension}".encode()
                info = tarfile.TarInfo(f"{key}.{extension}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


IMAGES = ["jpg", "jpeg", "png", "webp"]


def read(path):
    samples = []
    for sample in webdataset.WebDataset(path, shardshuffle=False):
        images = [name for name in sample if name in IMAGES]
        if images and "txt" in sample:
            samples.append({
                "key": sample["__key__"],
                "text": sample["txt"].decode(),
                "image": base64.b64encode(sample[images[0]]).decode(),
                "json": sample["json"].decode() if "json" in sample else None,
            })
    return samples


def main():
    write_with_webdataset("webdataset.tar")
    write_with_tarfile("gnu.tar", tarfile.GNU_FORMAT)
    write_with_tarfile("pax.tar", tarfile.PAX_FORMAT)
    write_names("names.tar")
    write_img2dataset("img2dataset.tar", 7, 8)
    write_repeated("repeated-0.tar", ["000000001", "000000002", "000000001", "000000003"])
    write_repeated("repeated-1.tar", ["000000003", "000000004", "000000003"])
    shards = ["webdataset.tar", "gnu.tar", "pax.tar", "names.tar", "img2dataset.tar"]
    lists = {name: [name] for name in shards}
    lists["repeated"] = ["repeated-0.tar", "repeated-1.tar"]
    with open("webdataset.json", "w") as out:
        json.dump({
            "webdataset": webdataset.__version__,
            "shards": {name: read([os.path.abspath(path) for path in paths]) for name, paths in lists.items()},
        }, out, indent=1)


main()
