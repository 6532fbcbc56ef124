"""Fixtures of the 20,000-text comparison, made with tokenizers 0.23.3 and transformers 5.23.0 on Python 3.11.

    python make_parity.py

clip_merges.txt.gz        merges in the format of CLIP's bpe_simple_vocab_16e6.txt.gz, learned from corpus.txt
vocab_cased.txt, vocab_uncased.txt    WordPiece vocabularies: pieces of corpus.txt and single characters
saved.json                SHA-256 of the tokenizer.json that transformers' CLIPTokenizer and BertTokenizer save for these
parity_*.bin              for each text of strings.py a 32-bit hash of the ids that tokenizers gives (little endian)
"""

import gzip
import hashlib
import json
import pathlib
import struct
import unicodedata

import tokenizers
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizer, CLIPTokenizer

import strings

HERE = pathlib.Path(__file__).parent
SEED = 20220314
COUNT = 16000
SUFFIX = "</w>"


def byte_characters():
    characters = sorted(pre_tokenizers.ByteLevel.alphabet())
    return characters + [character + SUFFIX for character in characters]


def clip_from(merges_text):
    """transformers' tokenizer from the text of a merges file, with open_clip's ids."""
    merges = [tuple(line.split()) for line in merges_text.split("\n")[1 : 49152 - 256 - 2 + 1] if line]
    tokens = byte_characters() + [left + right for left, right in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(tokens)) == len(tokens)
    return CLIPTokenizer(vocab={token: id for id, token in enumerate(tokens)}, merges=merges)


def learn_clip_merges(lines):
    words = clip_from("#version: 0.2")._tokenizer
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = words.normalizer
    tokenizer.pre_tokenizer = words.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=1100, min_frequency=2, end_of_word_suffix=SUFFIX, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(lines, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    made = set(byte_characters())
    kept = []
    for left, right in merges:
        if left + right not in made:
            made.add(left + right)
            kept.append(f"{left} {right}")
    return '"clip_merges.txt#version: 0.2\n' + "\n".join(kept) + "\n"


def characters(lowercase):
    """Scalars that a model may spell: everything below U+2000 and some Korean, as normalisation leaves them."""
    normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    blocks = [range(0x21, 0x2000), range(0x2010, 0x2200), range(0x3000, 0x3400), range(0xA640, 0xA700)]
    values = [v for block in blocks for v in block] + list(range(0xAC00, 0xAC00 + 11172, 7))
    found = {piece for v in values for piece in normalizer.normalize_str(chr(v)).strip()}
    return sorted(c for c in found if unicodedata.category(c)[0] not in "C")


def vocabulary(lines, lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        lines, trainers.WordPieceTrainer(vocab_size=1200, special_tokens=specials, show_progress=False))
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    known = set(tokens)
    for character in characters(lowercase):
        tokens += [token for token in (character, "##" + character) if token not in known]
    return tokens


def digest(ids):
    """FNV-1a over the ids' little-endian bytes."""
    value = 0x811C9DC5
    for byte in struct.pack(f"<{len(ids)}i", *ids):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def sha256(tokenizer):
    return hashlib.sha256(tokenizer.to_str(pretty=True).encode()).hexdigest()


def write_digests(name, tokenizer, texts):
    found = [digest(encoding.ids) for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
    (HERE / f"parity_{name}.bin").write_bytes(struct.pack(f"<{len(found)}I", *found))
    print(name, tokenizer.get_vocab_size(), "tokens")


def main():
    print("tokenizers", tokenizers.__version__, "transformers", transformers.__version__)
    lines = (HERE / "corpus.txt").read_text().splitlines()
    texts = strings.strings(SEED, COUNT, lines) + strings.sweep()
    print(len(texts), "texts")

    merges = learn_clip_merges(lines)
    (HERE / "clip_merges.txt.gz").write_bytes(gzip.compress(merges.encode(), 9, mtime=0))
    clip = clip_from(merges)._tokenizer
    saved = {"clip": sha256(clip)}
    write_digests("clip", clip, texts)

    for name, lowercase in (("cased", False), ("uncased", True)):
        path = HERE / f"vocab_{name}.txt"
        path.write_text("".join(token + "\n" for token in vocabulary(lines, lowercase)), newline="\n")
        bert = BertTokenizer(vocab=transformers.models.bert.tokenization_bert.load_vocab(str(path)), do_lower_case=lowercase)
        write_digests(name, bert._tokenizer, texts)
        saved[name] = sha256(bert._tokenizer)

    (HERE / "saved.json").write_text(json.dumps(saved, indent=1) + "\n")
    for name, file in (("bpe", "tokenizer.json"), ("bpe_nfc", "tokenizer_nfc.json")):
        write_digests(name, Tokenizer.from_file(str(HERE / file)), texts)


if __name__ == "__main__":
    main()
