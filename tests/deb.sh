#!/usr/bin/env bash
# The Debian package and its unit: builds it of the debug program, installs, updates, removes and purges it with dpkg in a
# root of its own, where its scripts run for real, and has systemd judge the unit.
#
# Needs root, since dpkg changes into that root, and Debian's systemd for systemd-analyze.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "$*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "tests/deb.sh needs root"

# As tests/image.sh builds it.
cargo build --quiet --locked --workspace --no-default-features
target=$(cargo metadata --no-deps --format-version 1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
strip -o "$work/program" "$target/debug/fn-aws-guardduty"
sh deploy/debian/build.sh "$work/program" "$work" >/dev/null
package=$(echo "$work"/*.deb)
name=fn-aws-guardduty

echo "what the package says of itself"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
[ "$(dpkg-deb --field "$package" Version)" = "$version" ] || fail "its version is not $version"
[ "$(dpkg-deb --fsys-tarfile "$package" | tar -tv | awk '$2 != "root/root"' | wc -l)" = 0 ] ||
    fail "a file has another owner than root"

echo "a root with what the scripts of packages find on a system"
root=$work/root
mkdir -p "$root"/{etc,bin,dev,tmp,var/lib/dpkg/{info,updates}}
touch "$root/var/lib/dpkg/status"
echo 'root:x:0:0::/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
echo 'root:*::' >"$root/etc/gshadow"
cp /etc/login.defs "$root/etc"
mknod -m 0666 "$root/dev/null" c 1 3
echo 'group: files' >"$root/etc/nsswitch.conf"
for program in sh getent groupadd groupdel stat chgrp rm; do
    path=$(command -v "$program")
    cp -L "$path" "$root/bin/$program"
    ldd "$path" | grep -o '/[^ ]*' | while read -r library; do
        cp -Lu --parents "$library" "$root"
    done
done
ldd "$work/program" | grep -o '/[^ ]*' | while read -r library; do cp -Lu --parents "$library" "$root"; done
export PATH=$PATH:/usr/sbin:/sbin

dpkg_in_root() { # The libraries are there, and dpkg there does not know of them.
    dpkg --root="$root" --force-depends --log=/dev/null "$@" >"$work/dpkg.log" 2>&1 ||
        fail "dpkg $*: $(cat "$work/dpkg.log")"
}

installed() { # installed ARGUMENT...: the program as the unit's user would run it.
    chroot --userspec=61234:61234 --groups="$group" "$root" /usr/bin/$name "$@"
}

config=$root/etc/$name/app.config

echo "install"
dpkg_in_root --install "$package"
grep -q "configure /etc/$name/app.config" "$work/dpkg.log" || fail "nobody is told what to do next"
group=$(sed -n "s/^$name-config:x:\([0-9]*\):.*/\1/p" "$root/etc/group")
[ -n "$group" ] || fail "the group is missing"
[ "$(stat -c '%a %u %g' "$config")" = "640 0 $group" ] || fail "app.config is $(stat -c '%a %u %g' "$config")"
[ "$(stat -c '%a %g' "${config%/*}")" = "750 $group" ] || fail "its folder is open"
installed --version | grep -qF "$version" || fail "the program does not run"
code=0
installed config check --config "/etc/$name/app.config" >"$work/check" || code=$?
[ "$code" = 64 ] && grep -q "api_key_secret (line" "$work/check" ||
    fail "the group cannot read app.config: $(cat "$work/check")"
for shell in bash-completion/completions/$name zsh/vendor-completions/_$name fish/vendor_completions.d/$name.fish; do
    [ -s "$root/usr/share/$shell" ] || fail "no $shell"
done
bash -n "$root/usr/share/bash-completion/completions/$name"
for command in run selftest config customize package; do
    zcat "$root/usr/share/man/man1/$name-$command.1.gz" | grep -q '^\.SH SYNOPSIS' || fail "no manual of $command"
done

echo "update"
echo '# mine' >>"$config"
chmod 0600 "$config"
dpkg_in_root --install "$package"
grep -q '^# mine$' "$config" || fail "the update lost an edit of app.config"
[ "$(stat -c %a "$config")" = 600 ] || fail "the update opened app.config"

echo "remove and purge"
mkdir -p "$root/var/lib/private/$name"
dpkg_in_root --remove $name
grep -q '^# mine$' "$config" || fail "app.config did not outlive the program"
dpkg_in_root --purge $name
[ ! -e "$config" ] || fail "app.config outlived the purge"
[ ! -e "$root/var/lib/private/$name" ] || fail "the state outlived the purge"
! grep -q "^$name-config" "$root/etc/group" || fail "the group outlived the purge"

echo "the unit"
dpkg-deb --extract "$package" "$work/tree"
cp -r --parents /usr/lib/systemd/system "$work/tree"
unit=/usr/lib/systemd/system/$name.service
install -D -m 0755 /bin/kill "$work/tree/bin/kill"
systemd-analyze verify --man=no --root="$work/tree" "$unit" >"$work/verify" 2>&1 || true
! grep -F "$name" "$work/verify" || fail "systemd complains of the unit"
# Tenths: what it can do beyond this needs the network and its folders.
systemd-analyze security --offline=true --threshold=15 "$work/tree$unit" >"$work/security" ||
    fail "the unit is exposed: $(tail -n 1 "$work/security")"
echo "the package works: $(tail -n 1 "$work/security" | sed 's/^[^O]*//')"
