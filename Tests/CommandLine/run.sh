#!/usr/bin/env bash
# Drives the built programs as a user does, and looks at what they print, leave behind and exit with.
#
#   Tests/CommandLine/run.sh --data DIR [--bin DIR]
#
# DIR of --data holds train/*.tar and tokenizer.json (deploy/quickstart builds it). The programs are taken from --bin,
# else $KELIP_BIN_DIR, else .build/release. Prints `ok NAME` or `FAILED NAME` with the reason, and exits with 1 when
# anything failed. Needs bash, mpirun and Python's standard library.
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${KELIP_BIN_DIR:-$root/.build/release}
data=
while (($#)); do
  case $1 in
    --data) data=${2:?--data needs a folder}; shift 2 ;;
    --bin) bin=${2:?--bin needs a folder}; shift 2 ;;
    *) echo "usage: $0 --data DIR [--bin DIR]" >&2; exit 2 ;;
  esac
done
[[ -n $data && -f $data/tokenizer.json ]] || { echo "no data set at '$data': give --data DIR" >&2; exit 2; }
data=$(cd "$data" && pwd)
bin=$(cd "$bin" && pwd) || exit 2
kelip=$bin/kelip
worker=$bin/kelip-worker
for program in "$kelip" "$worker"; do
  [[ -x $program ]] || { echo "no program $program: build it, or give --bin DIR" >&2; exit 2; }
done

work=$(mktemp -d)
# Ends what a failed check has left running: each of our own jobs, by its id.
trap 'jobs -p | xargs -r kill -KILL 2>/dev/null; rm -rf "$work"' EXIT
if ((EUID == 0)); then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
failures=0
reason=

# --- What checks are made of ------------------------------------------------------------------------------

fail() { reason+="    $*"$'\n'; return 1; }

# Runs a command; its output is in $work/out and $work/err, its status is compared with the first argument.
expect_status() {
  local wanted=$1 status=0
  shift
  timeout 120 "$@" >"$work/out" 2>"$work/err" || status=$?
  ((status == wanted)) && return
  fail "$(basename "$1") ${*:2:3} …: status $status, expected $wanted; it said: $(tail -n 3 "$work/err" | tr '\n' ' ')"
}

expect_in() {
  grep -qF -- "$2" "$work/$1" || fail "\"$2\" is not in its $1: $(tail -n 3 "$work/$1" | tr '\n' ' ')"
}

# Names and shapes of a safetensors file, a line each.
tensors() {
  python3 - "$1" <<'PYTHON'
import json, struct, sys
with open(sys.argv[1], "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    header = json.loads(file.read(length))
header.pop("__metadata__", None)
for name in sorted(header):
    print(name, header[name]["dtype"], header[name]["shape"])
PYTHON
}

# How many steps a run's metrics tell of.
steps_of() { if [[ -f $1/metrics.jsonl ]]; then wc -l <"$1/metrics.jsonl"; else echo 0; fi; }

# Waits until run $1 has taken $2 steps, or process $3 has ended.
wait_for_steps() {
  local i
  for ((i = 0; i < 1200; i++)); do
    (($(steps_of "$1") >= $2)) && return
    kill -0 "$3" 2>/dev/null || break
    sleep 0.05
  done
  fail "no step $2 in $1: $(tail -n 3 "$work/err" | tr '\n' ' ')"
}

check() {
  reason=
  if "$1" && [[ -z $reason ]]; then
    echo "ok $1"
  else
    echo "FAILED $1"
    printf '%s' "$reason"
    failures=$((failures + 1))
  fi
}

# --- Files for the checks ---------------------------------------------------------------------------------

vocabulary=$("$kelip" tokenizer inspect --tokenizer "$data/tokenizer.json" --json |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["vocab_size"])') || exit 1
cat >"$work/model.yaml" <<YAML
embed_dim: 32
vision_cfg: {image_size: 32, patch_size: 16, width: 32, layers: 1, head_width: 16}
text_cfg: {context_length: 16, vocab_size: $vocabulary, width: 32, heads: 2, layers: 1}
YAML

# config NAME STEPS: a run's configuration.
config() {
  cat >"$work/$1.yaml" <<YAML
run: {directory: "$work/$1", seed: 1}
model: {config: "$work/model.yaml"}
data: {train: "$data/train", tokenizer: "$data/tokenizer.json", global_batch_size: 4, decode_threads: 0}
optimizer: {steps: $2, lr: 1e-3, warmup: 2}
checkpoint: {every_steps: 100000}
YAML
}

# --- Checks -----------------------------------------------------------------------------------------------

help_is_given() {
  local program
  for program in "$kelip" "$worker"; do
    expect_status 0 "$program" --help && expect_in out USAGE || return
  done
  expect_status 0 "$kelip" eval retrieval --help && expect_in out --features
}

mistakes_on_the_command_line_exit_2() {
  expect_status 2 "$kelip" --no-such-option && expect_in err "--help" || return
  expect_status 2 "$kelip" model info --config a --no-such-option && expect_in err no-such-option || return
  expect_status 2 "$kelip" no-such-command || return
  expect_status 2 "$worker" --config a --no-such-option && expect_in err no-such-option || return
  expect_status 2 "$worker" && expect_in err --config || return
  expect_status 2 "$worker" --config /absent.yaml && expect_in err /absent.yaml || return
  expect_status 2 "$kelip" eval retrieval --features F --pairs 0 && expect_in err --pairs
}

model_info_counts_parameters() {
  local model=$root/configs/models/kelip-vit-b-32.yaml
  expect_status 0 "$kelip" model info --config "$model" && expect_in out 176,575,233 || return
  expect_status 0 "$kelip" model info --config "$model" --json --tensors || return
  python3 - "$work/out" <<'PYTHON' || fail "model info --json"
import json, math, sys
info = json.load(open(sys.argv[1]))
assert info["parameters"] == 176575233, info["parameters"]
assert info["image_tower"] == 87849216 and info["text_tower"] == 88726016
assert sum(math.prod(shape) for shape in info["tensors"].values()) == info["parameters"]
assert info["tensors"]["visual.conv1.weight"] == [768, 3, 32, 32]
PYTHON
}

data_order_is_shown_and_checked() {
  expect_status 0 "$kelip" data order --synthetic 500x100 --global-batch-size 64 --shuffle-window 500 --windows 16 \
    --check --ranks 8 --json || return
  python3 -c 'import json, sys; d = json.load(open(sys.argv[1]))
assert d["check"]["passed"] and d["slices_make_the_batch"] and d["steps_per_epoch"] == 781.25, d' "$work/out" ||
    fail "data order --check --json" || return
  local order=("$kelip" data order --shards "$data/train" --global-batch-size 24 --step 200 --steps 3 --json)
  expect_status 0 "${order[@]}" --keys && cp "$work/out" "$work/one.json" || return
  expect_status 0 "${order[@]}" --keys --ranks 3 || return
  python3 - "$work/one.json" "$work/out" <<'PYTHON' || fail "slices of three ranks are not the batches of one" || return
import json, sys
one, three = ([b["keys"] for b in json.load(open(path))["batches"]] for path in sys.argv[1:])
assert len(one) == 3 and len(three) == 9 and sum(three, []) == sum(one, [])
PYTHON
  expect_status 2 "$kelip" data order --synthetic 500 && expect_in err 118400x10000 || return
  expect_status 2 "$kelip" data order && expect_in err "one of --config" || return
  expect_status 2 "${order[@]}" --ranks 3 --rank 3 && expect_in err "--rank"
}

tokenizer_trains_encodes_and_inspects() {
  local i
  for ((i = 0; i < 50; i++)); do echo "빨간 사과 red apple $i"; done >"$work/corpus.txt"
  expect_status 0 "$kelip" tokenizer train --corpus "$work/corpus.txt" --vocab-size 270 --out "$work/t.json" &&
    expect_in out "270 tokens" || return
  expect_status 0 "$kelip" tokenizer inspect --tokenizer "$work/t.json" --json || return
  python3 -c 'import json, sys; d = json.load(open(sys.argv[1]))
found = {key: d[key] for key in ("kind", "vocab_size", "merges", "pad_id", "sot_id", "eot_id")}
assert found == {"kind": "byte-level BPE", "vocab_size": 270, "merges": 11, "pad_id": 0, "sot_id": 268, "eot_id": 269}, d' \
    "$work/out" || fail "tokenizer inspect --json" || return
  expect_status 0 "$kelip" tokenizer encode --tokenizer "$work/t.json" --json --context-length 6 "Red apple, 사과" ||
    return
  python3 -c 'import json, sys; d = json.load(open(sys.argv[1]))
assert len(d["ids"]) <= 6 and d["ids"][0] == 268 and d["ids"][-1] == 269, d
assert d["tokens"][0] == "[SOT]" and d["text"] == "Red apple, 사과", d' "$work/out" ||
    fail "tokenizer encode --json" || return
  expect_status 2 "$kelip" tokenizer train --corpus /absent --out "$work/x.json" && expect_in err /absent || return
  expect_status 0 "$kelip" bench tokenizer --tokenizer "$work/t.json" --file "$work/corpus.txt" --rounds 1 --json ||
    return
  python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert d["strings"] == 50 and d["ids"] > 50, d' \
    "$work/out" || fail "bench tokenizer --json"
}

tokenizers_of_other_kinds_are_read() {
  printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' red '##dish' 사과 >"$work/vocab.txt"
  printf '"Reddish 사과"\n"Red\\nred"\n' >"$work/texts.jsonl"
  expect_status 0 "$kelip" tokenizer encode --tokenizer "$work/vocab.txt" --cased --json \
    --file "$work/texts.jsonl" --json-lines || return
  python3 -c 'import json, sys; d = [json.loads(line)["ids"] for line in open(sys.argv[1])]
assert d == [[1, 6], [1, 4]], d' "$work/out" || fail "cased WordPiece" || return
  expect_status 0 "$kelip" tokenizer convert --tokenizer "$work/vocab.txt" --uncased --out "$work/w.json" || return
  expect_status 0 "$kelip" tokenizer encode --tokenizer "$work/w.json" --json "Reddish Red" || return
  python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert d["ids"] == [4, 5, 4], d' "$work/out" ||
    fail "uncased WordPiece" || return
  printf '#version: 0.2\na b</w>\n' | gzip >"$work/merges.gz"
  expect_status 0 "$kelip" tokenizer inspect --tokenizer "$work/merges.gz" --json || return
  python3 -c 'import json, sys; d = json.load(open(sys.argv[1]))
assert (d["kind"], d["vocab_size"], d["merges"], d["sot_id"]) == ("CLIP BPE", 515, 1, 513), d' "$work/out" ||
    fail "CLIP BPE" || return
  head -c 20 "$work/merges.gz" >"$work/cut.gz"
  expect_status 2 "$kelip" tokenizer inspect --tokenizer "$work/cut.gz" && expect_in err "cut off"
}

a_dry_run_leaves_nothing() {
  config dry 3
  expect_status 0 "$worker" --config "$work/dry.yaml" --dry-run && expect_in err "in order" || return
  [[ ! -e $work/dry ]] || fail "a dry run made its run directory" || return
  expect_status 2 "$worker" --config "$work/dry.yaml" --dry-run --set data.train=/absent && expect_in err /absent ||
    return
  expect_status 2 "$worker" --config "$work/dry.yaml" --dry-run --set optimizer.stesp=3 &&
    expect_in err "did you mean optimizer.steps?"
}

a_worker_alone_trains() {
  config alone 6
  expect_status 0 "$worker" --config "$work/alone.yaml" && expect_in err "done: 6 steps, 24 pairs" || return
  [[ $(steps_of "$work/alone") == 6 ]] || fail "$(steps_of "$work/alone") lines in metrics.jsonl" || return
  local name
  for name in model.safetensors optimizer-00001-of-00001.safetensors state.json model.json tokenizer.json manifest.json; do
    [[ -s $work/alone/checkpoints/step-00000006/$name ]] || fail "no $name in the checkpoint" || return
  done
  expect_status 0 "$worker" --config "$work/alone.yaml" || return
  expect_status 2 "$worker" --config "$work/alone.yaml" --resume never && expect_in err "--resume auto" || return
  expect_status 2 "$worker" --config "$work/alone.yaml" --set optimizer.lr=1 && expect_in err "optimizer.lr: 0.001"
}

two_ranks_train_and_agree_on_errors() {
  config pair 4
  expect_status 0 mpirun --oversubscribe -n 2 "$worker" --config "$work/pair.yaml" || return
  [[ $(steps_of "$work/pair") == 4 ]] || fail "$(steps_of "$work/pair") lines in metrics.jsonl" || return
  python3 - "$work/alone/metrics.jsonl" "$work/pair/metrics.jsonl" <<'PYTHON' || fail "losses of 1 and 2 ranks differ"
import json, sys
one, two = ([json.loads(line)["loss"] for line in open(path)] for path in sys.argv[1:])
# The schedules differ after the warm-up of two steps.
assert all(abs(a - b) < 1e-4 * a for a, b in zip(one[:3], two[:3])), (one, two)
PYTHON
  expect_status 2 mpirun --oversubscribe -n 2 "$worker" --config "$work/pair.yaml" --set model.config=/absent.yaml ||
    return
  [[ $(grep -c "cannot read the model file" "$work/err") == 1 ]] || fail "the error is not told once" || return
  expect_status 2 mpirun --oversubscribe -n 3 "$worker" --config "$work/pair.yaml" &&
    expect_in err "3 ranks do not divide"
}

# Writes, keeps, notices and checks; the same under three ranks; a run finds the indexes.
data_index_writes_and_checks() {
  mkdir "$work/shards" && cp "$data"/train/*.tar "$work/shards/" || return
  local shards=$work/shards first count
  count=$(find "$shards" -name '*.tar' | wc -l)
  first=$(find "$shards" -name '*.tar' | sort | head -n 1)
  expect_status 1 "$kelip" data index --check "$shards" && expect_in out "0 of $count indexes" || return
  expect_status 0 "$kelip" data index "$shards" --json || return
  cp "$work/out" "$work/alone.json"
  (cd "$shards" && sha256sum ./*.kelip-index) >"$work/alone.sums"
  expect_status 0 "$kelip" data index "$shards" && expect_in out "0 indexes written, $count were there" || return
  expect_status 0 mpirun --oversubscribe -n 3 "$kelip" data index "$shards" --force --json || return
  (cd "$shards" && sha256sum ./*.kelip-index) | cmp -s - "$work/alone.sums" || fail "3 ranks index otherwise" || return
  python3 - "$work/alone.json" "$work/out" <<'PYTHON' || fail "data index --json" || return
import json, sys
one, three = (json.load(open(path)) for path in sys.argv[1:])
assert three.pop("current") == len(one.pop("missing")) == one["shards"] and one.pop("current") == 0
three.pop("missing")
assert one == three and one["samples"] == sum(one["languages"].values()) > 0, (one, three)
assert 5 < one["bytes_per_sample"] < 24, one
PYTHON
  expect_status 0 "$kelip" data index --check "$shards" && expect_in out "$count of $count indexes" || return
  config indexed 1
  expect_status 0 "$worker" --config "$work/indexed.yaml" --set data.train="$shards" || return
  printf 'x' >>"$first" && cp "$first.kelip-index" "$work/kept"
  expect_status 1 "$kelip" data index --check "$shards" && expect_in out "stale: $first: the shard has changed" || return
  cmp -s "$first.kelip-index" "$work/kept" || fail "--check writes" || return
  expect_status 0 "$worker" --config "$work/indexed.yaml" --set data.train="$shards" \
    --set run.directory="$work/indexed-2" && expect_in err "$first: the shard has changed" || return
  expect_status 0 "$kelip" data index "$shards" && expect_in out "written anew: $first" || return
  head -c 100 "$work/kept" >"$first.kelip-index"
  expect_status 0 "$kelip" data index "$shards" && expect_in out "the index is damaged" || return
  expect_status 0 "$kelip" data index "$first" --index-directory "$work/indexes" || return
  [[ -s $work/indexes$first.kelip-index ]] || fail "no index in --index-directory" || return
  expect_status 2 "$kelip" data index /absent && expect_in err /absent
}

embed_writes_features() {
  local i
  mkdir -p "$work/pictures"
  tar -xf "$data/train/00000.tar" -C "$work/pictures" || fail "tar" || return
  local pictures
  mapfile -t pictures < <(find "$work/pictures" -name '*.png' -o -name '*.jpg' | sort | head -n 2)
  printf 'a red apple\n\n빨간 사과\n' >"$work/texts.txt"
  local model=(--checkpoint "$work/alone/checkpoints/step-00000006")
  expect_status 0 "$kelip" embed "${model[@]}" --images "${pictures[@]}" --texts "$work/texts.txt" --out "$work/f.safetensors" ||
    return
  [[ $(tensors "$work/f.safetensors") == "image_features F32 [2, 32]"$'\n'"text_features F32 [3, 32]" ]] ||
    fail "shapes: $(tensors "$work/f.safetensors")" || return
  expect_status 0 "$kelip" embed "${model[@]}" --images "${pictures[@]}" --normalize --out "$work/n.safetensors" || return
  [[ $(tensors "$work/n.safetensors") == "image_features F32 [2, 32]"$'\n'"text_features F32 [0, 32]" ]] ||
    fail "shapes: $(tensors "$work/n.safetensors")" || return
  expect_status 2 "$kelip" embed "${model[@]}" --images "$work/texts.txt" --out "$work/x.safetensors" &&
    expect_in err texts.txt || return
  expect_status 2 "$kelip" embed "${model[@]}" --out "$work/x.safetensors" && expect_in err --images
}

checkpoints_are_looked_at_and_exported() {
  local checkpoint="$work/alone/checkpoints/step-00000006"
  expect_status 0 "$kelip" checkpoint verify "$checkpoint" && expect_in out "all finite" || return
  expect_status 0 "$kelip" checkpoint inspect "$checkpoint" --model "$work/model.yaml" --json &&
    expect_in out '"format": "open_clip"' && expect_in out '"step": 6' || return
  expect_status 0 "$kelip" checkpoint export --checkpoint "$checkpoint" --as bf16 --out "$work/exported" || return
  [[ -s $work/exported/open_clip_config.json && -s $work/exported/tokenizer.json ]] || fail "no folder" || return
  expect_status 0 "$kelip" checkpoint import "$work/exported" --model "$work/model.yaml" --out "$work/i.safetensors" || return
  [[ $(tensors "$work/i.safetensors" | head -n 1) == "ln_final.bias BF16 [32]" ]] || fail "$(tensors "$work/i.safetensors")" || return
  sed 's/width: 32, heads/width: 64, heads/' "$work/model.yaml" >"$work/wide.yaml"
  expect_status 1 "$kelip" checkpoint inspect "$work/i.safetensors" --model "$work/wide.yaml" &&
    expect_in out "ln_final.bias is [32], the model needs [64]" || return
  expect_status 2 "$kelip" checkpoint export --checkpoint "$checkpoint" --format huggingface-bert --out "$work/b" &&
    expect_in err "huggingface-bert has no model of the towers vit and clip" || return
  expect_status 2 "$kelip" checkpoint export --checkpoint "$checkpoint" --out "$work/exported" &&
    expect_in err "not empty" || return
  printf 'broken' >>"$checkpoint/model.json"
  expect_status 1 "$kelip" checkpoint verify "$checkpoint" && expect_in err model.json || return
  truncate -s -6 "$checkpoint/model.json"
}

retrieval_prints_json() {
  local model=(--checkpoint "$work/alone/checkpoints/step-00000006")
  local text=$work/t2.txt pictures
  printf 'a red apple\n빨간 사과\n' >"$text"
  mapfile -t pictures < <(find "$work/pictures" -name '*.png' -o -name '*.jpg' | sort | head -n 2)
  expect_status 0 "$kelip" embed "${model[@]}" --images "${pictures[@]}" --texts "$text" --out "$work/r.safetensors" || return
  expect_status 0 "$kelip" eval retrieval --features "$work/r.safetensors" --json || return
  python3 - "$work/out" <<'PYTHON' || fail "keys of eval retrieval --json"
import json, sys
report = json.load(open(sys.argv[1]))
for direction in ("image_to_text", "text_to_image"):
    for measure in ("R@1", "R@5", "R@10"):
        assert 0 <= report[f"{direction}_{measure}"] <= 1
assert report["count"] == 2 and report["chance_R@1"] == 0.5
PYTHON
  expect_status 2 "$kelip" eval retrieval --features "$work/f.safetensors" && expect_in err "2 image rows, 3 text rows" ||
    return
  expect_status 2 "$kelip" eval retrieval --features "$work/texts.txt" && expect_in err texts.txt || return
  expect_status 2 "$kelip" eval retrieval && expect_in err --features
}

studies_answer_over_the_embedded_data() {
  local model=(--checkpoint "$work/alone/checkpoints/step-00000006")
  local shards=$data/validation
  expect_status 0 "$kelip" eval zero-shot "${model[@]}" --data "$shards" --label-key theme \
    --prompts "$root/configs/prompts" --picture "$work/confusion.png" --json || return
  python3 - "$work/out" <<'PYTHON' || fail "eval zero-shot --json" || return
import json, sys
languages = [json.loads(line) for line in open(sys.argv[1])]
assert [answer["language"] for answer in languages] == ["ko", "en"]
assert all(answer["count"] > 100 and answer["classes"] > 1 and 0 <= answer["top1"] <= answer["top5"] <= 1 for answer in languages)
PYTHON
  [[ -s $work/confusion-ko.png && -s $work/confusion-en.png ]] || fail "no confusion pictures" || return
  expect_status 0 "$kelip" eval cross-lingual "${model[@]}" --data "$shards" --json && expect_in out ko_to_en_R@1 ||
    return
  expect_status 0 "$kelip" eval culture "${model[@]}" --data "$shards" --words "$root/configs/words/culture.yaml" \
    --sheet "$work/culture.png" --json && expect_in out mean_overlap || return
  [[ -s $work/culture.png ]] || fail "no sheet of words" || return
  expect_status 0 "$kelip" eval analogy "${model[@]}" --data "$data/train" --pictures 600 --minimum 1 && expect_in out R@5 ||
    return
  expect_status 0 "$kelip" eval analogy "${model[@]}" --data "$shards" --sum "text:red - text:blue" --k 3 \
    --sheet "$work/sums.png" && [[ -s $work/sums.png ]] || fail "no sheet of sums" || return
  expect_status 2 "$kelip" eval analogy "${model[@]}" --data "$shards" --sum "red - blue" && expect_in err "no term" || return
  expect_status 2 "$kelip" eval zero-shot "${model[@]}" --data "$shards" && expect_in err --label-key || return
  expect_status 2 "$kelip" eval cross-lingual "${model[@]}" --data "$shards" --pair-key nothing && expect_in err nothing
}

embedding_resumes_on_any_number_of_ranks() {
  local model=(--checkpoint "$work/alone/checkpoints/step-00000006" --data "$data/train")
  local alone=$work/features shared=$work/features-2
  expect_status 0 "$kelip" embed "${model[@]}" --features bf16 --normalize --out "$alone" || return
  rm -f "$alone/pairs-00000.safetensors"
  expect_status 2 "$kelip" index "$alone" --out "$work/no-index" && expect_in err "not there yet" || return
  expect_status 2 "$kelip" embed "${model[@]}" --out "$alone" && expect_in err "begun with other" || return
  expect_status 0 mpirun --oversubscribe -n 2 "$kelip" embed "${model[@]}" --features bf16 --normalize --out "$shared" || return
  expect_status 0 "$kelip" embed "${model[@]}" --features bf16 --normalize --out "$alone" || return
  diff -r "$alone" "$shared" >&2 || fail "two ranks wrote other features" || return
  expect_status 2 "$kelip" embed "${model[@]}" --features bf16 --out "$work/f.npy" && expect_in err "no bf16"
}

pictures_are_found_by_text_and_by_picture() {
  local model=(--checkpoint "$work/alone/checkpoints/step-00000006")
  expect_status 0 "$kelip" index "$work/features" --out "$work/index" && expect_in out "showed one of them again" || return
  expect_status 2 "$kelip" index "$work/features" --out "$work/index" && expect_in err "is there already" || return
  expect_status 0 "$kelip" search "$work/index" "빨간 사과" "a cat" "${model[@]}" --k 3 --json --sheet "$work/found.png" || return
  python3 - "$work/out" <<'PYTHON' || fail "search --json" || return
import json, sys
answers = [json.loads(line) for line in open(sys.argv[1])]
assert [answer["query"] for answer in answers] == ["빨간 사과", "a cat"]
assert all(len(answer["pictures"]) == 3 for answer in answers)
PYTHON
  [[ -s $work/found.png ]] || fail "no sheet of pictures found" || return
  "$kelip" search "$work/index" --serve "${model[@]}" >"$work/page" 2>"$work/page.err" &
  local page=$!
  for _ in $(seq 100); do [[ -s $work/page ]] && break; sleep 0.1; done
  python3 - "$work/page" <<'PYTHON' || fail "the search page: $(cat "$work/page.err")" || return
import json, sys, urllib.error, urllib.request
address, token = open(sys.argv[1]).read().strip().split("?token=")
def ask(path, token=token):
    request = urllib.request.Request(address + path, headers={"Authorization": f"Bearer {token}"})
    return urllib.request.urlopen(request, timeout=20).read()
found = json.loads(ask("search.json?k=2&q=%EC%82%AC%EA%B3%BC"))
assert len(found["pictures"]) == 2, found
assert ask(f"picture.jpg?row={found['pictures'][0]['row']}")[:2] == b"\xff\xd8"
assert b"kelip search" in ask("")
try:
    ask("", "wrong")
    raise SystemExit("the page answers without its token")
except urllib.error.HTTPError as error:
    assert error.code == 401
PYTHON
  kill -INT "$page"
  wait "$page" || fail "the page ended with $?"
}

# Two variants from two seeds, three steps each; the second time nothing is trained or asked.
a_study_trains_once_and_tells_what_changed() {
  config studied 3
  cat >"$work/plan.yaml" <<YAML
config: $work/studied.yaml
steps: 3
seeds: [1, 2]
ranks: 2
variants:
  none: {augmentation: {train: none}}
  weak+mae: {augmentation: {train: weak}, stages: [mae, contrastive], mae.decoder_layers: 1}
evaluation:
  sets: {validation: "$data/validation"}
  label_key: theme
  prompts: $root/configs/prompts
  words: $root/configs/words/culture.yaml
  minimum: 1
YAML
  local study=("$kelip" study augmentation --plan "$work/plan.yaml" --out "$work/study")
  expect_status 0 "${study[@]}" && expect_in out "weak+mae" && expect_in out " ± " || return
  [[ $(grep -c training "$work/err") == 4 ]] || fail "$(grep -c training "$work/err") runs were trained" || return
  [[ -s $work/study/table.md && -s $work/study/augmentation.png ]] || fail "no table or chart" || return
  [[ $(steps_of "$work/study/weak+mae-seed2") == 6 ]] || fail "the stages of weak+mae-seed2" || return
  python3 - "$work/study/results.json" <<'PYTHON' || fail "results.json" || return
import json, statistics, sys
variants = json.load(open(sys.argv[1]))["variants"]
assert [variant["name"] for variant in variants] == ["none", "weak+mae"]
for variant in variants:
    assert [model["seed"] for model in variant["models"]] == [1, 2]
    assert len(variant["summary"]) > 40
    for name, told in variant["summary"].items():
        values = [model["measures"][name] for model in variant["models"]]
        assert abs(told["mean"] - statistics.mean(values)) < 1e-9, name
        assert abs(told["deviation"] - statistics.stdev(values)) < 1e-9, name
PYTHON
  cp "$work/study/results.json" "$work/results.json"
  expect_status 0 "${study[@]}" --json && cmp -s "$work/out" "$work/results.json" || fail "another answer" || return
  [[ $(grep -vc "is trained" "$work/err") == 0 ]] || fail "done again: $(head -n 3 "$work/err")" || return
  expect_status 2 "${study[@]}" --steps 4 && expect_in err "optimizer.steps: 3, the plan now has 4" || return
  expect_status 0 "$kelip" study languages --plan "$work/plan.yaml" --out "$work/languages" \
    --checkpoints "$work"/study/none-seed* && expect_in out "Korean → English, R@1" || return
  [[ -s $work/languages/culture-validation.png && -s $work/languages/languages.png ]] || fail "no pictures"
}

# The worker cannot start; the study says whose output tells why.
a_study_tells_which_run_failed() {
  config studied 3
  cat >"$work/failing.yaml" <<YAML
config: $work/studied.yaml
steps: 3
seeds: [1]
ranks: 1
variants: {one: {optimizer.stesp: 3}}
evaluation: {sets: {validation: "$data/validation"}}
YAML
  expect_status 2 "$kelip" study augmentation --plan "$work/failing.yaml" --out "$work/failing" &&
    expect_in err "training of one-seed1 failed with exit status 2" && expect_in err "did you mean optimizer.steps?" &&
    grep -q "did you mean" "$work/failing/one-seed1/output.log" || fail "no output.log"
}

a_report_stands_alone() {
  expect_status 0 "$kelip" report "$work/alone" --out "$work/report.html" --markdown "$work/report.md" || return
  python3 "$root/Tests/Parity/report_numbers.py" "$work/alone" --kelip "$kelip" >"$work/out" 2>"$work/err" ||
    fail "numbers of the report: $(tail -n 3 "$work/out" "$work/err")" || return
  [[ -s $work/report.md ]] || fail "no Markdown" || return
  expect_status 2 "$kelip" report "$work/pictures" --out "$work/none.html" && expect_in err "$work/pictures"
}

bench_step_prints_json() {
  expect_status 0 "$kelip" bench step --model "$work/model.yaml" --precision fp32 --batch 2 --tokens 8 --steps 1 --json ||
    return
  python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert d["samples_per_second"] > 0, d' "$work/out" ||
    fail "bench step --json" || return
  expect_status 2 "$kelip" bench step --model "$work/model.yaml" --tokens 99 && expect_in err "99"
}

bench_step_tells_where_time_goes() {
  expect_status 0 "$kelip" bench step --model "$work/model.yaml" --batch 2 --steps 2 --product-seconds 0.1 \
    --picture "$work/step.png" --json --data "$data/train" --tokenizer "$data/tokenizer.json" || return
  python3 - "$work/out" "$work/step.png" <<'PYTHON' || fail "bench step by phase" || return
import json, sys
d = json.load(open(sys.argv[1]))
whole = d["phases"][0]
assert whole["path"] == ["step"], whole
assert abs(sum(row["own_seconds"] for row in d["phases"]) - whole["seconds"]) < 1e-6 * whole["seconds"], d["phases"]
assert abs(sum(row["seconds"] for row in d["operations"]) - whole["seconds"]) < 1e-6 * whole["seconds"], d["operations"]
assert d["products"] and d["product_gigaflops"] > 0 and 0 < d["share_of_product_rate"], d
assert 2 <= d["tokens"] <= 77, d["tokens"]
assert open(sys.argv[2], "rb").read(8) == b"\x89PNG\r\n\x1a\n"
PYTHON
  expect_status 2 "$kelip" bench step --model "$work/model.yaml" --data "$data/train"
}

bench_kernels_measures_a_models_products() {
  expect_status 0 "$kelip" bench kernels --model "$work/model.yaml" --batch 2 --tokens 8 --seconds 0.1 --json || return
  python3 - "$work/out" <<'PYTHON' || fail "bench kernels --json"
import json, sys
d = json.load(open(sys.argv[1]))
for precision in ("fp32", "bf16"):
    assert d[precision + "_gflops"] > 0 and {row["kind"] for row in d[precision + "_products"]} == {
        "forward", "data_gradient", "weight_gradient"}, d
PYTHON
}

# A thousand steps: nothing is allocated where they are computed, and memory stays as it is.
a_steady_step_allocates_nothing() {
  expect_status 0 "$kelip" bench step --model "$work/model.yaml" --precision fp32 --batch 2 --tokens 8 --steps 1000 \
    --warmups 20 --phase-steps 0 --json || return
  python3 - "$work/out" <<'PYTHON' || fail "allocations in a steady step"
import json, sys
d = json.load(open(sys.argv[1]))
assert d["allocations_per_step"] in (0, None), d["allocations_per_step"]
assert d["resident_growth_bytes"] < 1 << 20, d["resident_growth_bytes"]
PYTHON
}

bench_collectives_calibrates_a_plan() {
  expect_status 0 mpirun -n 2 --oversubscribe "$kelip" bench collectives --max-megabytes 1 --seconds 0.05 --json || return
  cp "$work/out" "$work/collectives.json"
  printf '%s\n' "run: {directory: $work/planned}" "model: {config: $work/model.yaml}" \
    'data: {train: nowhere, tokenizer: nowhere.json, global_batch_size: 64}' 'optimizer: {steps: 1000, lr: 1e-3}' \
    >"$work/planned.yaml"
  expect_status 0 "$kelip" plan --config "$work/planned.yaml" --nodes 4 --ranks-per-node 2 --bandwidth 10 --latency 50 \
    --tokens 8 --steps 1 --collectives "$work/collectives.json" --save-step "$work/steps.json" \
    --picture "$work/plan.png" --json || return
  cp "$work/out" "$work/plan.json"
  # The same from what was measured, without measuring again.
  expect_status 0 "$kelip" plan --config "$work/planned.yaml" --nodes 4 --ranks-per-node 2 --bandwidth 10 --latency 50 \
    --collectives "$work/collectives.json" --step "$work/steps.json" --json || return
  python3 - "$work/plan.json" "$work/out" "$work/plan.png" <<'PYTHON' || fail "plan --json" || return
import json, sys
d, again = (json.load(open(path)) for path in sys.argv[1:3])
assert d == again
stage, = d["stages"]
assert stage["global_batch"] == 64 and stage["batch_per_rank"] == 8 and stage["steps"] == 1000, stage
parts = stage["compute_seconds"] + stage["stolen_seconds"] + stage["communication_seconds"]
assert 0 < stage["step_seconds"] and abs(parts - stage["step_seconds"]) < 1e-9, stage
assert abs(d["core_hours"] - 8 * 1000 * stage["step_seconds"] / 3600) < 1e-9, d
assert [point["nodes"] for point in stage["scaling"]["same_batch_per_rank"]] == [2 ** k for k in range(11)]
assert [point["nodes"] for point in stage["scaling"]["same_global_batch"]] == [2 ** k for k in range(6)]
assert open(sys.argv[3], "rb").read(8) == b"\x89PNG\r\n\x1a\n"
PYTHON
  expect_status 2 "$kelip" plan --config "$work/planned.yaml" --nodes 4 --ranks-per-node 2 --bandwidth 10 --latency 50 \
    --collectives "$work/plan.json" && expect_in err plan.json || return
  expect_status 2 "$kelip" plan --config "$work/planned.yaml" --nodes 0 --ranks-per-node 2 --bandwidth 10 --latency 50
}

data_stats_describes_shards() {
  expect_status 0 "$kelip" data stats "$data/train" --tokenizer "$data/tokenizer.json" --out "$work/report" --json || return
  cp "$work/out" "$work/stats-alone.json"
  python3 - "$work/out" "$work/report/stats.json" "$data/train" <<'PYTHON' || fail "data stats --json" || return
import glob, json, sys, tarfile
printed, written = (json.load(open(path)) for path in sys.argv[1:3])
assert printed == written
captions = []
for path in sorted(glob.glob(f"{sys.argv[3]}/*.tar")):
    with tarfile.open(path) as tar:
        captions += [tar.extractfile(m).read().decode().strip() for m in tar if m.name.endswith(".txt")]
assert printed["samples"] == len(captions) == sum(printed["languages"].values()), printed["samples"]
assert printed["captions"]["distinct"] == len(set(captions)) and not printed["captions"]["is_estimate"]
lengths = sorted(map(len, captions))
found = printed["caption_characters"]
assert (found["min"], found["max"]) == (lengths[0], lengths[-1])
assert found["median"] == lengths[(len(lengths) + 1) // 2 - 1], found["median"]
PYTHON
  local picture
  for picture in stats samples; do
    [[ $(head -c 4 "$work/report/$picture.png" | tail -c 3) == PNG ]] || fail "no $picture.png" || return
  done
  expect_status 0 mpirun --oversubscribe -n 3 "$kelip" data stats "$data/train" --tokenizer "$data/tokenizer.json" --json &&
    { cmp -s "$work/out" "$work/stats-alone.json" || fail "3 ranks describe the shards differently"; } || return
  expect_status 0 "$kelip" data stats "$data/train" && expect_in out "different captions" || return
  expect_status 2 "$kelip" data stats /absent && expect_in err /absent
}

data_verify_finds_damage() {
  local shards=$work/verified ranks
  mkdir -p "$shards"
  cp "$data"/train/0000[01].tar "$shards" || fail "cp" || return
  expect_status 0 "$kelip" data verify "$shards" --decode && expect_in out sound || return
  # One shard has a picture overwritten, the other ends within one.
  python3 - "$shards" <<'PYTHON' || fail "damage" || return
import sys, tarfile
def picture(path, number):
    with tarfile.open(path) as tar:
        return [member for member in tar if member.name.endswith(".jpg")][number].offset_data
whole, cut = (f"{sys.argv[1]}/0000{number}.tar" for number in range(2))
with open(whole, "r+b") as file:
    file.seek(picture(whole, 3))
    file.write(b"<html>")
with open(cut, "r+b") as file:
    file.truncate(picture(cut, 100) + 10)
PYTHON
  expect_status 1 "$kelip" data verify "$shards" --decode --json --quarantine "$work/bad.jsonl" || return
  cp "$work/out" "$work/verify-alone.json"
  cp "$work/bad.jsonl" "$work/bad-alone.jsonl"
  python3 - "$work/out" "$work/bad.jsonl" <<'PYTHON' || fail "data verify --json" || return
import json, sys
report = json.load(open(sys.argv[1]))
assert not report["sound"] and report["damaged_shards"] == 1, report
assert report["reasons"]["tar_truncated_member"]["count"] == 1
assert report["reasons"]["image_unknown_format"]["count"] == report["bad_samples"] == 1
lines = [json.loads(line) for line in open(sys.argv[2])]
assert sum(reason["count"] for reason in report["reasons"].values()) == len(lines)
assert {"key", "shard", "reason"} <= lines[0].keys() and lines[0]["reason"] == "image_unknown_format"
PYTHON
  for ranks in 2 3; do
    expect_status 1 mpirun --oversubscribe -n "$ranks" "$kelip" data verify "$shards" --decode --json \
      --quarantine "$work/bad.jsonl" || return
    cmp -s <(head -n 1 "$work/out") "$work/verify-alone.json" && cmp -s "$work/bad.jsonl" "$work/bad-alone.jsonl" ||
      fail "$ranks ranks find other damage" || return
  done
  expect_status 2 "$kelip" data verify && expect_status 2 "$kelip" data verify "$shards" --image-size 0
}

a_second_run_in_a_directory_is_refused() {
  config held 1000000
  "$worker" --config "$work/held.yaml" >/dev/null 2>"$work/err" &
  local first=$!
  wait_for_steps "$work/held" 1 "$first" || return
  expect_status 2 "$worker" --config "$work/held.yaml" && expect_in err "another run holds this directory" &&
    expect_in err "process $first"
  kill -KILL "$first"
  wait "$first" 2>/dev/null
  # The kernel has let go of the lock.
  expect_status 0 "$worker" --config "$work/held.yaml" --set optimizer.steps=2
}

# stop_and_resume NAME SIGNAL COMMAND…: the command, a worker's launch, is stopped and then goes on to its last step.
stop_and_resume() {
  local name=$1 signal=$2 status=0
  shift 2
  config "$name" 1000000
  "$@" --config "$work/$name.yaml" >/dev/null 2>"$work/err" &
  local process=$!
  wait_for_steps "$work/$name" 3 "$process" || return
  kill "-$signal" "$process"
  # Batch systems and launchers may both send it.
  sleep 0.02
  kill "-$signal" "$process" 2>/dev/null
  wait "$process" || status=$?
  ((status == 85)) || fail "status $status after SIG$signal, expected 85: $(tail -n 3 "$work/err" | tr '\n' ' ')" || return
  local saved last
  saved=$(find "$work/$name/checkpoints" -name 'step-*' | sort | tail -n 1)
  last=$(steps_of "$work/$name")
  [[ $(basename "$saved") == "step-$(printf %08d "$last")" ]] || fail "saved $saved after $last steps" || return
  expect_status 0 "$@" --config "$work/$name.yaml" --accept-config-change --set "optimizer.steps=$((last + 2))" &&
    expect_in err "resuming from $(basename "$saved")" || return
  [[ $(steps_of "$work/$name") == $((last + 2)) ]] || fail "$(steps_of "$work/$name") steps after resuming at $last"
}

sigterm_saves_and_exits_85() { stop_and_resume term TERM "$worker"; }

sigusr1_saves_and_exits_85() { stop_and_resume usr1 USR1 "$worker"; }

# mpirun passes SIGUSR1 on at once. After a SIGTERM it waits for the time-out below, sends SIGTERM, waits for it again
# and kills; it does both waits in full, also when the ranks have long ended.
sigusr1_to_mpirun_saves_and_exits_85() { stop_and_resume mpi-usr1 USR1 mpirun --oversubscribe -n 2 "$worker"; }

sigterm_to_mpirun_saves() {
  config mpi-term 1000000
  mpirun --oversubscribe -n 2 --mca odls_base_sigkill_timeout 3 "$worker" --config "$work/mpi-term.yaml" \
    >/dev/null 2>"$work/err" &
  local launcher=$!
  wait_for_steps "$work/mpi-term" 3 "$launcher" || return
  kill -TERM "$launcher"
  wait "$launcher" && fail "mpirun exits with 0 after a SIGTERM" || true
  local saved
  saved=$(find "$work/mpi-term/checkpoints" -name manifest.json 2>/dev/null | wc -l)
  [[ $saved == 1 ]] || fail "$saved checkpoints after a SIGTERM: $(tail -n 3 "$work/err" | tr '\n' ' ')"
}

sigterm_to_one_rank_stops_all_with_85() {
  config rank-term 1000000
  mpirun --oversubscribe -n 2 "$worker" --config "$work/rank-term.yaml" >/dev/null 2>"$work/err" &
  local launcher=$! rank status=0
  wait_for_steps "$work/rank-term" 3 "$launcher" || return
  rank=$(pgrep -P "$launcher" -f kelip-worker | tail -n 1)
  [[ -n $rank ]] || fail "no rank below mpirun" || return
  kill -TERM "$rank"
  wait "$launcher" || status=$?
  ((status == 85)) || fail "status $status, expected 85: $(tail -n 3 "$work/err" | tr '\n' ' ')"
}

check help_is_given
check mistakes_on_the_command_line_exit_2
check model_info_counts_parameters
check data_order_is_shown_and_checked
check tokenizer_trains_encodes_and_inspects
check tokenizers_of_other_kinds_are_read
check a_dry_run_leaves_nothing
check a_worker_alone_trains
check two_ranks_train_and_agree_on_errors
check data_index_writes_and_checks
check embed_writes_features
check checkpoints_are_looked_at_and_exported
check retrieval_prints_json
check studies_answer_over_the_embedded_data
check embedding_resumes_on_any_number_of_ranks
check pictures_are_found_by_text_and_by_picture
check a_study_trains_once_and_tells_what_changed
check a_study_tells_which_run_failed
check a_report_stands_alone
check bench_step_prints_json
check bench_step_tells_where_time_goes
check bench_kernels_measures_a_models_products
check bench_collectives_calibrates_a_plan
check a_steady_step_allocates_nothing
check data_stats_describes_shards
check data_verify_finds_damage
check a_second_run_in_a_directory_is_refused
check sigterm_saves_and_exits_85
check sigusr1_saves_and_exits_85
check sigusr1_to_mpirun_saves_and_exits_85
check sigterm_to_mpirun_saves
check sigterm_to_one_rank_stops_all_with_85
if ((failures > 0)); then
  echo "$failures checks failed"
  exit 1
fi
