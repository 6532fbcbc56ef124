#!/usr/bin/env bash
# Same as open_clip: 50 steps of the program against open_clip 3.3 (see open_clip_50_steps.py).
#
#   Tests/Parity/open_clip_50_steps.sh --data DIR --tokenizer FILE [--work DIR] [--worker PATH] [--kelip PATH]
#
# PYTHON names an interpreter with requirements.txt installed (default: python3).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
python=${PYTHON:-python3}

"$python" -c 'import open_clip, safetensors, tokenizers' || {
  echo "error: $python lacks open_clip; install $here/requirements.txt and set PYTHON" >&2
  exit 2
}
# Later options win over these.
exec "$python" "$here/open_clip_50_steps.py" \
  --worker "$root/.build/release/kelip-worker" --kelip "$root/.build/release/kelip" \
  --work "${TMPDIR:-/tmp}/kelip-parity" "$@"
