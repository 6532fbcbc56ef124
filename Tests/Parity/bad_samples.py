#!/usr/bin/env python3
"""Training goes on over everything that can be bad in a shard, and loses only what is bad.

Over the corpus of Tests/BadInput, on 1, 2 and 3 ranks: no crash, no hang, bounded memory; `quarantine.jsonl` says
what `expect.json` says; every good sample is trained on; every rank count sees the same batches. Where too much is
bad the run stops with status 2 and says why. `kelip data verify` and `kelip data filter` find the same, on any number
of ranks. Needs Python's standard library, mpirun and the program.
"""
import collections
import json
import pathlib
import resource
import shutil
import subprocess
import sys
import time

import harness

IMAGE_SIZE = 32
CORPUS_SCRIPT = pathlib.Path(__file__).parents[1] / "BadInput" / "make_corpus.py"


def model_config(tokenizer):
    """Small: reading is what is tried here."""
    return {
        "embed_dim": 16,
        "vision_cfg": {"image_size": IMAGE_SIZE, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
        "text_cfg": {"context_length": 16, "vocab_size": harness.vocabulary_size(tokenizer), "width": 16,
                     "heads": 1, "layers": 1},
    }


def dotted(options, model, corpus, ranks, **changes):
    return harness.run_config(options, model, options.work / f"bad-{ranks}") | {
        "data.train": corpus,
        "data.max_bad_fraction": 1.0,
        "optimizer.steps": options.steps,
    } | changes


def expected_lines(expect, corpus):
    """What must stand in `quarantine.jsonl`: (shard, what, reason), each once."""
    lines = set()
    for shard, item in expect.items():
        path = str(corpus / shard)
        lines |= {(path, key, reason) for key, reason in item["samples"].items()}
        lines |= {(path, f"{count} groups", reason) for reason, count in item["rejected"].items()}
        if item["fault"]:
            lines.add((path, "shard", item["fault"]))
    return lines


def quarantine(run):
    """The same of a run. Fails where a line of the start stands twice."""
    lines = []
    for record in harness.read_lines(run / "quarantine.jsonl"):
        what = record.get("key") or (f"{record['count']} groups" if "count" in record else "shard")
        lines.append((record["step"], (record["shard"], what, record["reason"])))
    start = [line for step, line in lines if step == "0"]
    if len(start) != len(set(start)):
        raise harness.RunFailed(f"{run}/quarantine.jsonl tells something of the start twice")
    return {line for _, line in lines}


def difference(found, wanted, limit=12):
    lines = [f"missing  {line}" for line in sorted(wanted - found)]
    lines += [f"unwanted {line}" for line in sorted(found - wanted)]
    return "\n  ".join([f"{len(lines)} differences:", *lines[:limit]])


def check_world(options, model, corpus, expect, ranks, verdict):
    """Trains; returns the keys of all batches."""
    started = time.monotonic()
    run = harness.train(options, f"bad-{ranks}", ranks, dotted(options, model, corpus, ranks),
                        timeout=options.limit)
    seconds = time.monotonic() - started
    # The largest resident set of any process so far, in KiB.
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    keys = harness.read_keys(run, options.steps)
    seen = {key for batch in keys for key in batch}
    good = {key for item in expect.values() for key in item["survive"]}
    found, wanted = quarantine(run), expected_lines(expect, corpus)
    for problem, lines in (("good samples never seen", good - seen), ("bad samples trained on", seen - good)):
        if lines:
            print(f"\n{problem}: {sorted(lines)[:20]}")
    if found != wanted:
        print(f"\nquarantine.jsonl on {ranks} rank(s): {difference(found, wanted)}")
    passed = found == wanted and seen == good and megabytes < options.megabytes
    verdict.add(passed, f"all items, {ranks} rank(s)", f"{seconds:.1f}", megabytes,
                f"{len(seen)} of {len(good)}", f"{len(found)} of {len(wanted)}")
    return keys


def stops(options, model, corpus, verdict, name, ranks, words, **changes):
    """The run must end with status 2 and a message that holds all `words`."""
    config = dotted(options, model, corpus, ranks, **changes)
    shutil.rmtree(config["run.directory"], ignore_errors=True)
    path = harness.write_yaml(options.work / "stop.yaml", harness.sections(config))
    log = options.work / f"stop-{name.replace(' ', '-')}-{ranks}.log"
    log.unlink(missing_ok=True)
    started = time.monotonic()
    status = harness.Job(options.worker, ranks, path, log).wait(options.limit)
    text = log.read_text(errors="replace")
    missing = [word for word in words if word not in text]
    if status != 2 or missing:
        print(f"\n{name}: status {status}, without {missing}:\n{harness.tail(log)}")
    verdict.add(status == 2 and not missing, f"{name}, {ranks} rank(s)", f"{time.monotonic() - started:.1f}",
                "-", "-", "-")


def companion(options, ranks, log, *arguments):
    """(exit status, seconds) of `kelip`."""
    log.unlink(missing_ok=True)
    started = time.monotonic()
    status = harness.Job(options.kelip, ranks, None, log, arguments).wait(options.limit)
    return status, time.monotonic() - started


def check_verify(options, corpus, expect, ranks, verdict):
    """It tells every group by itself, up to a thousand of a shard and reason."""
    file, log = options.work / f"verify-{ranks}.jsonl", options.work / f"verify-{ranks}.log"
    status, seconds = companion(
        options, ranks, log, "data", "verify", corpus, "--decode", "--image-size", IMAGE_SIZE, "--quarantine", file)
    wanted = collections.Counter()
    for shard, item in expect.items():
        path = str(corpus / shard)
        wanted.update((path, reason) for reason in item["samples"].values())
        wanted.update({(path, reason): min(count, 1000) for reason, count in item["rejected"].items()})
        wanted.update([(path, item["fault"])] if item["fault"] else [])
    found = collections.Counter((line["shard"], line["reason"]) for line in harness.read_lines(file))
    if status != 1 or found != wanted:
        print(f"\nverify on {ranks} rank(s), status {status}: {difference(set(found.items()), set(wanted.items()))}")
        print(harness.tail(log))
    verdict.add(status == 1 and found == wanted, f"kelip data verify, {ranks} rank(s)", f"{seconds:.1f}", "-", "-",
                f"{found.total()} of {wanted.total()}")


def check_filter(options, corpus, expect, ranks, verdict):
    """Keeps what is good, and what only is too long and narrow to be resized."""
    out, log = options.work / f"filter-{ranks}", options.work / f"filter-{ranks}.log"
    shutil.rmtree(out, ignore_errors=True)
    rules = options.work / "rules.yaml"
    rules.write_text("rules:\n  - max_pixels: 25000000\n")
    status, seconds = companion(
        options, ranks, log, "data", "filter", "--rules", rules, "--shards", corpus, "--out", out)
    if status != 0:
        raise harness.RunFailed(f"kelip data filter on {ranks} ranks ended with {status}:\n{harness.tail(log)}")
    report = json.loads((out / "report.json").read_text())
    bad = collections.Counter(reason for item in expect.values() for reason in item["samples"].values())
    kept = sum(len(item["survive"]) for item in expect.values()) + bad.pop("image_too_elongated")
    bad.pop("image_too_large")
    passed = report["kept"] == kept
    found = {reason: count for reason, count in report["unreadable"].items() if reason != "image_too_large"}
    if not passed or found != bad:
        print(f"\nfilter on {ranks} rank(s): kept {report['kept']}, wanted {kept}; {report['unreadable']}, wanted {bad}")
    verdict.add(passed and found == bad, f"kelip data filter, {ranks} rank(s)", f"{seconds:.1f}", "-",
                f"{report['kept']} of {kept}", f"{sum(found.values())} of {bad.total()}")
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.tar"))}


def check(options):
    corpus = options.work / "corpus"
    shutil.rmtree(corpus, ignore_errors=True)
    subprocess.run([sys.executable, str(CORPUS_SCRIPT), str(corpus), "--empty-members",
                    str(options.empty_members)], check=True)
    expect = json.loads((corpus / "expect.json").read_text())
    model = harness.write_yaml(options.work / "model.yaml", model_config(options.tokenizer))
    verdict = harness.Verdict("case", "seconds", "MiB", "good seen", "quarantined")
    worlds = {n: check_world(options, model, corpus, expect, n, verdict) for n in (1, 2, 3)}
    same = all(keys == worlds[1] for keys in worlds.values())
    verdict.add(same, "same batches on all ranks", "-", "-", "-", "-")
    for ranks in (1, 2):
        check_verify(options, corpus, expect, ranks, verdict)
    filtered = [check_filter(options, corpus, expect, ranks, verdict) for ranks in (1, 3)]
    verdict.add(filtered[0] == filtered[1], "same filtered shards", "-", "-", "-", "-")
    for ranks in (1, 3):
        stops(options, model, corpus, verdict, "too many bad samples", ranks,
              ["data.max_bad_fraction", "samples drawn could not be used", "image_truncated", "kelip data verify"],
              **{"data.train": [str(corpus / "image-*.tar"), str(corpus / "good-*.tar")], "data.max_bad_fraction": 0.02,
                 "data.max_bad_fraction_after": 100})
    stops(options, model, corpus, verdict, "too many damaged shards", 2,
          ["data.max_bad_fraction", "shards are damaged", "tar_truncated_member"],
          **{"data.max_bad_fraction": 0.1})
    stops(options, model, corpus, verdict, "nothing good", 2, ["all bad", "caption_empty"],
          **{"data.train": nothing_good(options.work / "nothing-good")})
    verdict.finish("bad samples")


def nothing_good(folder):
    """A shard whose samples are all bad."""
    sys.path.insert(0, str(CORPUS_SCRIPT.parent))
    import items
    import tar_bytes as tar
    folder.mkdir(exist_ok=True)
    data = b"".join(tar.members(items.sample(f"bad-{number}", text=b"")) for number in range(100)) + tar.END
    (folder / "bad.tar").write_bytes(data)
    return folder


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--limit", type=float, default=120, help="seconds until a job must have ended")
    parser.add_argument("--megabytes", type=int, default=600, help="largest resident memory of a rank, MiB")
    parser.add_argument("--steps", type=int, default=120, help="of %d samples" % harness.GLOBAL_BATCH)
    parser.add_argument("--empty-members", type=int, default=100_000, help="of one shard")
    harness.checked(check, parser.parse_args())
