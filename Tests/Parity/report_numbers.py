#!/usr/bin/env python3
"""Holds the figures of `kelip report` against the files of the runs that it tells of.

    report_numbers.py --kelip PROGRAM [--work DIR] RUN [RUN …]

Writes the report of the runs, as HTML and as Markdown, and checks that every figure with a data-value equals the number
in the file, key and step that it names (null for null), that the last value of each key of metrics.jsonl is the file's,
that the HTML refers to nothing outside itself and has no script, that its curves are well-formed, that --json tells the
same figures, and that every picture of the Markdown is there. Prints a table; exits 1 where a check fails. Needs Python
alone.
"""
import argparse
import html.parser
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse
import xml.etree.ElementTree as ElementTree

REFERENCES = {"src", "href", "xlink:href", "action", "poster", "data", "srcset", "background", "formaction", "ping"}
FORBIDDEN = {"script", "link", "iframe", "object", "embed", "base", "form"}


class Page(html.parser.HTMLParser):
    """Figures, references and forbidden elements of a report."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.figures, self.references, self.forbidden, self.styles = [], [], [], []
        self.in_style = False

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag in FORBIDDEN or any(name.startswith("on") for name in found):
            self.forbidden.append(tag)
        self.references += [value for name, value in attributes if name in REFERENCES]
        self.styles += [found["style"]] if "style" in found else []
        self.in_style = tag == "style"
        if "data-value" in found:
            names = ("data-run", "data-file", "data-key", "data-step", "data-value")
            self.figures.append(tuple(found[name] for name in names))

    def handle_data(self, text):
        if self.in_style:
            self.styles.append(text)
            self.in_style = False


def records(run):
    """step -> line of metrics.jsonl, and the steps' last values of each key that is a number or null."""
    lines, last = {}, {}
    with open(run / "metrics.jsonl", "rb") as file:
        for raw in file:
            if not raw.endswith(b"\n"):
                continue
            line = json.loads(raw)
            lines[line["step"]] = line
            last.update({key: (line["step"], value) for key, value in line.items()
                         if value is None or type(value) in (int, float)})
    return lines, last


def evaluation(run, file, key):
    """LANGUAGE.KEY of a validation's own file."""
    language, name = key.split(".", 1)
    for found in json.loads((run / file).read_text())["validation"]:
        if found["language"] == language:
            return found[name]
    raise KeyError(language)


def wrong_figures(runs, lines, figures):
    wrong = []
    for index, file, key, step, text in figures:
        run = int(index)
        try:
            if file == "metrics.jsonl":
                expected = lines[run][int(step)][key]
            else:
                expected = evaluation(runs[run], file, key)
        except (KeyError, OSError, ValueError) as error:
            wrong.append(f"{runs[run]}: {file} {key} of step {step}: {error!r}")
            continue
        if (expected is None) != (text == "null") or expected is not None and float(text) != expected:
            wrong.append(f"{runs[run]}: {file} {key} of step {step}: {text}, not {expected}")
    return wrong


def wrong_json(printed, last):
    wrong = []
    for run, (told, values) in enumerate(zip(printed["runs"], last)):
        for key, figure in told["figures"].items():
            if (figure["last"]["step"], figure["last"]["value"]) != values[key]:
                wrong.append(f"run {run}: {key}: {figure['last']}, not {values[key]}")
    return wrong


def outside(page):
    wrong = [text[:80] for text in page.references if not text.startswith(("#", "data:image/png;base64,"))]
    wrong += [text for text in re.findall(r"url\([^)]*\)|@import[^;]*", "\n".join(page.styles))]
    return wrong + [f"<{tag}>" for tag in page.forbidden]


def broken_curves(text):
    wrong = []
    for curve in re.findall(r"<svg .*?</svg>", text, re.S):
        try:
            ElementTree.fromstring(curve)
        except ElementTree.ParseError as error:
            wrong.append(f"{error}: {curve[:80]}")
    return wrong


def absent_pictures(markdown):
    text = re.sub(r"^(`{3,})\n.*?^\1$", "", markdown.read_text(), flags=re.S | re.M)
    names = re.findall(r"^!\[(?:\\.|[^\]\\])*\]\(([^)]*)\)$", text, re.M)
    return [name for name in names if not (markdown.parent / urllib.parse.unquote(name)).is_file()], len(names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kelip", default="kelip")
    parser.add_argument("--work")
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    work = pathlib.Path(options.work or tempfile.mkdtemp(prefix="kelip-report-"))
    page_file, markdown = work / "report.html", work / "report.md"
    printed = subprocess.run(
        [options.kelip, "report", *map(str, options.runs), "--out", page_file, "--markdown", markdown, "--json"],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    text = page_file.read_text()
    page = Page()
    page.feed(text)
    lines, last = zip(*map(records, options.runs))
    absent, picture_count = absent_pictures(markdown)
    named = {(int(figure[0]), figure[2]) for figure in page.figures}
    untold = [f"run {run}: {key}" for run, values in enumerate(last) for key in ("loss", "lr", "samples_seen")
              if key in values and (run, key) not in named]
    checks = [
        (f"{len(page.figures)} figures equal the files' numbers", wrong_figures(options.runs, lines, page.figures)),
        ("loss, lr and samples_seen are told", untold),
        ("--json has the last values", wrong_json(json.loads(printed), last)),
        (f"{len(page.references)} references stay within, no script", outside(page)),
        (f"{text.count('<svg ')} curves are well-formed", broken_curves(text)),
        (f"{picture_count} pictures of the Markdown are there", absent),
    ]
    for name, wrong in checks:
        print(f"{'FAIL' if wrong else 'ok':4}  {name}")
        for line in wrong[:10]:
            print(f"      {line}")
    sys.exit(1 if any(wrong for _, wrong in checks) else 0)


if __name__ == "__main__":
    main()
