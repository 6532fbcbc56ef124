"""What torchvision's colour functions make of Pillow pictures, as SHA-256, and as pictures where they blur.

Made with Pillow 13.0.0, torchvision 0.29.2, torch 2.15.0, NumPy 2.4.6, after make_fixtures.py:
    python make_colour_fixtures.py        # writes beside itself: colour.json, colour/*.png
"""
import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

HERE = Path(__file__).parent
OUT = HERE / "colour"
FUNCTIONS = {
    "brightness": F.adjust_brightness,
    "contrast": F.adjust_contrast,
    "saturation": F.adjust_saturation,
    "hue": F.adjust_hue,
    "grey": lambda image, _: F.rgb_to_grayscale(image, 3),
    "blur": lambda image, pair: F.gaussian_blur(image, 2 * int(pair[0]) + 1, pair[1]),
}
FACTORS = {
    "brightness": [0, 0.2, 0.7312, 1, 1.3, 1.8, 3],
    "contrast": [0, 0.2, 0.7312, 1, 1.3, 1.8, 3],
    "saturation": [0, 0.2, 0.7312, 1, 1.3, 1.8, 3],
    "hue": [-0.5, -0.3, -0.1, -0.0039, 0, 0.002, 0.0712, 0.2, 0.4, 0.5],
    "grey": [0],
}
CROPS = [(0, 0, 97, 61), (3, 5, 1, 1), (40, 20, 2, 3), (60, 40, 31, 17)]
# Without the corner of alternating black and white, which blurs to 127.5: there any order of summing rounds as it likes.
BLURS = [((0, 0, 97, 61), 1, 0.1), ((20, 0, 77, 46), 11, 2.0), ((2, 3, 61, 43), 4, 0.9),
         ((50, 30, 5, 12), 4, 1.7), ((9, 9, 3, 3), 2, 0.5)]
# Crop, size, size again, whether flipped, steps: torchvision's order of a training transform.
CHAINS = [
    ((5, 3, 80, 50), 64, 64, True, [("brightness", 1.31), ("hue", -0.07), ("saturation", 0.6), ("contrast", 0.8)]),
    ((5, 3, 80, 50), 64, 64, False, [("saturation", 1.7), ("grey", 0)]),
    ((11, 0, 23, 31), 24, 56, True, [("contrast", 1.4), ("hue", 0.39), ("brightness", 0.62), ("saturation", 1.4)]),
    ((0, 0, 97, 61), 96, 224, False, [("hue", 0.2)]),
    ((5, 3, 80, 50), 61, 61, True, [("hue", 0.1), ("contrast", 0.4), ("grey", 0), ("blur", (3, 1.3))]),
    ((11, 0, 23, 31), 24, 56, True, [("blur", (2, 0.8))]),
]


def digest(image):
    return hashlib.sha256(np.ascontiguousarray(np.asarray(image)).tobytes()).hexdigest()


def every_colour():
    """4096 x 4096 pixels: red changes slowest, blue fastest."""
    value = np.arange(1 << 24, dtype=np.uint32)
    rgb = np.stack([value >> 16, value >> 8, value], -1).astype(np.uint8)
    return Image.fromarray(rgb.reshape(4096, 4096, 3))


def cropped(image, crop):
    x, y, width, height = crop
    return image.crop((x, y, x + width, y + height))


def single(base):
    for kind, factors in FACTORS.items():
        for factor, crop in itertools.product(factors, CROPS):
            rgb = digest(FUNCTIONS[kind](cropped(base, crop), factor))
            yield {"crop": crop, "steps": [[kind, factor]], "rgb": rgb}


def orders(base):
    """torchvision's ColorJitter takes its four steps in any order."""
    steps = [("brightness", 1.37), ("contrast", 0.66), ("saturation", 1.24), ("hue", -0.083)]
    for order in itertools.permutations(steps):
        image = base
        for kind, factor in order:
            image = FUNCTIONS[kind](image, factor)
        yield {"crop": (0, 0, 97, 61), "steps": order, "rgb": digest(image)}


def exhaustive():
    image = every_colour()
    cases = [("hue", 0), ("hue", 0.1), ("hue", -0.43), ("saturation", 0.37), ("saturation", 1.8), ("grey", 0)]
    for kind, factor in cases:
        yield {"steps": [[kind, factor]], "rgb": digest(FUNCTIONS[kind](image, factor))}


def numbers(value):
    return list(value) if isinstance(value, tuple) else [value]


def chain(base, number, crop, size, again, flipped, steps):
    x, y, width, height = crop
    image = F.resized_crop(base, y, x, height, width, [size, size], InterpolationMode.BICUBIC)
    if again != size:
        image = F.resize(image, [again, again], InterpolationMode.BICUBIC)
    if flipped:
        image = F.hflip(image)
    for kind, amount in steps:
        image = FUNCTIONS[kind](image, amount)
    name = f"chain-{number}.png"
    blurs = any(kind == "blur" for kind, _ in steps)
    if blurs:
        image.save(OUT / name, optimize=True)
    return {"crop": crop, "size": size, "again": again, "flipped": flipped,
            "steps": [[kind, *numbers(amount)] for kind, amount in steps],
            "rgb": digest(image), "picture": name if blurs else None}


def main():
    OUT.mkdir(exist_ok=True)
    base = Image.open(HERE / "base.png").convert("RGB")
    blurs = []
    for number, (crop, radius, sigma) in enumerate(BLURS):
        name = f"blur-{number}.png"
        FUNCTIONS["blur"](cropped(base, crop), (radius, sigma)).save(OUT / name, optimize=True)
        blurs.append({"crop": crop, "radius": radius, "sigma": sigma, "picture": name})
    expected = {
        "single": [*single(base), *orders(base)], "exhaustive": list(exhaustive()), "blurs": blurs,
        "chains": [chain(base, number, *entry) for number, entry in enumerate(CHAINS)],
    }
    (HERE / "colour.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
