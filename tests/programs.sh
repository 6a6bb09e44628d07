#!/usr/bin/env bash
# Builds the worker and the sandbox, and prints the folder that has them: programs.sh [ARGUMENT OF CARGO...]
#
# As cargo builds them for the tests, with the same features of every library: each is compiled once for all checks.
set -euo pipefail
manifest=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/Cargo.toml
cargo test --quiet --locked --workspace --manifest-path "$manifest" --test it --no-run "$@" >&2
cargo metadata --no-deps --format-version 1 --manifest-path "$manifest" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"] + "/debug")'
