"""The items of the corpus: each a shard with good samples around one bad thing, and what has to become of them."""
import dataclasses
import hashlib
import json
import struct

import pictures
import tar_bytes as tar
import zstd_bytes as zstd


@dataclasses.dataclass
class Item:
    """`data` is the shard, or an iterable of its pieces."""
    name: str
    data: object
    #: Keys of samples that must be trained on.
    survive: list
    #: Key of each sample that must be replaced → reason.
    samples: dict = dataclasses.field(default_factory=dict)
    #: Reason → how many groups of members are no samples for it.
    rejected: dict = dataclasses.field(default_factory=dict)
    #: The shard's own damage.
    fault: str | None = None
    suffix: str = ".tar"


def colour(key):
    return hashlib.sha256(key.encode()).digest()[:3]


def sample(key, image=None, text=None, kind="png", **more):
    """The files of a sample that is good but for what is given."""
    image = pictures.png(20, 18, colour(key)) if image is None else image
    text = f"a picture of {key}, 그림".encode() if text is None else text
    return {f"{key}.{kind}": image, f"{key}.txt": text} | {f"{key}.{name}": data for name, data in more.items()}


def good(item, number):
    """(key, bytes of its members)."""
    key = f"{item}-good-{number}"
    return key, tar.members(sample(key))


def around(item, middle, survive=(), end=tar.END, after=True, suffix=".tar", **expected):
    """A shard: a good sample, `middle`, and a good sample. `after`: whether the last one can still be read."""
    (first, head), (last, tail) = good(item, 0), good(item, 1)
    kept = [first, *survive] + ([last] if after else [])
    return Item(item, head + middle + tail + end, kept, suffix=suffix, **expected)


# --- Pictures ---------------------------------------------------------------------------------------------

def bad_pictures():
    """(name, extension, bytes, reason or None for a picture that must be read)."""
    p = pictures
    yield "empty", "jpg", b"", "image_empty"
    yield "one-byte", "jpg", b"\xff", "image_unknown_format"
    yield "html", "jpg", b"<!DOCTYPE html><html><body>403 Forbidden</body></html>", "image_unknown_format"
    yield "gif", "jpg", p.GIF, "image_unknown_format"
    yield "zeros", "png", bytes(4096), "image_unknown_format"
    yield "png-0xn", "png", p.PNG_SIGNATURE + p.ihdr(0, 7) + p.png(1, 1)[33:], "image_corrupt"
    yield "png-nx0", "png", p.PNG_SIGNATURE + p.ihdr(7, 0) + p.png(1, 1)[33:], "image_corrupt"
    yield "jpeg-0xn", "jpg", p.sized_jpeg(0, 16), "image_corrupt"
    yield "jpeg-nx0", "jpg", p.sized_jpeg(24, 0), "image_corrupt"
    yield "webp-0xn", "webp", p.sized_webp(0, 16), "image_corrupt"
    yield "png-1x1", "png", p.png(1, 1), None
    yield "png-1xn", "png", p.png(1, 900_000), "image_too_elongated"
    yield "png-nx1", "png", p.png(900_000, 1), "image_too_elongated"
    yield "jpeg-65500", "jpg", p.sized_jpeg(65_500, 65_500), "image_too_large"
    yield "png-65500", "png", p.PNG_SIGNATURE + p.ihdr(65_500, 65_500) + p.png(1, 1)[33:], "image_too_large"
    yield "png-2g", "png", p.PNG_SIGNATURE + p.ihdr(2**31 - 1, 2**31 - 1) + p.png(1, 1)[33:], "image_too_large"
    yield "webp-16383", "webp", p.sized_webp(16_383, 16_383), "image_too_large"
    yield "png-50k", "png", p.huge_png(), "image_too_large"
    for name, kind, data, places in (
        ("jpeg", "jpg", p.JPEG, (3, 20, 100, 400, 640, 680)),
        ("progressive", "jpg", p.PROGRESSIVE_JPEG, (90, 170, 250, 290)),
        ("png", "png", p.png(24, 16), (8, 20, 33, 45, 60)),
        ("webp", "webp", p.LOSSY_WEBP, (12, 25, 60, 120)),
        ("webp-lossless", "webp", p.LOSSLESS_WEBP, (12, 25, 60)),
    ):
        for place in places:
            assert place < len(data)
            yield f"{name}-cut-{place}", kind, data[:place], "image_truncated"
    yield "80000-scans", "jpg", p.many_scans(), "image_too_many_scans"
    yield "png-crc-ihdr", "png", p.png_with_bad_crc(b"IHDR"), "image_corrupt"
    yield "png-crc-idat", "png", p.png_with_bad_crc(b"IDAT"), "image_corrupt"
    # What does not touch the pixels costs no sample.
    yield "iccp-bomb", "png", p.chunk_bomb(b"iCCP"), None
    yield "ztxt-bomb", "png", p.chunk_bomb(b"zTXt"), None
    yield "itxt-bomb", "png", p.chunk_bomb(b"iTXt"), None
    yield "webp-animated", "webp", p.ANIMATED_WEBP, None
    yield "exif-orientation-9", "jpg", p.jpeg_with_segment(0xE1, p.exif_orientation(9)), None
    yield "exif-outside", "jpg", p.jpeg_with_segment(0xE1, p.exif_orientation(6, offset=0xFFFF_FFF0)), None
    yield "exif-6", "jpg", p.jpeg_with_segment(0xE1, p.exif_orientation(6)), None
    yield "good-jpeg", "jpg", p.JPEG, None
    yield "good-progressive", "jpg", p.PROGRESSIVE_JPEG, None
    yield "good-webp", "webp", p.LOSSY_WEBP, None
    yield "good-webp-lossless", "webp", p.LOSSLESS_WEBP, None


def picture_items():
    for name, kind, data, reason in bad_pictures():
        key = f"image-{name}"
        yield around(key, tar.members(sample(key, image=data, kind=kind)),
                     survive=[] if reason else [key], samples={key: reason} if reason else {})


# --- Tars -------------------------------------------------------------------------------------------------

def tar_items(empty_members):
    yield around("tar-parent-name", tar.members(sample("../../up/escape")), survive=["../../up/escape"])
    yield around("tar-absolute-name", tar.members(sample("/etc/absolute")), survive=["/etc/absolute"])
    for name, kind, link in (("hard-link", b"1", b"/etc/passwd"), ("symbolic-link", b"2", b"../../etc/passwd"),
                             ("character-device", b"3", b""), ("block-device", b"4", b""),
                             ("folder", b"5", b""), ("fifo", b"6", b"")):
        key = f"tar-{name}"
        # It stands where the picture should be: nothing of it is followed or opened.
        middle = tar.header(f"{key}.png", kind=kind, link=link) + tar.member(f"{key}.txt", b"a text")
        yield around(key, middle, rejected={"missing_image": 1})
    yield around("tar-sparse", tar.header("s.png", 512, kind=b"S") + bytes(512),
                 rejected={"member_sparse": 1})
    yield around("tar-unknown-type", tar.member("tar-unknown-type.png", b"x", kind=b"~")
                 + tar.member("tar-unknown-type.txt", b"a text"), rejected={"missing_image": 1})

    def damaged(name, bad_header, fault, rest=b""):
        # The bytes after the header are no header either: a reader that looks for the next one must find it.
        return around(name, bad_header + rest, after=False, fault=fault)

    yield damaged("tar-bad-checksum", tar.header("c.png", 512, checksum=b"000001\0 ") + b"x" * 512,
                  "tar_bad_checksum")
    yield damaged("tar-checksum-no-number", tar.header("c.png", 512, checksum=b"zzzzzzzz"), "tar_bad_checksum")
    yield damaged("tar-garbage", b"\xa5" * 5120, "tar_bad_checksum")
    yield damaged("tar-size-no-number", tar.header("c.png", b"12345x78901\0"), "tar_bad_size")
    yield damaged("tar-size-minus", tar.header("c.png", b"-0000000512\0"), "tar_bad_size")
    yield damaged("tar-size-negative-base256", tar.header("c.png", tar.base256(-512)), "tar_bad_size")
    yield damaged("tar-size-overflow-base256", tar.header("c.png", tar.base256(1 << 84)), "tar_bad_size")
    yield damaged("tar-size-2-63", tar.header("c.png", tar.base256((1 << 63) - 1)), "tar_bad_size")
    yield damaged("tar-size-8-gib", tar.header("c.png", b"777777777777"), "tar_truncated_member")
    key = "tar-base256"
    files = sample(key)
    yield around(key, b"".join(tar.header(name, tar.base256(len(data))) + tar.padded(data)
                               for name, data in files.items()), survive=[key])
    long = "long/" + "x" * 300
    for key, prefix in (("pax-long-name", lambda n: tar.pax({"path": n})),
                        ("gnu-long-name", lambda n: tar.gnu_long(n.encode()))):
        name = f"{key}/{long}"
        yield around(f"tar-{key}", b"".join(prefix(file) + tar.member("short", data)
                                            for file, data in sample(name).items()), survive=[name])
    yield around("tar-pax-global", tar.pax({"comment": "x" * 600}, kind=b"g"))
    name = "tar-pax-size"
    yield around(name, b"".join(tar.pax({"size": len(data)}) + tar.header(file, 0) + tar.padded(data)
                                for file, data in sample(name).items()), survive=[name])
    for name, records, fault in (
        ("negative", {"size": -1}, "tar_bad_extended_header"),
        ("huge", {"size": 1 << 62}, "tar_truncated_member"),
        ("overflow", {"size": 1 << 90}, "tar_bad_extended_header"),
        ("no-number", {"size": "many"}, "tar_bad_extended_header"),
    ):
        yield damaged(f"tar-pax-size-{name}", tar.pax(records) + tar.member("c.png", b"x"), fault)
    yield damaged("tar-pax-garbage", tar.member("PaxHeaders/x", b"\xff" * 700, kind=b"x"),
                  "tar_bad_extended_header")
    yield damaged("tar-pax-2-mib", tar.member("PaxHeaders/x", b"9" * (2 << 20), kind=b"x"),
                  "tar_bad_extended_header")
    yield damaged("tar-gnu-long-8-gib", tar.header("././@LongLink", b"77777777777\0", kind=b"L"),
                  "tar_truncated_member")
    whole = b"".join(good("tar-cut-in-member", n)[1] for n in range(3))
    cut = tar.members(sample("tar-cut-in-member-bad", image=bytes(4096)))[:2000]
    yield Item("tar-cut-in-member", whole + cut, [f"tar-cut-in-member-good-{n}" for n in range(3)],
               fault="tar_truncated_member")
    whole = b"".join(good("tar-cut-in-header", n)[1] for n in range(3))
    yield Item("tar-cut-in-header", whole + tar.header("x.png")[:100],
               [f"tar-cut-in-header-good-{n}" for n in range(3)], fault="tar_truncated_header")
    yield around("tar-no-end", b"", end=b"", fault="tar_missing_end")
    yield around("tar-one-end-block", b"", end=bytes(512))
    yield Item("tar-empty-file", b"", [], fault="tar_missing_end")
    yield Item("tar-only-end", tar.END, [])
    yield around("tar-concatenated", tar.END, after=False, fault="tar_data_after_end")
    yield Item("tar-many-empty-members", many_empty_members(empty_members),
               ["tar-many-empty-members-good-0", "tar-many-empty-members-good-1"],
               rejected={"missing_image": empty_members})


def many_empty_members(count):
    """`count` members without data, each with a key of its own: 512 bytes each."""
    yield good("tar-many-empty-members", 0)[1]
    template = tar.header("empty/00000000.txt", checksum=b" " * 8)
    base = sum(template)
    zeros = 8 * ord("0")
    for number in range(count):
        digits = b"%08d" % number
        checksum = b"%06o\0 " % (base - zeros + sum(digits))
        yield b"empty/" + digits + template[14:148] + checksum + template[156:]
    yield good("tar-many-empty-members", 1)[1] + tar.END


# --- Groups -----------------------------------------------------------------------------------------------

def group_items():
    png, text = pictures.png(20, 18), b"a text"

    def item(name, files, survive=(), **rejected):
        middle = b"".join(tar.member(file, data) for file, data in files)
        return around(f"group-{name}", middle, survive=list(survive), rejected=rejected)

    yield item("no-text", [("g-no-text.png", png)], missing_text=1)
    yield item("no-image", [("g-no-image.txt", text), ("g-no-image.json", b"{}")], missing_image=1)
    yield item("not-adjacent", [("g-apart.png", png), *sample("g-between").items(), ("g-apart.txt", text)],
               ["g-between"], missing_text=1, missing_image=1)
    yield item("duplicate", [("g-twice.png", png), ("g-twice.txt", text), ("g-twice.txt", text)],
               duplicate_extension=1)
    yield item("duplicate-case", [("g-case.png", png), ("g-case.txt", text), ("g-case.TXT", text)],
               duplicate_extension=1)
    yield item("dotted", [("g-dotted.0001.png", png), ("g-dotted.0001.txt", text)], missing_image=1)
    yield item("dotted-folder", sample("v1.0/g-folder").items(), ["v1.0/g-folder"])
    yield item("more-members", [*sample("g-more").items(), ("g-more.seg.png", b"x"), ("g-more.cls", b"7")],
               ["g-more"])
    yield item("upper-case", [("G-UPPER.PNG", png), ("G-UPPER.TXT", text)], ["G-UPPER"])
    yield item("many-members", [*sample("g-many").items(), *((f"g-many.x{n}", b"") for n in range(1100))],
               too_many_members=1)
    yield around("group-long-key", b"".join(
        tar.pax({"path": "k" * 5000 + end}) + tar.member("x", data) for end, data in ((".png", png), (".txt", text))
    ), rejected={"key_too_long": 1})
    yield item("hidden", [(".hidden.png", png), ("._g-mac.txt", text)])
    yield item("no-extension", [("README", text)])
    yield item("two-images", [("g-two.png", png), ("g-two.jpg", pictures.JPEG), ("g-two.txt", text)], ["g-two"])


# --- Captions and metadata --------------------------------------------------------------------------------

def caption_items():
    for name, text, reason in (
        ("empty", b"", "caption_empty"),
        ("white-space", " \t\r\n\u00a0\u3000\u2003".encode(), "caption_empty"),
        ("only-bom", b"\xef\xbb\xbf", "caption_empty"),
        ("invalid-utf8", b"a caption \xff\xfe", "caption_not_utf8"),
        ("overlong-utf8", b"a caption \xc0\xaf", "caption_not_utf8"),
        ("surrogate-utf8", b"a caption \xed\xa0\x80", "caption_not_utf8"),
        ("cut-utf8", "그림".encode()[:-1], "caption_not_utf8"),
        ("utf16", "a caption, 그림".encode("utf-16"), "caption_not_utf8"),
        ("nul", b"a\0caption", "caption_has_nul"),
        ("bom", b"\xef\xbb\xbfa caption", None),
        ("right-to-left", "a \u202egnirts\u202c \u200fcaption\u200e".encode(), None),
        ("combining", ("a" + "\u0301" * 5000).encode(), None),
        ("10-mb", b"word " * (2 << 20), "caption_too_large"),
        ("one-mb", b"x" * (1 << 20), None),
    ):
        key = f"caption-{name}"
        yield around(key, tar.members(sample(key, text=text)), survive=[] if reason else [key],
                     samples={key: reason} if reason else {})


def metadata_items():
    """A sample needs no metadata: bad ones cost nothing but themselves."""
    for name, data in (
        ("invalid", b"{not json"), ("empty", b""), ("invalid-utf8", b'{"a": "\xff"}'),
        ("lone-surrogate", rb'{"language": "\ud800", "caption": "\udfff x"}'),
        ("nested-arrays", b"[" * 100_000), ("nested-closed", b"[" * 100_000 + b"]" * 100_000),
        ("nested-objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        ("huge-number", b'{"width": 1' + b"0" * 5000 + b', "height": 1e999999999}'),
        ("repeated-key", b'{"language": "ko", "language": "en"}'), ("not-an-object", b"[1, 2]"),
        ("nul", b'{"language": "k\0o"}'), ("10-mb", json.dumps({"text": "x" * (10 << 20)}).encode()),
    ):
        key = f"json-{name}"
        yield around(key, tar.members(sample(key, json=data)), survive=[key])


# --- Zstandard --------------------------------------------------------------------------------------------

def zstd_items(bomb_bytes=10 << 30):
    def item(name, head, rest, *survive, **expected):
        """`head` is stored in a sound frame first."""
        return Item(f"zstd-{name}", zstd.stored(head) + rest, list(survive), suffix=".tar.zst", **expected)

    def start(name):
        return good(f"zstd-{name}", 0)[::-1]

    (first, head), (last, tail) = good("zstd-sound", 0), good("zstd-sound", 1)
    yield Item("zstd-sound", zstd.skippable(b"a seek table", 14) + zstd.stored(head) + zstd.skippable(b"")
               + zstd.frame(zstd.raw_blocks(tail)) + zstd.frame(zstd.zeros(1024)), [first, last], suffix=".tar.zst")

    head, kept = start("window-bomb")
    yield item("window-bomb", head, zstd.frame(zstd.raw_blocks(b"x" * 512), window_log=41), kept,
               fault="zstd_window_too_large")
    # A member's header, and then gigabytes of zeros in its place: four bytes for each 128 KiB.
    head, kept = start("bomb-member")
    bomb = tar.header("zstd-bomb.png", tar.base256(bomb_bytes))
    yield item("bomb-member", head, zstd.frame(zstd.raw_blocks(bomb) + zstd.zeros(bomb_bytes)), kept,
               fault="zstd_bomb")
    head, kept = start("bomb-zeros")
    yield item("bomb-zeros", head, zstd.frame(zstd.zeros(bomb_bytes)), kept, fault="zstd_bomb")
    yield Item("zstd-bomb-alone", zstd.frame(zstd.zeros(bomb_bytes)), [], fault="zstd_bomb", suffix=".tar.zst")
    head, kept = start("claims-10-gb")  # Refused for what it claims.
    yield item("claims-10-gb", head, zstd.frame(zstd.zeros(1 << 20), content_size=bomb_bytes), kept,
               fault="zstd_bomb")
    (kept, head), (_, tail) = good("zstd-bad-checksum", 0), good("zstd-bad-checksum", 1)
    yield item("bad-checksum", head, zstd.stored(tail)[:-4] + b"oops", kept, fault="zstd_corrupt")
    (kept, head), (_, tail) = good("zstd-reserved-block", 0), good("zstd-reserved-block", 1)
    yield item("reserved-block", head, zstd.frame([(zstd.RAW, len(tail), tail), (zstd.RESERVED, 4, b"abcd")]),
               kept, fault="zstd_corrupt")
    (kept, head), (_, tail) = good("zstd-cut", 0), good("zstd-cut", 1)
    yield item("cut", head, zstd.stored(tail)[:300], kept, fault="zstd_truncated")
    (kept, head), (_, tail) = good("zstd-cut-in-magic", 0), good("zstd-cut-in-magic", 1)
    yield item("cut-in-magic", head, zstd.stored(tail)[:3], kept, fault="zstd_truncated")
    (kept, head), (other, tail) = good("zstd-garbage-after", 0), good("zstd-garbage-after", 1)
    yield item("garbage-after", head + tail + tar.END, b"garbage" * 100, kept, other, fault="zstd_corrupt")
    yield Item("zstd-only-skippable", zstd.skippable(b"x" * 100) * 3, [], fault="tar_missing_end",
               suffix=".tar.zst")
    yield Item("zstd-empty-file", b"", [], fault="zstd_truncated", suffix=".tar.zst")
    yield Item("zstd-skippable-cut", zstd.skippable(b"x" * 100)[:50], [], fault="zstd_truncated",
               suffix=".tar.zst")
    yield Item("zstd-not-zstd", good("zstd-not-zstd", 0)[1] + tar.END, [],
               fault="zstd_unknown_format", suffix=".tar.zst")
    (kept, head) = good("zstd-dictionary", 0)
    # Descriptor with a dictionary's number: nobody has that dictionary.
    dictionary = zstd.MAGIC + b"\x01\x38" + b"\x07" + struct.pack("<I", 1)[:3]
    yield item("dictionary", head, dictionary, kept, fault="zstd_needs_dictionary")


def all_items(empty_members, bomb_bytes):
    yield from picture_items()
    yield from tar_items(empty_members)
    yield from group_items()
    yield from caption_items()
    yield from metadata_items()
    yield from zstd_items(bomb_bytes)
