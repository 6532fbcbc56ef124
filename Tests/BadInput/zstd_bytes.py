"""Zstandard frames byte by byte (RFC 8878), of raw and run-length blocks only, the damaged ones included."""
import struct

MAGIC = b"\x28\xb5\x2f\xfd"
LARGEST_BLOCK = 128 << 10
RAW, RUN_LENGTH, COMPRESSED, RESERVED = range(4)


def xxh64(data, seed=0):
    """XXH64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md); a frame's checksum is its low half."""
    mask = (1 << 64) - 1
    p1, p2, p3, p4, p5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
                          0x27D4EB2F165667C5)

    def rotated(value, count):
        return (value << count | value >> 64 - count) & mask

    def round_(lane, word):
        return rotated((lane + word * p2) & mask, 31) * p1 & mask

    place = 0
    if len(data) >= 32:
        lanes = [(seed + p1 + p2) & mask, (seed + p2) & mask, seed, (seed - p1) & mask]
        for place in range(0, len(data) - 31, 32):
            lanes = [round_(lane, word) for lane, word in zip(lanes, struct.unpack_from("<4Q", data, place))]
        place += 32
        value = sum(rotated(lane, count) for lane, count in zip(lanes, (1, 7, 12, 18))) & mask
        for lane in lanes:
            value = ((value ^ round_(0, lane)) * p1 + p4) & mask
    else:
        value = (seed + p5) & mask
    value = (value + len(data)) & mask
    for place in range(place, len(data) - 7, 8):
        value = (rotated(value ^ round_(0, struct.unpack_from("<Q", data, place)[0]), 27) * p1 + p4) & mask
    tail = data[len(data) - len(data) % 8:]
    if len(tail) >= 4:
        value = (rotated(value ^ struct.unpack_from("<I", tail)[0] * p1 & mask, 23) * p2 + p3) & mask
        tail = tail[4:]
    for byte in tail:
        value = rotated(value ^ byte * p5 & mask, 11) * p1 & mask
    value = (value ^ value >> 33) * p2 & mask
    value = (value ^ value >> 29) * p3 & mask
    return value ^ value >> 32


def block(kind, size, body, is_last=False):
    return struct.pack("<I", is_last | kind << 1 | size << 3)[:3] + body


def raw_blocks(data):
    pieces = [data[i:i + LARGEST_BLOCK] for i in range(0, len(data), LARGEST_BLOCK)] or [b""]
    return [(RAW, len(piece), piece) for piece in pieces]


def zeros(count):
    """Blocks of 4 bytes that give 128 KiB each."""
    whole, rest = divmod(count, LARGEST_BLOCK)
    return [(RUN_LENGTH, LARGEST_BLOCK, b"\0")] * whole + ([(RUN_LENGTH, rest, b"\0")] if rest else [])


def frame(blocks, window_log=17, content_size=None, checksum=None):
    """`content_size`: what the header claims (8 bytes), or nothing. `checksum`: four bytes after the last block."""
    descriptor = (0xC0 if content_size is not None else 0) | (0x04 if checksum is not None else 0)
    head = MAGIC + bytes([descriptor, window_log - 10 << 3])
    if content_size is not None:
        head += struct.pack("<Q", content_size)
    body = b"".join(block(*each) for each in blocks[:-1]) + block(*blocks[-1], is_last=True)
    return head + body + (checksum or b"")


def stored(data, with_checksum=True):
    """A frame that holds `data` as it is, as a compressor writes what does not shrink."""
    checksum = struct.pack("<I", xxh64(data) & 0xFFFFFFFF) if with_checksum else None
    return frame(raw_blocks(data), content_size=len(data), checksum=checksum)


def skippable(data, number=0):
    return struct.pack("<II", 0x184D2A50 + number, len(data)) + data


assert xxh64(b"") == 0xEF46DB3751D8E999
assert xxh64(b"a") == 0xD24EC4F1A98C6E5B
