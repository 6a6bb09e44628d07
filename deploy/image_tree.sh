#!/bin/sh
# Lays out the files that the image adds to its base: image_tree.sh PROGRAM FOLDER
#
# Names are those that App Host knows from the images of Python apps.
set -eu
program=$1
root=$2

install -D -m 0755 "$program" "$root/usr/bin/fn-aws-guardduty"
# App Host calls the program by the name of IBM's runner.
ln -s fn-aws-guardduty "$root/usr/bin/resilient-circuits"
# The platform lays app.config, and the administrator's files, into these.
install -d -m 0755 "$root/etc/rescircuits" "$root/var/rescircuits"
# The one folder that is written to: the log files and the state file. Open to whatever user the platform runs it as, since
# not every builder of images keeps an owner, and some platforms choose the user themselves.
install -d -m 1777 "$root/var/log/rescircuits"
printf 'root:x:0:0:root:/root:/sbin/nologin\nrescircuits:x:1001:1001::/var/log/rescircuits:/sbin/nologin\n' \
    >"$root/etc/passwd"
printf 'root:x:0:\nrescircuits:x:1001:\n' >"$root/etc/group"
