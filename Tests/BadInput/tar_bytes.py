"""Tar archives byte by byte, the damaged ones that `tarfile` would not write included."""

BLOCK = 512
END = bytes(2 * BLOCK)


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def base256(value, width=12):
    """GNU's big-endian two's complement: the first byte tells the sign, the rest is the number."""
    return (b"\xff" if value < 0 else b"\x80") + (value % (1 << 8 * (width - 1))).to_bytes(width - 1, "big")


def header(name, size=0, kind=b"0", link=b"", prefix=b"", checksum=None, magic=b"ustar\00000"):
    """One header block. `name`, `size` and `checksum` may be raw bytes of the field."""
    name = name.encode() if isinstance(name, str) else name
    size = octal(size, 12) if isinstance(size, int) else size
    block = bytearray(BLOCK)
    fields = {0: name, 100: b"0000644\0", 108: b"0000000\0", 116: b"0000000\0", 124: size, 136: octal(0, 12),
              156: kind, 157: link, 257: magic, 345: prefix}
    for place, value in fields.items():
        block[place:place + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block) if checksum is None else checksum
    assert len(block) == BLOCK, "a field is longer than its place"
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def member(name, data, **fields):
    return header(name, len(data), **fields) + padded(data)


def members(files):
    """`{name: data}` in order."""
    return b"".join(member(name, data) for name, data in files.items())


def pax(records, kind=b"x"):
    """An extended header with `{key: value}`; each record begins with its own length."""
    body = b""
    for key, value in records.items():
        rest = b" %s=%s\n" % (key.encode(), value if isinstance(value, bytes) else str(value).encode())
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length = len(str(length)) + len(rest)
        body += str(length).encode() + rest
    return member("PaxHeaders/x", body, kind=kind)


def gnu_long(name, kind=b"L"):
    """GNU's long name (`L`) or long link (`K`) of the member that follows."""
    return member("././@LongLink", name + b"\0", kind=kind, magic=b"ustar  \0")
