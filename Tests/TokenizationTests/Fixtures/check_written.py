"""Checks a tokenizer.json that kelip wrote, with Hugging Face tokenizers 0.23.3.

    kelip tokenizer train --corpus corpus.txt --vocab-size 900 --out /tmp/written.json
    python check_written.py /tmp/written.json

The file must load, give the ids of cases.json, and train to the same merges as tokenizers' own trainer did
(tokenizer.json). The exit status is 1 where it does not.
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent


def main():
    written = Tokenizer.from_file(sys.argv[1])
    reference = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    failures = 0
    if written.to_str() != reference.to_str():
        print("the written tokenizer differs from tokenizer.json")
        failures += 1
    cases = json.loads((HERE / "cases.json").read_text())
    for case in cases:
        ids = written.encode(case["text"]).ids
        if ids != case["ids"]:
            print(f"{case['text']!r}: {ids}, not {case['ids']}")
            failures += 1
    print(f"{len(cases)} texts, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
