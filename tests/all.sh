#!/usr/bin/env bash
# Every check of the project. Installs what is missing, starts the servers it needs and stops them.
#
#   bash tests/all.sh
#
# Needs Rust, Python 3 with venv, and either root (to install Debian's activemq) or activemq installed.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never

step() { printf '\n== %s\n' "$*"; }

need() { # command, Debian package
    command -v "$1" >/dev/null 2>&1 && return
    step "installing $2"
    [ "$(id -u)" = 0 ] || { echo "$1 is missing: install the Debian package $2" >&2; exit 1; }
    [ -n "${apt_updated:-}" ] || { apt-get update -qq; apt_updated=1; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export IBM_VENV=${IBM_VENV:-$scratch/ibm-venv}

need activemq activemq
need java default-jre-headless
need python3 python3-venv
need openssl openssl

step "format and lints"
cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo check --locked --no-default-features

step "the demo"
cargo build --release --locked
target/release/fn-aws-guardduty demo --once

step "the customizations in IBM's own tools"
bash tests/ibm_tools.sh

step "IBM's own client against the sandbox"
bash sandbox/tests/ibm_client.sh

step "tests"
cargo test --workspace --locked --doc
cargo test --workspace --locked --tests 2>&1 | tee "$scratch/tests.log"
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, ignored }' "$scratch/tests.log"
