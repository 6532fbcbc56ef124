#!/usr/bin/env bash
# Checks the checks: with the PyTorch stand-in each must pass, and with a fault planted in it each must fail.
#
#   PYTHON=… Tests/Parity/self_check.sh [WORK]     PYTHON has requirements.txt and pyyaml
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${1:-${TMPDIR:-/tmp}/kelip-parity-self-check}
python=${PYTHON:-python3}
failures=0

mkdir -p "$work"
"$python" "$here/stand_in.py" data "$work/data" || exit 1

# expect STATUS FAULT CHECK [OPTION…]: runs one check against the stand-in and compares its exit status.
expect() {
  local log="$work/$3-${2:-none}.log" status
  STAND_IN_FAULT=$2 "$python" "$here/$3.py" \
    --worker "$python $here/stand_in.py worker" --kelip "$python $here/stand_in.py kelip" \
    --data "$work/data" --tokenizer "$work/data/tokenizer.json" --work "$work/$3" "${@:4}" >"$log" 2>&1
  status=$?
  if [[ $status == "$1" ]]; then
    echo "ok      $3, fault: ${2:-none}"
  else
    echo "FAILED  $3, fault: ${2:-none}: status $status, wanted $1; see $log"
    failures=$((failures + 1))
  fi
}

expect 0 "" open_clip_50_steps
for fault in lr decay features gradient; do expect 1 $fault open_clip_50_steps --steps 12; done
expect 0 "" ranks
expect 1 order ranks
expect 0 "" resume
expect 1 resume resume
expect 0 "" bad_input
expect 1 chatty bad_input
expect 1 slow bad_input --limit 3
exit $((failures > 0))
