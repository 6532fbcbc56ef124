"""Real Korean and English text without a data set: translations and manuals of Debian packages, and captions mixed
from their words.

`sentences(folder)` are the strings of the message catalogues of this machine and of the packages below, and the text of
their pages; the packages are downloaded with apt-get into `folder` and not installed. `captions(sentences, size, seed)`
are distinct lines of 4 to 17 words, until `size` bytes: runs of words as they stand, a quarter of the words with the
ending of another, so that rare words are as many as crawled captions have.
"""

import gettext
import html.parser
import pathlib
import random
import subprocess

PACKAGES = ["libreoffice-l10n-ko", "libreoffice-help-ko", "debian-faq-ko"]
INSTALLED = pathlib.Path("/usr/share/locale/ko/LC_MESSAGES")


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.texts, self.hidden = [], 0

    def handle_starttag(self, tag, attributes):
        self.hidden += tag in ("script", "style")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data):
        text = " ".join(data.split())
        if text and not self.hidden:
            self.texts.append(text)


def catalogue(path):
    try:
        with open(path, "rb") as file:
            entries = gettext.GNUTranslations(file)._catalog.items()
    except (OSError, UnicodeDecodeError, ValueError):
        return []
    texts = [text for key, value in entries for text in (key if isinstance(key, str) else key[0], value)]
    return [line for text in texts for line in text.split("\n") if line.strip()]


def page(path):
    parser = Page()
    parser.feed(path.read_text(errors="replace"))
    return parser.texts


def sentences(folder):
    folder = pathlib.Path(folder)
    unpacked = folder / "unpacked"
    if not unpacked.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-qq", "download", *PACKAGES], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        for package in sorted(folder.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
    catalogues = sorted(INSTALLED.glob("*.mo")) + sorted(unpacked.rglob("*.mo"))
    found = [text for path in catalogues for text in catalogue(path)]
    found += [text for path in sorted(unpacked.rglob("*.html")) for text in page(path)]
    return [" ".join(text.split()) for text in found]


def captions(texts, size, seed=1):
    draw = random.Random(seed)
    words = [word for text in texts for word in text.split()]
    korean = [word for word in words if any("가" <= c <= "힣" for c in word)]
    made, seen, total = [], set(), 0
    while total < size:
        source = korean if draw.random() < 0.5 else words
        place = draw.randrange(len(source) - 20)
        line = []
        for _ in range(4 + draw.randrange(14)):
            if draw.random() < 0.15:
                place = draw.randrange(len(source) - 20)
            word, place = source[place], place + 1 if place + 21 < len(source) else 0
            if draw.random() < 0.25:
                other = source[draw.randrange(len(source))]
                word = word[: 1 + draw.randrange(len(word))] + other[-(1 + draw.randrange(len(other))) :]
            line.append(word)
        text = " ".join(line)
        if text not in seen:
            seen.add(text)
            made.append(text)
            total += len(text.encode()) + 1
    return made
