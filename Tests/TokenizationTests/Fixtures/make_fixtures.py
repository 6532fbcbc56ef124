"""Fixtures of TokenizationTests, made with Hugging Face tokenizers 0.23.3 on Python 3.11.

    python make_fixtures.py

corpus.txt            training captions, Korean and English, made here from word lists with a fixed seed
tokenizer.json        BpeTrainer on corpus.txt: lower case, KELIP's layout of ids
cases.json            texts with their ids and decoded text
tokenizer_nfc.json    the same with NFC and lower case, merges written as "a b"; cases_nfc.json as above
unicode.json          runs of scalars with the same class in GPT-2's word expression, and every lower-casing
"""

import json
import pathlib
import random

import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
VOCAB_SIZE = 900

PAIRS = [
    ("cat", "고양이"), ("dog", "강아지"), ("red bicycle", "빨간 자전거"), ("mountain lake", "산속 호수"),
    ("sunflower", "해바라기"), ("old bus", "낡은 버스"), ("penguin", "펭귄"), ("strawberry cake", "딸기 케이크"),
    ("lighthouse", "등대"), ("traffic light", "신호등"), ("butterfly", "나비"), ("teapot", "찻주전자"),
    ("snowman", "눈사람"), ("hot-air balloon", "열기구"), ("violin", "바이올린"), ("fire engine", "소방차"),
    ("owl's nest", "부엉이 둥지"), ("rice field", "논"), ("palace gate", "궁궐의 문"), ("kimchi stew", "김치찌개"),
]
PLACES = [
    ("on the beach", "바닷가에서"), ("in the city at night", "밤의 도시에서"), ("under a tree", "나무 아래에서"),
    ("by the river", "강가에서"), ("in Seoul", "서울에서"), ("on a wooden table", "나무 탁자 위에"),
    ("in the snow", "눈 속에서"), ("behind the house", "집 뒤에"), ("at the museum", "박물관에서"),
]
FRAMES = [
    ("a photo of a {} {}", "{} {} 찍은 사진"), ("The {} we've seen {}", "우리가 {} {} 보았다"),
    ("there's a big {} {}, isn't it?", "커다란 {} {} 있어요!"), ("{} {} (2022)", "{} {} (2022년 3월)"),
    ("watercolour painting: {} {}", "수채화: {} {}"), ("I'll draw the {} {}.", "{} {} 그릴게요."),
]


def corpus_lines():
    draw = random.Random(20220314)
    lines = []
    for _ in range(420):
        thing, place, frame = draw.choice(PAIRS), draw.choice(PLACES), draw.choice(FRAMES)
        lines.append(frame[0].format(thing[0], place[0]))
        lines.append(frame[1].format(place[1], thing[1]))
    # Runs of one letter make overlapping pairs, and prefixes of each other make tokens that two merges spell.
    lines += ["aaaa aaaaa aaa aa", "abcabcabc abcbc bcabc", "ㅋㅋㅋㅋㅋㅋ ㅠㅠㅠ", "hahahaha ababab", "1000 10000 100 2022"] * 4
    return lines


def case_texts(lines):
    draw = random.Random(98818)
    fixed = [
        "", " ", "  ", "   ", "\n", "\n\n", "a\n\nb", "a  b", "a   b", " a ", "  a  ", "\t\tx \t y\u00a0\u00a0z", "\u3000한글\u3000",
        "\r\nwindows\r\n", "A Photo Of A CAT", "고양이", "고양이 사진", "귀여운 고양이가 나무 아래에서 자고 있다", "ΟΔΟΣ Σας ς",
        "İstanbul I ı i̇", "ẞ ß", "Ǆ ǅ ǆ", "ﬁ ligature", "ＦＵＬＬ ｗｉｄｔｈ　１２３", "don't we've they'll I'm he'd she's you're",
        "DON'T WE'VE", "'s", "''s", "x''s'll", "' s", " 's", "'", "''", "l'l'll", "'r 'v 'l 're've", "it’s", "e\u0301 é E\u0301",
        "각 \u1100\u1161\u11a8", "ㄱㅏㄱ", "사\u11a8 사\u11a7 사\u11c3 각\u11a8", "\u1113\u1163 \u1112\u1175\u11c2\u0301",
        "한\u0308글", "नमस्ते दुनिया", "สวัสดี", "مرحبا", "שלום", "你好，世界", "こんにちは", "ガ ｶﾞ",
        "👍", "👍🏽", "👨‍👩‍👧‍👦", "🇰🇷", "☃️❄️", "😀 😀😀", "I ❤️ 서울", "x² ½ Ⅷ ٣ 五", "1,234.56 3.14e-10", "100%", "#kelip @user",
        "https://example.org/a?b=c&d=%20", "<b>html</b> &amp;", "back\\slash \"quoted\"", "null\u0000byte", "\u0001\u0002\u001f\u007f",
        "\u0085next\u0085line", "\u200bzero\u200dwidth\ufeff", "\u2028line\u2029para", "\u180e\u200e", "\u1680ogham\u2003em",
        "soft\u00adhyphen", "\ufffd\ufffe", "\U0010ffff", "\U00020000\U0001f9ff", "[PAD]", "[SOT]", "[EOT]", "a [EOT] b", "[EOT][SOT][PAD]x",
        "[eot]", "[PAD", "[[PAD]]", " [SOT] ", "a" * 300, "ab" * 100, "가" * 120, "ㅋ" * 50, " " * 64 + "x", "\n" * 33, "!" * 70,
        "a1가!b2나?", "snake_case_name", "日本語とhangul한글", "\u0f3a\u0f3b", "ꙮ", "𝒳𝓎 𝟘𝟙", "Ꭰꭰ", "Ა ა", "ⱯɐⒶⓐ", "\U00010400\U00010428", "\u1e9e\u212a\u212b",
        "\u088f\u0c5c\ua7ce new letters \U00010940",
    ]
    pools = [
        "abcdefghijklmnopqrstuvwxyz", "ABC xyz '", "가각간고양이강아지나비 사진", "0123456789.,", " \n\t\u00a0\u3000", "!?-'\"()[]&#",
        "😀👍🏽❤️☃️🇰🇷‍", "éüñçøåßĲŁİΣς", "\u0301\u0308\u0323\u1161\u11a8\u1100", "\u0000\u0007\u001b\u200b\u0085", "中文日本語テスト",
    ]
    mixed = ["".join(draw.choice(draw.choice(pools)) for _ in range(draw.randrange(1, 40))) for _ in range(130)]
    scalars = [
        "".join(chr(draw.choice([draw.randrange(0, 0xD800), draw.randrange(0xE000, 0x30000)])) for _ in range(8))
        for _ in range(40)
    ]
    return fixed + draw.sample(lines, 60) + mixed + scalars


def train(lines, normalizer, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 2, min_frequency=2, special_tokens=["[PAD]"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.add_special_tokens(["[SOT]", "[EOT]"])
    return tokenizer


def write_cases(tokenizer, texts, name):
    encoded = [(text, tokenizer.encode(text).ids) for text in texts]
    cases = [{"text": text, "ids": ids, "decoded": tokenizer.decode(ids)} for text, ids in encoded]
    (HERE / name).write_text(json.dumps(cases, indent=0) + "\n")
    print(name, len(cases), "cases,", sum(len(case["ids"]) for case in cases), "ids")


def write_unicode():
    words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True).pre_tokenize_str
    lower = normalizers.Lowercase().normalize_str
    runs, changed = [], {}
    for value in range(0x110000):
        if 0xD800 <= value < 0xE000:
            continue
        character = chr(value)
        kinds = [kind for kind, before in enumerate("!a1") if len(words(before + character)) == 1]
        kind = kinds[0] if kinds else 3
        if not runs or runs[-1][1] != kind:
            runs.append([value, kind])
        if lower(character) != character:
            changed[str(value)] = lower(character)
    text = json.dumps({"class_runs": runs, "lowercase": changed}, separators=(",", ":"))
    (HERE / "unicode.json").write_text(text + "\n")


def main():
    print("tokenizers", tokenizers.__version__)
    lines = corpus_lines()
    (HERE / "corpus.txt").write_text("\n".join(lines) + "\n")
    texts = case_texts(lines)
    tokenizer = train(lines, normalizers.Lowercase(), VOCAB_SIZE)
    tokenizer.save(str(HERE / "tokenizer.json"))
    write_cases(tokenizer, texts, "cases.json")
    composing = train(lines, normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()]), 400)
    write_cases(composing, texts, "cases_nfc.json")
    contents = json.loads(composing.to_str())
    contents["model"]["merges"] = [" ".join(pair) for pair in contents["model"]["merges"]]
    (HERE / "tokenizer_nfc.json").write_text(json.dumps(contents, ensure_ascii=False, separators=(",", ":")))
    write_unicode()


if __name__ == "__main__":
    main()
