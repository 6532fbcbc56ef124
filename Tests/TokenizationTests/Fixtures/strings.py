"""Texts to compare tokenizers on, drawn from a seed: StringGenerator.swift draws the same ones.

`strings(seed, count, lines)` are `count` texts of sixteen kinds (Korean, English, mixed scripts, emoji, combining marks,
control characters, random bytes, white space, long words, …); `sweep()` are texts that hold every scalar of the planes
in use, each before an "a".
"""

MASK = (1 << 64) - 1

MARKS = "\u0300\u0301\u0308\u0323\u0327\u0345\u034f\u0591\u064b\u093c\u09be\u0bd7\u0e31\u1ab0\u1dc0\u20d0\u20dd\u302a\u302e\u302f\u3099\u309a\ufe20\U0001d165\U0001d16d\U00016ff0\u07fd\u08d3"
CONTROLS = "\u0000\u0001\u0007\u0008\u0009\u000a\u000b\u000c\u000d\u001b\u001f\u007f\u0080\u0085\u009f\u00ad\u0600\u061c\u070f\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u206f\ufeff\ufff9\ufffc\ufffd\ufffe\uffff\ue000\U000e0001\U000e0020\U0010fffd"
SPACES = " \t\n\r\u000b\u000c\u0085\u00a0\u1680\u2000\u2003\u2007\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
EMOJI = [
    "😀", "👍", "👍🏽", "👨‍👩‍👧‍👦", "🇰🇷", "🇺🇸", "☃️", "❄️", "❤️‍🔥", "🏳️‍🌈", "👩🏿‍🚀", "1️⃣", "🧑🏻‍🤝‍🧑🏾", "🫠", "\U0001fae9", "🏴\U000e0067\U000e0062\U000e007f", "♥", "™", "〰️",
]
SPECIALS = [
    "[PAD]", "[SOT]", "[EOT]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "[cls]", "<|startoftext|>", "<|endoftext|>", "<|STARTOFTEXT|>",
    "<|EndOfText|>", "!<|endoftext|>", "##a", "</w>", "a</w>", "'s", "'LL", "’s", "''re", "&amp;", "<b>",
]
SCRIPTS = [
    (0xC0, 0x180), (0x180, 0x250), (0x370, 0x400), (0x400, 0x530), (0x530, 0x590), (0x590, 0x600), (0x600, 0x700), (0x900, 0x980),
    (0x980, 0xA00), (0xB80, 0xC00), (0xE00, 0xE80), (0xF00, 0x1000), (0x10A0, 0x1100), (0x13A0, 0x1400), (0x1E00, 0x2000),
    (0x2000, 0x2070), (0x2100, 0x2190), (0x2C60, 0x2D30), (0x3000, 0x3040), (0x3040, 0x3100), (0x3130, 0x3190), (0x3200, 0x3400),
    (0x4E00, 0x9FFF), (0xA640, 0xA6A0), (0xF900, 0xFB00), (0xFB00, 0xFE00), (0xFF00, 0xFFF0), (0x10400, 0x10450), (0x11000, 0x11100),
    (0x1D100, 0x1D200), (0x1D400, 0x1D800), (0x1E900, 0x1E960), (0x20000, 0x20100), (0x2F800, 0x2FA20),
]


class Generator:
    """SplitMix64, as kelip's SeededGenerator."""

    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        z = (self.state + 0x9E3779B97F4A7C15) & MASK
        self.state = z
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % count

    def pick(self, items):
        return items[self.below(len(items))]

    def between(self, bounds):
        return chr(bounds[0] + self.below(bounds[1] - bounds[0]))

    def scalar(self, limit):
        value = self.below(limit)
        return chr(0xFFFD if 0xD800 <= value < 0xE000 else value)

    def joined(self, count, draw):
        return "".join(draw() for _ in range(count))


def letter(g):
    return chr(97 + g.below(26))


def syllable(g):
    return chr(0xAC00 + g.below(11172))


def spaced(g, draw):
    """`draw()`, in one of five draws after a space."""
    space = g.below(5) == 0
    return (" " if space else "") + draw()


def long_word(g):
    count = 80 + g.below(60) if g.below(2) == 0 else 200 + g.below(200)
    kind = g.below(4)
    if kind == 0:
        return letter(g) * count
    if kind == 1:
        return syllable(g) * count
    if kind == 2:
        return g.joined(count, lambda: letter(g))
    return g.joined(count, lambda: syllable(g))


def text(g, lines, kind):
    n = 1 + g.below(24)
    if kind == 0:
        return g.pick(lines)
    if kind == 1:
        return g.joined(n, lambda: g.pick(g.pick(lines).split(" ")) + g.pick([" ", "  ", "", "-", ", ", "\n"]))
    if kind == 2:
        return g.joined(n, lambda: spaced(g, lambda: syllable(g)))
    if kind == 3:
        return g.joined(n, lambda: chr(0x1100 + g.below(256)) if g.below(3) else syllable(g))
    if kind == 4:
        return g.joined(n, lambda: chr(32 + g.below(95)))
    if kind == 5:
        return g.joined(n, lambda: spaced(g, lambda: g.pick(EMOJI)))
    if kind == 6:
        return g.joined(n, lambda: g.pick("aeiouAEOU가ㄱ하 あか한\u0915\u09c7\u0b92\U00011935") + g.joined(g.below(4), lambda: g.pick(MARKS)))
    if kind == 7:
        return g.joined(n, lambda: g.pick(CONTROLS) if g.below(2) else letter(g))
    if kind == 8:
        return bytes(g.below(256) for _ in range(n)).decode("utf-8", "replace")
    if kind == 9:
        return g.joined(n, lambda: g.pick(SPACES) if g.below(3) else letter(g))
    if kind == 10:
        return long_word(g)
    if kind == 11:
        return g.joined(n, lambda: g.scalar(0x110000))
    if kind == 12:
        return g.joined(n, lambda: spaced(g, lambda: g.scalar(0x10000)))
    if kind == 13:
        return g.joined(n, lambda: spaced(g, lambda: g.between(g.pick(SCRIPTS))))
    if kind == 14:
        return g.joined(1 + n % 6, lambda: g.pick(SPECIALS) + g.pick([" ", "", "a", "가"]))
    return g.joined(2 + g.below(2), lambda: text(g, lines, g.below(15)))


def strings(seed, count, lines):
    g = Generator(seed)
    return [text(g, lines, index % 16) for index in range(count)]


def sweep():
    """Every scalar of the planes 0 to 3 and 14, 64 a text."""
    starts = list(range(0, 0x40000, 64)) + list(range(0xE0000, 0xE1000, 64))
    return [
        "".join(chr(v) + "a " for v in range(start, start + 64) if not 0xD800 <= v < 0xE000) for start in starts
    ]
