#!/bin/sh
# Makes the Debian package of this machine's architecture and release: build.sh [ARGUMENT OF CARGO-DEB...]
#
# Needs cargo-deb (`cargo install cargo-deb`) and the Debian package dpkg-dev.
set -eu
cd "$(dirname "$0")/../.."

cargo build --locked --profile dist --no-default-features
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
sh deploy/debian/share.sh "$target/dist/fn-aws-guardduty" "$target/dist"
# Building again would change nothing, and the pages are made from this build.
cargo deb --locked --no-build "$@"
