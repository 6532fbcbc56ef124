#!/usr/bin/env python3
"""The same ids as tokenizers and transformers on more than 20,000 texts, for every kind of tokenizer.

The texts are those of Tests/TokenizationTests/Fixtures/strings.py (Korean, English, mixed scripts, emoji, combining
marks, control characters, random bytes, white space, long words, every scalar in use) with other seeds than the unit
tests'. The tokenizers: byte-level BPE as kelip trained it (--tokenizer), CLIP's own bpe_simple_vocab_16e6.txt.gz (from
the open_clip package) against transformers' CLIPTokenizer, WordPiece cased and uncased on vocabularies of 70,000 to 85,000 tokens
against transformers' BertTokenizer. The tokenizer.json that `kelip tokenizer convert` writes must be read by
tokenizers, with the same ids.

It also counts on how many texts open_clip's own SimpleTokenizer, which first repairs text with ftfy and unescapes HTML,
gives other ids than CLIPTokenizer: kelip goes by the latter.

Needs tokenizers, transformers and open_clip (requirements.txt).
"""
import argparse
import gzip
import json
import pathlib
import subprocess
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers
from transformers import BertTokenizer, CLIPTokenizer
import open_clip.tokenizer

FIXTURES = pathlib.Path(__file__).parents[1] / "TokenizationTests" / "Fixtures"
sys.path.insert(0, str(FIXTURES))
import strings  # noqa: E402

CLIP_FILE = pathlib.Path(open_clip.tokenizer.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"


def clip_reference():
    merges = [tuple(line.split()) for line in gzip.open(CLIP_FILE).read().decode().split("\n")[1:48895]]
    characters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = characters + [c + "</w>" for c in characters] + [left + right for left, right in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: id for id, token in enumerate(tokens)}, merges=merges)._tokenizer


def write_vocabulary(path, lines, lowercase):
    """Whole words, their beginnings and ends, and every character of the basic plane that is left by normalisation."""
    normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    cutter = pre_tokenizers.BertPreTokenizer()
    tokens = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    for line in lines:
        for word, _ in cutter.pre_tokenize_str(normalizer.normalize_str(line)):
            tokens.update(dict.fromkeys([word, word[:2], "##" + word[2:], "##" + word[-1:]]))
    values = [v for v in range(0x21, 0x10000) if not 0xD800 <= v < 0xF900]
    for piece in sorted({c for v in values for c in normalizer.normalize_str(chr(v)).strip()}):
        tokens.update(dict.fromkeys([piece, "##" + piece] if len(tokens) < 55000 else [piece]))
    tokens.pop("", None)
    tokens.pop("##", None)
    path.write_text("".join(token + "\n" for token in tokens), newline="\n")


def kelip_ids(kelip, tokenizer, texts_file, *options):
    command = [kelip, "tokenizer", "encode", "--tokenizer", tokenizer, "--json", "--file", texts_file, "--json-lines"]
    lines = subprocess.run([*map(str, command), *options], check=True, capture_output=True).stdout.splitlines()
    return [json.loads(line)["ids"] for line in lines]


def reference_ids(tokenizer, texts):
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


def compare(name, found, expected, texts):
    wrong = [i for i, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b]
    print(f"{name:34} {len(texts):6} texts, {len(wrong)} differ")
    for i in wrong[:5]:
        print(f"    {texts[i][:80]!a}: {found[i][:20]}, not {expected[i][:20]}")
    return len(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kelip", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--count", type=int, default=24000)
    parser.add_argument("--worker"), parser.add_argument("--data")
    arguments = parser.parse_args()
    work = arguments.work
    work.mkdir(parents=True, exist_ok=True)

    lines = (FIXTURES / "corpus.txt").read_text().splitlines()
    texts = strings.strings(77, arguments.count, lines) + strings.sweep()
    texts_file = work / "texts.jsonl"
    texts_file.write_text("".join(json.dumps(text) + "\n" for text in texts))

    clip = clip_reference()
    cases = [
        ("byte-level BPE", arguments.tokenizer, tokenizers.Tokenizer.from_file(arguments.tokenizer), ()),
        ("CLIP's bpe_simple_vocab_16e6", CLIP_FILE, clip, ()),
    ]
    for name, lowercase in (("cased", False), ("uncased", True)):
        path = work / f"vocab_{name}.txt"
        write_vocabulary(path, lines, lowercase)
        ids = {token: id for id, token in enumerate(path.read_text().split("\n")[:-1])}
        bert = BertTokenizer(vocab=ids, do_lower_case=lowercase)._tokenizer
        cases.append((f"WordPiece {name}, {len(ids)} ids", path, bert, ("--" + name,)))

    differences = 0
    for name, path, reference, options in cases:
        expected = reference_ids(reference, texts)
        differences += compare(name, kelip_ids(arguments.kelip, path, texts_file, *options), expected, texts)
        written = work / "written.json"
        convert = [arguments.kelip, "tokenizer", "convert", "--tokenizer", path, "--out", written]
        subprocess.run([*map(str, convert), *options], check=True, capture_output=True)
        read = reference_ids(tokenizers.Tokenizer.from_file(str(written)), texts)
        differences += compare("    written, read by tokenizers", read, expected, texts)

    simple = open_clip.tokenizer.SimpleTokenizer()
    ours = reference_ids(clip, texts)
    sample = range(0, arguments.count)
    other = sum(simple.encode(texts[i]) != ours[i] for i in sample)
    plain = [i for i in sample if i % 16 in (0, 1)]
    print(
        f"open_clip's SimpleTokenizer gives other ids on {other} of these {len(sample)} texts, and on "
        f"{sum(simple.encode(texts[i]) != ours[i] for i in plain)} of the {len(plain)} that are captions")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
