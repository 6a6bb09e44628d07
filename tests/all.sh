#!/usr/bin/env bash
# Every check of the project. Installs what is missing, starts the servers it needs and stops them.
#
#   bash tests/all.sh
#
# Needs Rust, Python 3 with venv, and either root (to install Debian's activemq, tinyproxy, prometheus and chromium) or these installed.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never

step() { printf '\n== %s\n' "$*"; }

has() { command -v "$1" >/dev/null 2>&1; }

install() { # Debian packages
    step "installing $*"
    [ "$(id -u)" = 0 ] || { echo "missing here: install the Debian packages $*" >&2; exit 1; }
    [ -n "${apt_updated:-}" ] || { apt-get update -qq; apt_updated=1; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export IBM_VENV=${IBM_VENV:-$scratch/ibm-venv}

has cc || install gcc libc6-dev
has activemq || install activemq
has java || install default-jre-headless
has openssl || install openssl
has systemd-analyze || install systemd
has pgrep || install procps
has strip || install binutils
has prometheus || { install prometheus; service prometheus stop >/dev/null 2>&1 || true; }
has tinyproxy || { install tinyproxy; service tinyproxy stop >/dev/null 2>&1 || true; } # The tests start their own.
has chromium || install chromium
has chromedriver || install chromium-driver
python3 -c 'import ensurepip, venv' 2>/dev/null || install python3 python3-venv
cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
cargo clippy --version >/dev/null 2>&1 || rustup component add clippy

if [ -z "${AXE_JS:-}" ]; then
    step "axe-core, for the browser tests"
    python3 -m venv "$scratch/axe-venv"
    "$scratch/axe-venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps axe-playwright-python
    AXE_JS=$(find "$scratch/axe-venv" -name axe.min.js)
    export AXE_JS
fi

step "format and lints"
cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo check --locked --no-default-features

if has cargo-deny; then
    step "licences, bans and sources of dependencies"
    cargo deny check licenses bans sources
else
    echo "cargo-deny is not installed: the tests look at licences, bans and sources themselves"
fi

step "the demo"
programs=$(bash tests/programs.sh)
"$programs/fn-aws-guardduty" demo --once

step "a short campaign of faults and crashes, and a pile of messages"
"$programs/sandbox" campaign --seed 1 --rounds 6 --jobs 3
"$programs/sandbox" overload --messages 2000 --megabytes 100 # A debug build takes more.

step "the benchmark, small: whether it still measures"
"$programs/sandbox" bench --findings 100 --runs 1 --calls 20 --at-once 20 --idle 50

step "the customizations in IBM's own tools"
bash tests/ibm_tools.sh

step "IBM's own client against the sandbox"
bash sandbox/tests/ibm_client.sh

if [ "$(id -u)" = 0 ]; then
    step "the image"
    if unshare --mount true; then
        bash tests/image.sh
    else
        echo "left out: this machine lets nobody mount"
    fi
    step "the Debian package and its unit"
    if bash tests/machine.sh /tmp can; then
        bash tests/deb.sh
    else
        echo "left out: this machine cannot hold another that boots systemd"
    fi
else
    step "the image and the Debian package: left out, they need root"
fi

step "tests"
cargo test --workspace --locked --doc
# Last, so that the output closes with the tests' own summary.
cargo test --workspace --locked --tests
