#!/usr/bin/env bash
# IBM's own client against the sandbox: a component on resilient-circuits connects, subscribes and answers a function.
# Needs a virtual environment with IBM's packages, outside of this tree; makes it when it is not there.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1

here=$(cd "$(dirname "$0")" && pwd)
venv=${IBM_VENV:-${TMPDIR:-/tmp}/ibm-venv}
work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap cleanup EXIT

if [ ! -x "$venv/bin/resilient-circuits" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet resilient==51.0.9.1 resilient-circuits==51.0.9.1
fi

programs=$(bash "$here/../../tests/programs.sh")

"$programs/sandbox" serve > "$work/sandbox.json" &
pids+=($!)
until [ -s "$work/sandbox.json" ]; do kill -0 "${pids[0]}"; sleep 0.1; done

"$venv/bin/python" "$here/ibm/prepare.py" "$work" "$here/ibm/components"

export APP_CONFIG_FILE="$work/app.config"
"$venv/bin/resilient-circuits" run > "$work/worker.log" 2>&1 &
pids+=($!)
if ! "$venv/bin/python" "$here/ibm/check.py" "$work"; then
  cat "$work/worker.log"
  exit 1
fi
kill "${pids[1]}"

if ! "$venv/bin/resilient-circuits" selftest > "$work/selftest.log" 2>&1; then
  cat "$work/selftest.log"
  exit 1
fi
grep -q 'Successfully connected via REST' "$work/selftest.log"
grep -q 'Successfully connected via STOMP' "$work/selftest.log"
echo "IBM's client works with the sandbox"
