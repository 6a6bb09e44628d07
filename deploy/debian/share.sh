#!/bin/sh
# Has a built program write its manual pages and completions for the Debian package: share.sh PROGRAM FOLDER
#
# The folder is the program's own, which Cargo.toml names target/release.
set -eu
program=$1
folder=$2

rm -rf "$folder/man" "$folder/completions"
mkdir -p "$folder/man" "$folder/completions"
"$program" man --output "$folder/man"
gzip --best --no-name "$folder"/man/*.1
# Shells find a completion by the file's name.
"$program" completions bash >"$folder/completions/fn-aws-guardduty"
"$program" completions fish >"$folder/completions/fn-aws-guardduty.fish"
"$program" completions zsh >"$folder/completions/_fn-aws-guardduty"
