#!/usr/bin/env bash
# Feeds every reader with changed input under AddressSanitizer, leaks included.
#
#   Tests/Fuzz/run.sh [CASES a reader]
#
# The sanitized build lies in .build-asan, apart from the usual one.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/environment

cases=${1:-100000}
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
python3 Tests/BadInput/make_corpus.py "$corpus" --empty-members 10 --good 20
swift build -c release --sanitize=address --scratch-path .build-asan --product kelip-fuzz
fixtures=()
for folder in Tests/*/Fixtures; do fixtures+=(--corpus "$folder"); done
bin=$(swift build -c release --sanitize=address --scratch-path .build-asan --show-bin-path)
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:hard_rss_limit_mb=4096}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$PWD/Tests/Fuzz/leaks.supp:print_suppressions=0}
"$bin/kelip-fuzz" --reader all --cases "$cases" --limit 60 --corpus "$corpus" "${fixtures[@]}"
