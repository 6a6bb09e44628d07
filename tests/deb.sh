#!/usr/bin/env bash
# The Debian package: deb.sh [PACKAGE]
#
# Installs it on a machine that boots systemd for it (tests/machine.sh), runs the worker there as the unit says, against
# the sandbox, upgrades and purges it. Without PACKAGE it builds one from Cargo.toml's manifest with the debug build.
#
# Needs root, and Debian or what is made of it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
work=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    [ -z "${machine:-}" ] || bash "$here/machine.sh" "$work" remove "$machine" || true
    rm -rf "$work"
}
trap cleanup EXIT

fail() {
    echo "$*" >&2
    for log in machine.log worker.log; do
        [ ! -s "$work/given/$log" ] || { echo "-- $log" && tail -n 40 "$work/given/$log"; } >&2
    done
    exit 1
}

# eventually WHAT COMMAND...: waits for an effect.
eventually() {
    local what=$1 tries=600
    shift
    until "$@"; do
        kill -0 "${pids[@]}" 2>/dev/null && ((tries-- > 0)) || fail "in vain: $what"
        sleep 0.1
    done
}

# is WHAT EXPECTED ACTUAL
is() { [ "$2" = "$3" ] || fail "$1: $3 in place of $2"; }

[ "$(id -u)" = 0 ] || fail "tests/deb.sh needs root"

# As in tests/image.sh, whose build this is.
programs=$(bash "$here/programs.sh" --no-default-features)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)

echo "the package"
mkdir "$work/build" "$work/given"
if [ -n "${1:-}" ]; then
    cp "$1" "$work/given/first.deb"
else
    strip -o "$work/build/fn-aws-guardduty" "$programs/fn-aws-guardduty"
    sh "$root/deploy/debian/share.sh" "$work/build/fn-aws-guardduty" "$work/build"
    python3 "$here/deb_package.py" "$work/build" "$work/given/first.deb" >/dev/null
fi
# cargo-deb names no owners: 0 is root.
dpkg-deb --contents "$work/given/first.deb" | sed 's| 0/0 | root/root |' >"$work/contents"
for line in '-rwxr-xr-x root/root .* ./usr/bin/fn-aws-guardduty' '-rw-r----- root/root .* ./etc/fn-aws-guardduty/app.config' \
    '-rw-r--r-- root/root .* ./usr/share/man/man1/fn-aws-guardduty-run.1.gz'; do
    grep -q -- "^$line$" "$work/contents" || fail "the package has no $line: $(cat "$work/contents")"
done
is version "$version-1" "$(dpkg-deb --field "$work/given/first.deb" Version)"
is "files of configuration" /etc/fn-aws-guardduty/app.config "$(dpkg-deb --info "$work/given/first.deb" conffiles)"

# repack VERSION LINE: the package of a later version, whose example has a line more.
repack() {
    dpkg-deb --raw-extract "$work/given/first.deb" "$work/$1"
    sed -i "s/^Version: .*/Version: $1/" "$work/$1/DEBIAN/control"
    [ -z "$2" ] || echo "$2" >>"$work/$1/etc/fn-aws-guardduty/app.config"
    dpkg-deb -Zgzip -z1 --root-owner-group --build "$work/$1" "$work/given/$1.deb" >/dev/null
}
repack "$version-2" ''
repack "$version-3" '# Another example.'

echo "the machine and the sandbox"
bash "$here/machine.sh" "$work/given" >"$work/given/machine.log" 2>&1 &
machine=$!
pids+=("$machine")
"$programs/sandbox" serve --findings 3 --import "$root/export/export.res" >"$work/sandbox.json" &
pids+=($!)
disown -a # So that the shell tells nobody that it killed them.
# inside COMMAND...: runs it on the machine.
inside() {
    nsenter --target "$(pgrep --parent "$machine")" --mount --pid --uts --ipc --cgroup --root \
        env --chdir=/ -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}
booted() { inside systemctl is-active --quiet idle.target 2>/dev/null; }
eventually "the machine boots" booted
eventually "the sandbox tells how to connect" test -s "$work/sandbox.json"
service=fn-aws-guardduty.service
etc=/etc/fn-aws-guardduty
property() { inside systemctl show --value --property "$1" "$service"; }
owner() { inside stat --format '%a %U:%G' "$1"; }
# dpkg_does ARGUMENT...: dpkg, which is only heard when it fails.
dpkg_does() { inside dpkg "$@" >"$work/dpkg.log" 2>&1 || fail "dpkg $*: $(cat "$work/dpkg.log")"; }

echo "installed, and not started"
dpkg_does --install /given/first.deb
grep -q "fill in $etc/app.config" "$work/dpkg.log" || fail "nothing says what to do: $(cat "$work/dpkg.log")"
is "the service" inactive "$(property ActiveState)"
is "the service" disabled "$(property UnitFileState)"
is "$etc" '750 root:fn-aws-guardduty-config' "$(owner $etc)"
is "$etc/app.config" '640 root:fn-aws-guardduty-config' "$(owner $etc/app.config)"
is "the program" "fn-aws-guardduty $version" "$(inside fn-aws-guardduty --version)"
inside fn-aws-guardduty export --output - | cmp - "$root/export/export.res" || fail "the program exports something else"
inside cat /usr/share/fn-aws-guardduty/export.res | cmp - "$root/export/export.res" || fail "the export is another"
inside bash -n /usr/share/bash-completion/completions/fn-aws-guardduty

echo "the unit"
inside systemd-analyze verify --man=no "$service" || fail "systemd complains about the unit"
# Tenths. What is left is what the worker lives by, the network, and the group of its configuration.
inside systemd-analyze security --offline=true --threshold=11 --no-pager "/usr/lib/systemd/system/$service" \
    >"$work/security" || fail "the unit is less safe than it was: $(cat "$work/security")"
inside systemctl start "$service" 2>/dev/null && fail "the example is taken for a configuration"
is "the exit code" 64 "$(property ExecMainStatus)"
is "the service" failed "$(property ActiveState)"

echo "the worker as the unit says"
endpoint=$(python3 "$here/sandbox_config.py" "$work/sandbox.json" "$work/given" "$etc")
secret=$(sed -n 's/^api_key_secret = //p' "$work/given/app.config")
# shellcheck disable=SC2016 # The program replaces the name.
sed -i 's|^api_key_secret = .*|api_key_secret_file = ${CREDENTIALS_DIRECTORY}/soar_secret|' "$work/given/app.config"
inside cp /given/app.config /given/ca.pem "$etc"
inside chgrp fn-aws-guardduty-config "$etc/ca.pem"
(umask 077 && echo "$secret" >"$work/given/soar_secret" && echo "AWS_ENDPOINT_URL=$endpoint" >"$work/given/environment")
inside cp /given/soar_secret /given/environment "$etc"
inside mkdir "/etc/systemd/system/$service.d"
# A system call that the filter forbids kills the worker here, where the unit lets it go on with an error.
cat >"$work/given/test.conf" <<'END'
[Service]
LoadCredential=soar_secret:/etc/fn-aws-guardduty/soar_secret
SystemCallErrorNumber=kill
StandardError=append:/given/worker.log
END
inside cp /given/test.conf "/etc/systemd/system/$service.d"
inside systemctl daemon-reload
inside systemctl enable --quiet --now "$service" || fail "the worker does not start: $(inside systemctl status "$service")"
state=/var/lib/private/fn-aws-guardduty/fn_aws_guardduty.state.json
eventually "findings are read and the state is kept" inside test -s "$state"
first=$(property MainPID)
inside cat "/proc/$first/status" >"$work/status"
grep -q '^Seccomp:\s*2$' "$work/status" && grep -q '^CapEff:\s*0*$' "$work/status" || fail "the worker is not confined"
is "who may read $etc/soar_secret" '600 root:root' "$(owner $etc/soar_secret)"
inside systemctl reload "$service"
eventually "the configuration is read again" grep -q 'SIGHUP' "$work/given/worker.log"

echo "upgrades"
dpkg_does --install "/given/$version-2.deb"
replaced() { [ "$(property ActiveState)" = active ] && [ "$(property MainPID)" != "$first" ]; }
eventually "the new program takes the old one's place" replaced
dpkg_does --force-confold --install "/given/$version-3.deb"
inside cmp /given/app.config "$etc/app.config" || fail "the administrator's configuration is lost"
inside grep -q '^# Another example' "$etc/app.config.dpkg-dist" || fail "the new example is not laid beside it"
for file in app.config app.config.dpkg-dist; do
    is "$file" '640 root:fn-aws-guardduty-config' "$(owner "$etc/$file")"
done
eventually "the worker runs again" inside systemctl is-active --quiet "$service"
inside systemctl stop "$service"
is "the end" 'success 0' "$(property Result) $(property ExecMainStatus)"
dpkg_does --install "/given/$version-3.deb"
is "a worker that was stopped" inactive "$(property ActiveState)"
inside systemctl start "$service"

echo "removed, and purged"
dpkg_does --remove fn-aws-guardduty
inside test -s "$state" || fail "removing forgets where the worker was"
[ -z "$(inside pgrep --full ^/usr/bin/fn-aws-guardduty)" ] || fail "the worker outlives its package"
dpkg_does --purge fn-aws-guardduty
is "what is left" "$etc $etc/ca.pem $etc/soar_secret" "$(inside find /etc /var \
    \( -path "$etc*" -o -path '/var/l*/fn-aws-guardduty*' -o -path '*.wants/fn-aws-guardduty*' \) | sort | xargs)"
inside getent group fn-aws-guardduty-config >/dev/null || fail "the group is gone, and files that have it are not"
dpkg_does --install /given/first.deb
inside rm "$etc/ca.pem" "$etc/soar_secret"
dpkg_does --purge fn-aws-guardduty
inside test ! -e "$etc" || fail "$etc is left"
inside getent group fn-aws-guardduty-config >/dev/null && fail "the group is left"
echo "the Debian package works"
