"""Pictures and the SHA-256 of what Pillow, torchvision and open_clip make of them.

Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0), torchvision 0.29.2, open_clip 3.3.0:
    python make_fixtures.py        # writes beside itself: *.png, *.jpg, expected.json
"""
import hashlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np
from open_clip.transform import image_transform
from PIL import Image
from torchvision.transforms import CenterCrop, InterpolationMode, Resize

HERE = Path(__file__).parent
RNG = np.random.default_rng(7)


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def picture(width, height):
    """Smooth colour, hard black-and-white edges (overshoot must clip) and noise."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 / max(1, width - 1), y * 255 / max(1, height - 1), (x * y) % 256], -1)
    rgb[(x // 5 + y // 7) % 3 == 0] = 255
    rgb[(x // 5 + y // 7) % 3 == 1] *= 0.5
    rgb[: height // 3, : width // 2] = RNG.integers(0, 256, (height // 3, width // 2, 3))
    rgb[-(height // 4) :, : width // 4] = ((x + y) % 2 * 255)[-(height // 4) :, : width // 4, None]
    return rgb.astype(np.uint8)


# Raw PNG writing: Pillow cannot write every type that it reads.
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_rows(samples, depth):
    """samples: height × width × channels of integers below 2**depth, as PNG rows with filter 0."""
    out = b""
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            data = flat.astype(">u2").tobytes()
        elif depth == 8:
            data = flat.astype(np.uint8).tobytes()
        else:
            bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).reshape(-1)
            data = np.packbits(bits.astype(np.uint8)).tobytes()
        out += b"\0" + data
    return out


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def write_png(name, samples, depth, colour_type, interlaced=False, extra=b""):
    height, width = samples.shape[:2]
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(packed_rows(p, depth) for p in passes if p.size)
    else:
        data = packed_rows(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")
    (HERE / name).write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def write_pngs():
    width, height = 23, 17
    rgb = picture(width, height).astype(np.int64)
    grey = rgb[..., :1]
    alpha = (np.add.outer(np.arange(height), np.arange(width))[..., None] * 7) % 256
    for depth in (1, 2, 4, 8):
        write_png(f"grey{depth}.png", grey >> (8 - depth), depth, 0)
    write_png("grey16.png", grey * 256 + 77, 16, 0)
    write_png("rgb8.png", rgb, 8, 2)
    write_png("rgb16.png", rgb * 256 + 200, 16, 2)
    write_png("rgb8-interlaced.png", rgb, 8, 2, interlaced=True)
    write_png("rgb8-gamma.png", rgb, 8, 2, extra=chunk(b"gAMA", struct.pack(">I", 100000)))
    write_png("grey-alpha8.png", np.concatenate([grey, alpha], -1), 8, 4)
    write_png("rgba8.png", np.concatenate([rgb, alpha], -1), 8, 6)
    write_png("rgba16-interlaced.png", np.concatenate([rgb, alpha], -1) * 257, 16, 6, interlaced=True)
    for depth in (1, 2, 4, 8):
        palette = RNG.integers(0, 256, (2**depth, 3)).astype(np.uint8)
        extra = chunk(b"PLTE", palette.tobytes())
        write_png(f"palette{depth}.png", grey >> (8 - depth), depth, 3, extra=extra)
    transparency = chunk(b"tRNS", bytes(range(0, 256, 5)))
    write_png("palette8-transparent.png", grey, 8, 3, extra=extra + transparency)
    write_png("grey8-transparent.png", grey, 8, 0, extra=chunk(b"tRNS", struct.pack(">H", 255)))
    write_png("one-pixel.png", rgb[:1, :1], 8, 2)
    Image.fromarray(picture(97, 61)).save(HERE / "base.png")


def write_jpegs():
    odd = Image.fromarray(picture(61, 43))
    for subsampling in ("4:2:0", "4:2:2", "4:4:4"):
        odd.save(HERE / f"rgb-{subsampling.replace(':', '')}.jpg", quality=90, subsampling=subsampling)
    odd.save(HERE / "rgb-progressive.jpg", quality=85, progressive=True)
    odd.save(HERE / "rgb-kept.jpg", quality=85, keep_rgb=True)
    odd.convert("L").save(HERE / "grey.jpg", quality=85)
    odd.convert("CMYK").save(HERE / "cmyk.jpg", quality=85)
    odd.crop((0, 0, 1, 1)).save(HERE / "one-pixel.jpg")


def expected_decodes():
    out = {}
    for path in sorted([*HERE.glob("*.png"), *HERE.glob("*.jpg")]):
        image = Image.open(path)
        entry = {"width": image.width, "height": image.height}
        if path.name == "grey16.png":
            high = (np.asarray(image) >> 8).astype(np.uint8)
            entry["rgb"] = digest(np.repeat(high[..., None], 3, -1))
        else:
            entry["rgb"] = digest(np.asarray(image.convert("RGB")))
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            rgba = np.asarray(image.convert("RGBA")).astype(np.float64)
            over = rgba[..., :3] * rgba[..., 3:] + 255 * (255 - rgba[..., 3:])
            entry["over_white"] = digest(np.rint(over / 255).astype(np.uint8))
        out[path.name] = entry
    return out


RESIZES = [
    # crop (x, y, width, height), then the new size
    ((0, 0, 97, 61), (224, 224)), ((0, 0, 97, 61), (48, 30)), ((0, 0, 97, 61), (7, 5)), ((0, 0, 97, 61), (1, 1)),
    ((0, 0, 97, 61), (97, 61)), ((0, 0, 97, 61), (97, 31)), ((0, 0, 97, 61), (53, 61)), ((0, 0, 97, 61), (96, 60)),
    ((0, 0, 97, 61), (3, 200)), ((0, 0, 97, 61), (301, 2)), ((3, 5, 41, 37), (16, 16)), ((96, 60, 1, 1), (7, 5)),
    ((10, 0, 1, 61), (13, 13)), ((0, 10, 97, 1), (19, 23)), ((11, 7, 2, 3), (64, 96)), ((1, 2, 96, 59), (32, 32)),
    # about the border where Pillow 13 starts with the columns
    ((0, 0, 97, 61), (96, 59)), ((0, 0, 97, 61), (96, 58)), ((0, 0, 40, 61), (30, 40)), ((0, 0, 40, 61), (30, 41)),
]


def expected_resizes(base):
    out = []
    for (x, y, w, h), size in RESIZES:
        resized = base.crop((x, y, x + w, y + h)).resize(size, Image.Resampling.BICUBIC)
        out.append({"crop": [x, y, w, h], "size": list(size), "rgb": digest(np.asarray(resized))})
    return out


def expected_centre_crops(base):
    out = []
    for x, y, w, h in [(0, 0, 97, 61), (0, 0, 61, 61), (5, 0, 40, 61), (0, 0, 33, 61), (0, 3, 97, 30), (9, 9, 1, 5)]:
        for size in (16, 31, 64):
            crop = base.crop((x, y, x + w, y + h))
            cut = CenterCrop(size)(Resize(size, InterpolationMode.BICUBIC)(crop))
            tensor = image_transform(size, is_train=False)(crop)
            entry = {"crop": [x, y, w, h], "size": size, "rgb": digest(np.asarray(cut))}
            out.append(entry | {"normalised": digest(tensor.numpy())})
    return out


if __name__ == "__main__":
    write_pngs()
    write_jpegs()
    base = Image.open(HERE / "base.png").convert("RGB")
    expected = {
        "decodes": expected_decodes(),
        "resizes": expected_resizes(base),
        "centre_crops": expected_centre_crops(base),
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
