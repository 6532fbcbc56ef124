"""Pictures, good and bad: PNG written here, JPEG and WebP from a few constants.

The constants were made once with Pillow 13.0.0 out of one 24 x 16 picture (red = 10 x, green = 16 y, blue = x y):

    im.save(f, "JPEG", quality=60)
    im.convert("L").resize((16, 16)).save(f, "JPEG", quality=60, progressive=True)
    im.save(f, "WEBP", quality=60); im.save(f, "WEBP", lossless=True)
    im.resize((12, 8)).save(f, "WEBP", save_all=True, append_images=[im.transpose(0).resize((12, 8))], duration=100,
                            quality=50)
"""
import base64
import struct
import zlib

JPEG = base64.b64decode("""
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj
5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//
wAARCAAQABgDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBR
IhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4
eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHw
EAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMz
UvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoq
OkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDjINN/2a0INM/2a6C2
03p8tattpnT5a4aVT2py4TM7dTm4NK6fLRXax2CxkDZlvSiqnUwsJcs5a+jf5I+lo5nJxP/Z
""")
PROGRESSIVE_JPEG = base64.b64decode("""
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj
5aYVpQYEpRUk//wgALCAAQABABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAABAX/2gAIAQEAAAABjtY7/8QAFxAAAwEAAAAAAAAAAAAAAAAA
AAIDEf/aAAgBAQABBQJZiyEmLPD/xAAUEAEAAAAAAAAAAAAAAAAAAAAg/9oACAEBAAY/Ah//xAAXEAEBAQEAAAAAAAAAAAAAAAAAYREx/9
oACAEBAAE/IZpIsHH/2gAIAQEAAAAQn//EABcQAQEBAQAAAAAAAAAAAAAAAAERADH/2gAIAQEAAT8QpMrMtMAFpeG//9k=
""")
LOSSY_WEBP = base64.b64decode("""
UklGRoIAAABXRUJQVlA4IHYAAADwAwCdASoYABAAPrVMoUqnJCMhsAgA4BaJbACdLwJ5KBLgXGoNnBvwAP7+kLQXRhUGbJCthJav+RkYLY
C/0LC7udNCzsaGy89AruFVLH604s9XwvgJObW5XGNQ+NavB7frWyQcjoa34jKn8lmx2IFOeoEkAAAA
""")
LOSSLESS_WEBP = base64.b64decode("""
UklGRkgAAABXRUJQVlA4TDsAAAAvF8ADALkyRPQ/FuNf/+h/JA4jbSNVwvtXfPDh4CgobhtJzS3vHn/5YgIS1wfB9ReQRmj8DYVZEwavCg
A=
""")
ANIMATED_WEBP = base64.b64decode("""
UklGRioBAABXRUJQVlA4WAoAAAACAAAACwAABwAAQU5JTQYAAAAAAAAAAABBTk1GfAAAAAAAAAAAAAsAAAcAAGQAAAJWUDggZAAAAFABAJ
0BKgwACAACwEwlsAAFjAAA/uK5/+f/9lP/531OJ+PH//zqRffvir/qCv6Jz6Vp4nP00/o+E+wklyjWog5//cXp7BeP+6lzNU9nHbrw4V5S
/39OaPziPw0B/ikTcy+gAABBTk1GegAAAAAAAAAAAAsAAAcAAGQAAABWUDggYgAAAFQBAJ0BKgwACAAAAEwlsAAFjAAA/mf//L0/+1h/86
xDeLuf/53DkpP0Cr61V6TnVR+pIW+BIfu15HQJ7vNgP9LtjesihvpYoHy7BHz/oUvND/q4r3/qAfhf7dfp+R/OAAAA
""")

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: The smallest GIF: one white pixel.
GIF = b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


# --- PNG --------------------------------------------------------------------------------------------------

def chunk(kind, data, crc=None):
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def ihdr(width, height, depth=8, colour=2, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def png(width, height, pixel=b"\x40\x80\xc0", extra=b""):
    """One colour; `extra` chunks stand before the pixels."""
    rows = (b"\0" + pixel * width) * height
    return (PNG_SIGNATURE + ihdr(width, height) + extra + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def zeros_deflated(count):
    """zlib's form of `count` zeros, a thousandth as long, without having them in memory.

    A full flush makes a piece of the stream independent of what stands before it, so that it can be repeated.
    """
    piece = 1 << 24
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = compressor.compress(bytes(piece)) + compressor.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, zlib.DEFLATED, -15)
    tail = rest.compress(bytes(count % piece)) + rest.flush()
    # Adler-32 of zeros: the first sum stays 1, the second counts them.
    return b"\x78\xda" + body * (count // piece) + tail + struct.pack(">I", count % 65521 << 16 | 1)


def huge_png(side=50_000):
    """Black and white, `side` squared: 312 MB of rows in 300 kB."""
    rows = (1 + (side + 7) // 8) * side
    return (PNG_SIGNATURE + ihdr(side, side, depth=1, colour=0) + chunk(b"IDAT", zeros_deflated(rows))
            + chunk(b"IEND", b""))


def chunk_bomb(kind, size=1 << 30):
    """A small picture with an ancillary chunk that inflates to a gibibyte."""
    heads = {b"iCCP": b"profile\0\0", b"zTXt": b"Comment\0\0", b"iTXt": b"Comment\0\1\0\0\0"}
    return png(20, 20, extra=chunk(kind, heads[kind] + zeros_deflated(size)))


def png_with_bad_crc(kind):
    good = png(24, 16)
    place = good.index(kind)
    end = place + 4 + struct.unpack(">I", good[place - 4:place])[0]
    return good[:end] + bytes([good[end] ^ 1]) + good[end + 1:]


# --- JPEG -------------------------------------------------------------------------------------------------

def sized_jpeg(width, height):
    """`JPEG` with other numbers in its frame header."""
    place = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:place] + struct.pack(">HH", height, width) + JPEG[place + 4:]


def many_scans(count=80_000):
    """The last scan of a progressive picture again and again."""
    last = PROGRESSIVE_JPEG.rindex(b"\xff\xda")
    assert PROGRESSIVE_JPEG.endswith(b"\xff\xd9")
    return PROGRESSIVE_JPEG[:last] + PROGRESSIVE_JPEG[last:-2] * count + b"\xff\xd9"


def jpeg_with_segment(marker, body):
    return JPEG[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + JPEG[2:]


def exif_orientation(value, offset=8):
    """A big-endian Exif block with one entry; `offset` is where it says that its first table stands."""
    table = struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, value, 0, 0)
    return b"Exif\0\0MM\0\x2a" + struct.pack(">I", offset) + table


# --- WebP -------------------------------------------------------------------------------------------------

def sized_webp(width, height):
    """`LOSSY_WEBP` with other numbers in its frame header (14 bits each)."""
    place = LOSSY_WEBP.index(b"\x9d\x01\x2a") + 3
    return LOSSY_WEBP[:place] + struct.pack("<HH", width, height) + LOSSY_WEBP[place + 4:]
