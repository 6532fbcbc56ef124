#!/usr/bin/env python3
"""Writes out particles.tsv: names with the particles that go with them. Standard library only.

names_read_aloud.tsv is written by hand: a name, and how a Korean reads it. The forms follow from the last syllable of the
reading, taken apart by Unicode's decomposition: a vowel, ㄹ, or another consonant.
"""
import pathlib
import unicodedata

here = pathlib.Path(__file__).parent
rows = ["name\tread\t은/는\t이/가\t을/를\t과/와\t(으)로\t(이)나\t(이)라는\t(이)다"]
for line in (here / "names_read_aloud.tsv").read_text().splitlines():
    name, read = line.split("\t")
    final = unicodedata.normalize("NFD", read[-1])[2:]
    closed = [["는", "은"], ["가", "이"], ["를", "을"], ["와", "과"], ["로", "으로"], ["나", "이나"], ["라는", "이라는"], ["다", "이다"]]
    forms = [pair[bool(final)] for pair in closed]
    if final == "\u11af":  # ㄹ
        forms[4] = "로"
    rows.append("\t".join([name, read, *forms]))
(here / "particles.tsv").write_text("\n".join(rows) + "\n")
