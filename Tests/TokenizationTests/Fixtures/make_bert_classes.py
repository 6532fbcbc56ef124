"""Sources/Tokenization/BertClasses.swift, read off Hugging Face tokenizers 0.23.3 scalar by scalar.

    python make_bert_classes.py > ../../../Sources/Tokenization/BertClasses.swift

tokenizers' BERT normaliser and pre-tokeniser use tables of an old Unicode release, so the classes are no property that
Swift's standard library could be asked for.
"""

import tokenizers
from tokenizers import normalizers, pre_tokenizers

only = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
clean = normalizers.BertNormalizer(**{**only, "clean_text": True})
ideographs = normalizers.BertNormalizer(**{**only, "handle_chinese_chars": True})
accents = normalizers.BertNormalizer(**{**only, "strip_accents": True})
words = pre_tokenizers.BertPreTokenizer()

CLASSES = [
    ("control", "Left out by cleaning.", lambda c: clean.normalize_str("a" + c + "a") == "aa"),
    ("ideographs", "Set apart by spaces.", lambda c: ideographs.normalize_str(c) == f" {c} "),
    ("accents", "Left out where accents are stripped.", lambda c: accents.normalize_str(c) == ""),
    (
        "punctuation", "A word of its own.",
        lambda c: [word for word, _ in words.pre_tokenize_str("a" + c + "a")] == ["a", c, "a"],
    ),
]


def runs(values):
    found = []
    for value in values:
        if found and found[-1][1] == value - 1:
            found[-1][1] = value
        else:
            found.append([value, value])
    return found


def main():
    characters = [chr(v) for v in range(0x110000) if not 0xD800 <= v < 0xE000]
    print(f"// Made by Tests/TokenizationTests/Fixtures/make_bert_classes.py with tokenizers {tokenizers.__version__}.\n")
    print("/// Classes of scalars as `tokenizers`' BERT normaliser and pre-tokeniser see them: first and last of each run.")
    print("enum BertClasses {")
    for number, (name, comment, test) in enumerate(CLASSES):
        found = runs(ord(c) for c in characters if test(c))
        bounds = [f"0x{bound:X}" for run in found for bound in run]
        print(("\n" if number else "") + f"  /// {comment}\n  static let {name}: [UInt32] = [")
        line = "   "
        for bound in bounds:
            if len(line) + len(bound) + 2 > 108:
                print(line)
                line = "   "
            line += f" {bound},"
        print(line + "\n  ]")
    print("}")


if __name__ == "__main__":
    main()
