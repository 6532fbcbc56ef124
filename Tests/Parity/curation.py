#!/usr/bin/env python3
"""`kelip data import` and `kelip data filter`: any number of ranks, and any number of kills, give the same bytes.

Makes a folder of pictures out of a data set's first shard, some of them twice and some spoilt, imports it, and
filters the result. Needs Python's standard library, mpirun and the program.
"""
import hashlib
import json
import shutil
import tarfile
import time

import harness

PICTURES = 220

RULES = """rules:
  - min_side: 40
  - max_aspect: 4
  - clean_caption: [html, control, urls, nfc, whitespace]
  - caption_characters: [2, 200]
  - caption_tokens: [1, 60]
  - languages: [ko, en]
  - exact_duplicates: pair
  - near_duplicates: 0
  - max_caption_repeats: 3
tokenizer: {tokenizer}
"""


def make_folder(shard, folder):
    """Pictures of `shard` with their captions; every tenth again under another name, every 29th cut off."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    rows = ["image,caption"]

    def add(name, picture, caption):
        (pictures / name).write_bytes(picture)
        rows.append(f'pictures/{name},"<b>{caption}</b> &amp; more"')

    with tarfile.open(shard) as tar:
        members = {member.name: member for member in tar.getmembers()}
        names = [name for name in members if name.endswith(".jpg")][:PICTURES]
        for number, name in enumerate(names):
            picture = tar.extractfile(members[name]).read()
            caption = tar.extractfile(members[name[:-4] + ".txt"]).read().decode()
            add(f"{number}.jpg", picture[:-60] if number % 29 == 7 else picture, caption)
            if number % 10 == 0:
                add(f"{number}-again.jpg", picture, caption)
    rows.append("pictures/gone.jpg,never there")
    rows.append("../secret.jpg,outside")
    (folder / "table.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return len(rows) - 1


def digest(folder):
    """Of every file below, names included."""
    result = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            result[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return result


def run(options, ranks, arguments, seconds=120):
    """The exit status, or None when it had to be killed after `seconds`."""
    return harness.Job(options.kelip, ranks, None, options.work / "curation.log", arguments).wait(seconds)


def check_ranks(options, verdict, name, arguments):
    """The folder of one rank, after holding those of others against it."""
    folders = []
    for ranks in (1, 2, 3):
        folder = options.work / f"{name}-{ranks}"
        began = time.monotonic()
        is_done = run(options, ranks, [*arguments, "--out", folder]) == 0
        folders.append(digest(folder) if is_done else {})
        is_same = folders[-1] == folders[0] and len(folders[-1]) > 3
        verdict.add(is_done and is_same, name, f"{ranks} rank(s)", f"{len(folders[-1])} files",
                    f"{time.monotonic() - began:.1f}", "yes" if is_same else "no")
    return options.work / f"{name}-1", folders[0]


def check_kills(options, verdict, name, arguments, expected):
    folder = options.work / f"{name}-killed"
    command = [*arguments, "--out", folder]
    kills = 0
    # Just after a file has appeared: start-up and the machine's load do not matter then.
    for ranks, files in ((2, 1), (1, 3), (3, 5), (2, 8)):
        kills += killed(options, ranks, command, folder, files)
    is_done = run(options, 2, command) == 0
    is_same = digest(folder) == expected
    verdict.add(is_done and is_same and kills > 0, name, "killed", f"{kills} times", "", "yes" if is_same else "no")


def killed(options, ranks, command, folder, files):
    """Whether the command was still running, and so was killed, when the folder had so many files."""
    job = harness.Job(options.kelip, ranks, None, options.work / "curation.log", command)
    try:
        while job.process.poll() is None:
            if sum(1 for path in folder.rglob("*") if path.is_file()) >= files:
                return True
            time.sleep(0.002)
        return False
    finally:
        job.kill()


def check(options):
    verdict = harness.Verdict("command", "run", "result", "seconds", "same bytes")
    shard = sorted((options.data / "train").glob("*.tar"))[0]
    rows = make_folder(shard, options.work / "folder")
    rules = options.work / "rules.yaml"
    rules.write_text(RULES.replace("{tokenizer}", str(options.tokenizer)), encoding="utf-8")
    commands = [("import", ["data", "import", "--from", options.work / "folder" / "table.csv",
                            "--samples-per-shard", 40])]
    commands.append(("filter", ["data", "filter", "--rules", rules, "--samples-per-shard", 50, "--shards",
                                options.work / "import-1"]))
    for name, arguments in commands:
        folder, expected = check_ranks(options, verdict, name, arguments)
        check_kills(options, verdict, name, arguments, expected)
    check_counts(options, verdict, rows)
    verdict.finish("curation")


def check_counts(options, verdict, rows):
    """What was planted was found."""
    imported = json.loads((options.work / "import-1" / "import.json").read_text())
    is_good = imported["skipped"] == {"image_missing": 1, "path_outside": 1} and imported["rows"] == rows
    verdict.add(is_good, "import", "counts", json.dumps(imported["skipped"]), "", "")
    report = json.loads((options.work / "filter-1" / "report.json").read_text())
    dropped = {rule["rule"]: rule["dropped"] for rule in report["rules"]}
    total = report["kept"] + sum(dropped.values()) + sum(report["unreadable"].values())
    is_good = (report["samples"] == total == imported["samples"] and dropped["exact_duplicates"] > 5
               and sum(report["unreadable"].values()) > 3)
    verdict.add(is_good, "filter", "counts", f"{report['kept']} of {report['samples']}", "", "")


if __name__ == "__main__":
    options = harness.arguments(__doc__).parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    harness.checked(check, options)
