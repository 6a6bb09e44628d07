#!/bin/sh
# Builds the Debian package: deploy/debian/build.sh [PROGRAM [FOLDER]]
#
# Without PROGRAM it is built first, as for the image. The package is written to FOLDER, which is target/debian.
# Needs dpkg-deb and gzip. Manual pages and completions are what the program itself prints.
set -eu
cd "$(dirname "$0")/../.."
umask 022

program=${1:-}
folder=${2:-target/debian}
if [ -z "$program" ]; then
    cargo build --locked --profile dist --no-default-features
    program=target/dist/fn-aws-guardduty
fi
name=fn-aws-guardduty
version=$("$program" --version | cut -d ' ' -f 2)
architecture=$(dpkg --print-architecture)
# The C library that the program was linked with; its symbols may be missing in older ones.
libc=$(dpkg-query --show --showformat '${Version}' libc6 | sed 's/-.*//')

root=$(mktemp -d)
chmod 0755 "$root"
trap 'rm -rf "$root"' EXIT
put() { # put MODE FILE PATH
    install -D -m "$1" "$2" "$root/$3"
}

put 0755 "$program" "usr/bin/$name"
put 0644 deploy/systemd/$name.service "usr/lib/systemd/system/$name.service"
put 0640 app.config.example "etc/$name/app.config"
chmod 0750 "$root/etc/$name"
doc=usr/share/doc/$name
for file in README.md CHANGELOG.md app.config.example docs/iam-policy.json export/export.res; do
    put 0644 "$file" "$doc/$(basename "$file")"
done
put 0644 LICENSE "$doc/copyright"

man=$root/usr/share/man/man1
mkdir -p "$man"
"$program" man --output "$man"
gzip -9n "$man"/*
completions() { # completions SHELL PATH
    mkdir -p "$(dirname "$root/$2")"
    "$program" completions "$1" >"$root/$2"
}
completions bash usr/share/bash-completion/completions/$name
completions zsh usr/share/zsh/vendor-completions/_$name
completions fish usr/share/fish/vendor_completions.d/$name.fish

mkdir "$root/DEBIAN"
echo "/etc/$name/app.config" >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    put 0755 "deploy/debian/$script" "DEBIAN/$script"
done
cat >"$root/DEBIAN/control" <<CONTROL
Package: $name
Version: $version
Architecture: $architecture
Maintainer: the $name authors <$name@localhost>
Section: admin
Priority: optional
Depends: libc6 (>= $libc), libgcc-s1, ca-certificates, passwd
Installed-Size: $(du -sk "$root" | cut -f 1)
Description: escalates AWS GuardDuty findings to IBM SOAR incidents
 Polls GuardDuty in every region that matches a pattern, escalates each finding
 to exactly one SOAR incident, and keeps both sides in step. It takes the place
 of IBM's Python app of the same name with the same app.config.
CONTROL

mkdir -p "$folder"
dpkg-deb --root-owner-group --build "$root" "$folder/${name}_${version}_$architecture.deb"
