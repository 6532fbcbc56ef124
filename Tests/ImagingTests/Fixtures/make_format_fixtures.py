"""WebP pictures, EXIF orientations and the rarer PNG types, and the SHA-256 of what Pillow makes of them.

Made with Pillow 13.0.0 (libwebp 1.6.0):
    python make_format_fixtures.py        # writes beside itself: formats/*, formats.json
"""
import hashlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from make_fixtures import chunk, packed_rows, picture

HERE = Path(__file__).parent
OUT = HERE / "formats"
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def with_alpha(rgb):
    height, width = rgb.shape[:2]
    alpha = (np.add.outer(np.arange(height), np.arange(width)) * 7 % 256).astype(np.uint8)
    return np.concatenate([rgb, alpha[..., None]], -1)


def write_webps():
    rgb = Image.fromarray(picture(61, 43))
    rgba = Image.fromarray(with_alpha(picture(37, 29)))
    rgb.save(OUT / "lossy.webp", quality=80)
    rgb.save(OUT / "lossless.webp", lossless=True)
    rgba.save(OUT / "lossy-alpha.webp", quality=80)
    rgba.save(OUT / "lossless-alpha.webp", lossless=True, exact=True)
    rgb.crop((0, 0, 1, 1)).save(OUT / "one-pixel.webp")
    rgb.convert("L").save(OUT / "grey.webp", quality=70)
    frames = [rgb.rotate(angle) for angle in (0, 90, 180)]
    frames[0].save(OUT / "animated.webp", save_all=True, append_images=frames[1:], duration=40, quality=70)
    (OUT / "animated-offset.webp").write_bytes(offset_animation(rgba))


def riff_chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def offset_animation(image):
    """One frame that leaves most of its canvas (61 × 43) uncovered: only hand-made files begin so."""
    image.save(OUT / "frame.webp", lossless=True, exact=True)
    still = (OUT / "frame.webp").read_bytes()
    (OUT / "frame.webp").unlink()
    bitstream = still[12:] if still[12:16] == b"VP8L" else still[12 + 18 :]
    u24 = lambda value: struct.pack("<I", value)[:3]
    header = struct.pack("<I", 0x12) + u24(61 - 1) + u24(43 - 1)  # animation and alpha
    frame = u24(8 // 2) + u24(6 // 2) + u24(image.width - 1) + u24(image.height - 1) + u24(40) + b"\0"
    chunks = riff_chunk(b"VP8X", header) + riff_chunk(b"ANIM", struct.pack("<IH", 0xFF2040FF, 0))
    chunks += riff_chunk(b"ANMF", frame + bitstream) * 2
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def exif(orientation, order="<", kind="H", entries=()):
    """A TIFF block with one directory: `entries` before the orientation."""
    value = struct.pack(order + kind, orientation).ljust(4, b"\0")
    rows = b"".join(struct.pack(order + "HHI", tag, 2, 1) + b"a\0\0\0" for tag in entries)
    rows += struct.pack(order + "HHI", 0x0112, {"H": 3, "I": 4}[kind], 1) + value
    count = len(entries) + 1
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return header + struct.pack(order + "H", count) + rows + struct.pack(order + "I", 0)


def write_oriented():
    image = Image.fromarray(picture(29, 19))
    for orientation in range(1, 9):
        order = "<" if orientation % 2 else ">"
        block = b"Exif\0\0" + exif(orientation, order, entries=(0x010E, 0x010F)[: orientation % 3])
        image.save(OUT / f"orientation-{orientation}.jpg", quality=90, exif=block)
    image.save(OUT / "orientation-long.jpg", quality=90, exif=b"Exif\0\0" + exif(8, kind="I"))
    image.save(OUT / "orientation-6.png", exif=exif(6, ">"))
    image.save(OUT / "orientation-5.webp", lossless=True, exif=exif(5))
    image.save(OUT / "orientation-7.webp", quality=80, exif=b"Exif\0\0" + exif(7, ">"))
    png = (OUT / "orientation-6.png").read_bytes()
    start = png.index(b"eXIf") - 4
    end = start + 12 + struct.unpack(">I", png[start : start + 4])[0]
    late = png[:start] + png[end:-12] + chunk(b"eXIf", exif(3)) + png[-12:]
    (OUT / "orientation-late.png").write_bytes(late)


def write_damaged_exif():
    """None of these may cost a picture or more than a moment; all but the last are upright."""
    image = Image.fromarray(picture(17, 11))
    block = exif(6)
    cases = {
        "zero": exif(0), "nine": exif(9), "not-tiff": b"XX*\0" + block[4:], "empty": b"", "short": block[:9],
        "far": block[:4] + struct.pack("<I", 0xFFFFFFF0) + block[8:],
        "in-itself": block[:4] + struct.pack("<I", 0) + block[8:],
        "many": block[:8] + struct.pack("<H", 0xFFFF) + block[22:],
        "two-values": block[:14] + struct.pack("<I", 2) + block[18:],
    }
    for name, content in cases.items():
        image.save(OUT / f"damaged-{name}.jpg", quality=90, exif=b"Exif\0\0" + content)


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(samples, depth, colour_type, interlaced=False, before=b"", after=b""):
    height, width = samples.shape[:2]
    passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [samples]
    data = zlib.compress(b"".join(packed_rows(p, depth) for p in passes if p.size), 9)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    return (SIGNATURE + chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + after + chunk(b"IEND", b""))


def write_pngs():
    rgb = picture(23, 17).astype(np.int64)
    grey, rgba = rgb[..., :1], with_alpha(picture(23, 17)).astype(np.int64)
    palette = chunk(b"PLTE", np.random.default_rng(3).integers(0, 256, (256, 3)).astype(np.uint8).tobytes())
    alpha = chunk(b"tRNS", bytes(range(0, 256, 3)))
    files = {
        "grey-alpha16.png": png(rgba[..., 2:] * 256 + 99, 16, 4),
        "rgba16.png": png(rgba * 256 + 33, 16, 6),
        "rgb8-transparent.png": png(rgb, 8, 2, before=chunk(b"tRNS", struct.pack(">HHH", *rgb[9, 9]))),
        "palette-interlaced-transparent.png": png(grey, 8, 3, True, palette + alpha),
        "grey4-interlaced.png": png(grey >> 4, 4, 0, True),
        # 20 MB of zeros in each: nothing that the pixels need
        "bombs.png": png(rgb, 8, 2, before=bombs()),
        "animated.png": apng(rgb),
    }
    for name, content in files.items():
        (OUT / name).write_bytes(content)


def bombs():
    data = zlib.compress(bytes(20_000_000), 9)
    return (chunk(b"iCCP", b"profile\0\0" + data) + chunk(b"zTXt", b"Comment\0\0" + data)
            + chunk(b"iTXt", b"Comment\0\1\0\0\0" + data))


def apng(rgb):
    """Two frames; the first is the default picture."""
    height, width = rgb.shape[:2]
    def control(number):
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, 25, 0, 0))
    second = zlib.compress(packed_rows(255 - rgb, 8), 9)
    return png(rgb, 8, 2, before=chunk(b"acTL", struct.pack(">II", 2, 0)) + control(0),
               after=control(1) + chunk(b"fdAT", struct.pack(">I", 2) + second))


def expected(path):
    # Pillow refuses the bombs; the pixels are there all the same, those of the APNG's default picture.
    image = Image.open(OUT / "animated.png" if path.name == "bombs.png" else path)
    entry = {"width": image.width, "height": image.height, "rgb": digest(image.convert("RGB"))}
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA")).astype(np.float64)
        over = rgba[..., :3] * rgba[..., 3:] + 255 * (255 - rgba[..., 3:])
        entry["over_white"] = digest(np.rint(over / 255).astype(np.uint8))
    upright = ImageOps.exif_transpose(image)
    return entry | {"upright": [upright.width, upright.height, digest(upright.convert("RGB"))]}


def digest(image):
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    write_webps()
    write_oriented()
    write_damaged_exif()
    write_pngs()
    entries = {path.name: expected(path) for path in sorted(OUT.iterdir())}
    (HERE / "formats.json").write_text(json.dumps(entries, indent=1) + "\n")
