#!/usr/bin/env bash
# Breaks each invariant of the worker on purpose and looks whether a campaign notices: one that cannot fail shows nothing.
#
#   cargo build --release --workspace && bash tests/mutants.sh [NAME…]
#
# Takes a few minutes a mutant: the worker is compiled anew for each. CARGO_TARGET_DIR may name a folder for that.
set -euo pipefail
cd "$(dirname "$0")/.."
sandbox=$PWD/target/release/sandbox
[ -x "$sandbox" ] || { echo "build it first: cargo build --release --workspace" >&2; exit 1; }
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/mutants}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$copy"

# mutant NAME FILE OLD NEW: the text OLD stands once in FILE.
survivors=0
wanted=("$@")
mutant() {
    local name=$1 file=$2
    [ ${#wanted[@]} = 0 ] || [[ " ${wanted[*]} " = *" $name "* ]] || return 0
    cp "$copy/$file" "$copy/$file.orig"
    OLD=$3 NEW=$4 python3 - "$copy/$file" <<'PY'
import os, sys
path, old, new = sys.argv[1], os.environ["OLD"], os.environ["NEW"]
text = open(path).read()
if text.count(old) != 1:
    sys.exit(f"{path} has {text.count(old)} times: {old}")
open(path, "w").write(text.replace(old, new))
PY
    (cd "$copy" && cargo build --release --locked --no-default-features --quiet 2>/dev/null)
    mv "$copy/$file.orig" "$copy/$file"
    "$sandbox" campaign --worker "$CARGO_TARGET_DIR/release/fn-aws-guardduty" --seed 20261128 --rounds 100 --jobs 5 --patience 30 \
        --stop-at-failure >"$copy/campaign.txt" 2>&1 || true
    if grep -q FAILED "$copy/campaign.txt"; then
        echo "caught    $name:$(grep -A1 FAILED "$copy/campaign.txt" | sed -n 2p)"
    elif grep -q '"failed": \[\]' "$copy/campaign.txt"; then
        echo "SURVIVED  $name"
        survivors=$((survivors + 1))
    else
        echo "the campaign could not be played:" >&2
        tail -n 3 "$copy/campaign.txt" >&2
        exit 1
    fi
}

mutant 1-made-twice src/soar/incidents.rs \
    'let found = self.look_for(&made).await.map_err(away)?;' \
    'let found: Option<Value> = None;'
mutant 1-left-half-made src/poller/region.rs \
    'let begun = state.begun(region, id);' \
    'let begun: Vec<String> = Vec::new();'
mutant 2-what-waits-for-the-next-cycle-is-taken-for-done src/poller/progress.rs \
    'state.cursor.reopen(&finding.id);' \
    'state.cursor.finish(&finding.id, &finding.updated_at);'
mutant 3-acknowledged-before-it-is-done src/actions/mod.rs \
    'Arrival::New => {' \
    'Arrival::New => {
                let _ = self.stomp.ack(&delivery).await;'
mutant 3-unreadable-message-not-acknowledged src/actions/mod.rs \
    'self.stomp.ack(delivery).await' \
    'if answer.contains("cannot read the message") { return Ok(()); }
        self.stomp.ack(delivery).await'
mutant 4-work-in-hand-is-dropped-at-a-stop src/lifecycle.rs \
    'pub const GRACE_PERIOD: Duration = Duration::from_mins(1);' \
    'pub const GRACE_PERIOD: Duration = Duration::from_millis(1);'
mutant 5-a-secret-in-the-log src/soar/mod.rs \
    'let http = http_client(tls, config)?;' \
    'if let Credentials::ApiKey { secret, .. } = &config.credentials {
            tracing::info!("the key is {}", secrecy::ExposeSecret::expose_secret(secret));
        }
        let http = http_client(tls, config)?;'
mutant 6-a-failure-ends-the-polling-of-a-region src/poller/region.rs \
    'failures += 1;' \
    'if failures < u32::MAX { return; }
                    failures += 1;'

[ "$survivors" = 0 ]
