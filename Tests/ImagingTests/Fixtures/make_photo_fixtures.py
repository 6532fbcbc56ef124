"""A photograph, the SHA-256 of what Pillow makes of it, and views of it as pictures.

Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0), from `astronaut.png` of scikit-image (NASA, in the public domain):
    python make_photo_fixtures.py ASTRONAUT_PNG       # writes beside itself: photo/*, photo.json
"""
import json
import sys
from pathlib import Path

from PIL import Image

from make_format_fixtures import digest

HERE = Path(__file__).parent
OUT = HERE / "photo"
# crop (x, y, width, height) of the 512 × 384 picture, then the new size
RESIZES = [
    ((0, 0, 512, 384), (224, 168)), ((0, 0, 512, 384), (224, 224)), ((7, 3, 480, 370), (224, 224)),
    ((30, 20, 401, 333), (96, 96)), ((100, 50, 150, 150), (224, 224)), ((0, 0, 512, 384), (1024, 768)),
    ((200, 100, 64, 48), (640, 480)), ((0, 0, 512, 384), (511, 383)), ((0, 0, 512, 384), (17, 13)),
]
# What scaled decoding is held against: at 4/8, 4/8, 2/8 and 1/8.
VIEWS = [((3, 5, 470, 371), 176), ((21, 13, 433, 366), 160), ((3, 5, 470, 371), 77), ((9, 0, 500, 383), 39)]


def main():
    OUT.mkdir(exist_ok=True)
    source = Image.open(sys.argv[1]).convert("RGB").crop((0, 0, 512, 384))
    source.save(OUT / "photo.jpg", quality=90)
    source.save(OUT / "photo-444.jpg", quality=60, subsampling="4:4:4")
    image = Image.open(OUT / "photo.jpg").convert("RGB")
    resizes = [
        {"crop": crop, "size": size, "rgb": digest(resized(image, crop, size))} for crop, size in RESIZES
    ]
    for number, (crop, size) in enumerate(VIEWS):
        resized(image, crop, (size, size)).save(OUT / f"view-{number}.png", optimize=True)
    views = [{"crop": crop, "size": size} for crop, size in VIEWS]
    decodes = {name: digest(Image.open(OUT / name)) for name in ("photo.jpg", "photo-444.jpg")}
    expected = {"decodes": decodes, "resizes": resizes, "views": views}
    (HERE / "photo.json").write_text(json.dumps(expected, indent=1) + "\n")


def resized(image, crop, size):
    x, y, width, height = crop
    return image.crop((x, y, x + width, y + height)).resize(size, Image.Resampling.BICUBIC)


main()
