#!/bin/bash
# Races `kelip bench data` against loader.py on one core, in turns, and prints the medians and their ratio.
#   Tests/Benchmarks/loader.sh SHARD_DIRECTORY TOKENIZER_JSON [ROUNDS [SAMPLES]]
# KELIP and PYTHON name the programs (default: the release build and python3), CORE the core (default 0).
# Wall time counts what other programs take from the core; processor time does not.
set -euo pipefail
shards=$1 tokenizer=$2 rounds=${3:-3} samples=${4:-2000}
here=$(cd "$(dirname "$0")" && pwd)
kelip=${KELIP:-$here/../../.build/release/kelip}
python=${PYTHON:-python3}
results=$(mktemp)
trap 'rm -f "$results"' EXIT
for round in $(seq "$rounds"); do
  taskset -c "${CORE:-0}" "$python" "$here/loader.py" "$shards"/*.tar --samples "$samples" \
    | sed 's/^/python /; s/[a-z_]*=//g' | tee -a "$results"
  taskset -c "${CORE:-0}" "$kelip" bench data --shards "$shards" --tokenizer "$tokenizer" --threads 1 \
    --samples "$samples" --json \
    | "$python" -c 'import json, sys; r = json.load(sys.stdin); print("kelip", round(r["images_per_second"], 1),
round(r["processor_ms_per_image"], 3), r["images"])' | tee -a "$results"
done
"$python" - "$results" <<'PY'
import statistics
import sys

rows = [line.split() for line in open(sys.argv[1])]
rate, cost = ({who: statistics.median(float(r[at]) for r in rows if r[0] == who) for who in ("kelip", "python")}
              for at in (1, 2))
print(f"images per second on one core: kelip {rate['kelip']:.0f}, python {rate['python']:.0f}, "
      f"ratio {rate['kelip'] / rate['python']:.2f}")
print(f"processor milliseconds an image: kelip {cost['kelip']:.2f}, python {cost['python']:.2f}, "
      f"ratio {cost['python'] / cost['kelip']:.2f}")
PY
