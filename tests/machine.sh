#!/usr/bin/env bash
# A machine that boots systemd and forgets everything: machine.sh FOLDER
#
# It has this machine's files, processes of its own, and the network of this one. What it writes stays in memory, and
# nothing of it reaches this machine. FOLDER appears in it as /given; what is in /tmp and on other mounts does not.
#
# Needs root, and an overlay in the kernel. Runs until it is killed; its only child is the machine's systemd.
# `machine.sh FOLDER remove PID` then removes the empty control group that it leaves.
set -euo pipefail

# Prints the folder of a control group below that of this process, in a hierarchy that is mounted for it.
control_group() {
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/cgroup
    local mine
    if [ "$(stat --file-system --format %T /sys/fs/cgroup)" = cgroup2fs ]; then
        mount -t cgroup2 cgroup2 /mnt/cgroup
        mine=$(sed -n 's/^0:://p' /proc/self/cgroup)
    else
        mount -t cgroup -o none,name=systemd cgroup /mnt/cgroup
        mine=$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup)
    fi
    echo "/mnt/cgroup$mine/machine-$1"
}

case ${2:-start} in
start)
    exec unshare --mount bash "$0" "$1" join
    ;;
can)
    # Whether this machine lets one be made: machine.sh FOLDER can.
    exec unshare --mount bash "$0" "$1" try
    ;;
try)
    group=$(control_group $$)
    mkdir "$group"
    rmdir "$group"
    umount --recursive /mnt
    exec unshare --mount --pid --uts --ipc --cgroup --fork bash -ec '
        mount -t tmpfs tmpfs /mnt
        mkdir /mnt/files /mnt/work /mnt/root
        mount -t overlay -o lowerdir=/,upperdir=/mnt/files,workdir=/mnt/work overlay /mnt/root'
    ;;
join)
    # A control group of its own, so that its units are not taken for those of this machine.
    group=$(control_group $$)
    mkdir "$group"
    echo $$ >"$group/cgroup.procs"
    umount --recursive /mnt
    exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child bash "$0" "$1" boot
    ;;
remove)
    [ -n "${4:-}" ] || exec unshare --mount bash "$0" "$1" remove "$3" here
    group=$(control_group "$3")
    # The last of its processes may still be going.
    for _ in {1..100}; do
        [ -d "$group" ] || exit 0
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    exit 1
    ;;
boot)
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/files /mnt/work /mnt/root
    mount -t overlay -o lowerdir=/,upperdir=/mnt/files,workdir=/mnt/work overlay /mnt/root
    cd /mnt/root
    mount -t proc proc proc
    # The settings of the kernel are those of this machine.
    mount --bind -o ro proc/sys proc/sys
    mount -t sysfs -o ro sysfs sys
    if [ "$(stat --file-system --format %T /sys/fs/cgroup)" = cgroup2fs ]; then
        mount -t cgroup2 cgroup2 sys/fs/cgroup
    else
        mount -t tmpfs tmpfs sys/fs/cgroup
        mkdir sys/fs/cgroup/systemd
        mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
    fi
    mount -t tmpfs tmpfs run
    mount -t tmpfs tmpfs tmp
    mount -t tmpfs -o mode=0755 tmpfs dev
    mkdir dev/shm dev/pts run/lock given outside
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    for device in null zero full random urandom tty; do
        touch "dev/$device"
        mount --bind "/dev/$device" "dev/$device"
    done
    ln -s /proc/self/fd dev/fd
    # systemd and what it starts tell there what goes wrong, since no journal runs.
    ln -s /given/machine.log dev/kmsg
    mount --bind "$1" given
    # Nothing of this machine starts in that one, and a package is unpacked whole.
    rm -rf {etc,usr/lib}/systemd/{system/*.wants,system-generators} etc/dpkg/dpkg.cfg.d
    printf '[Unit]\nDescription=A machine with nothing to do\n' >etc/systemd/system/idle.target
    # Not chroot: in that, no user namespace can be made.
    pivot_root . outside
    umount --lazy /outside
    # As systemd does itself where it is in no container; credentials are mounted so.
    mount --make-rshared /
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other \
        /lib/systemd/systemd --system --unit=idle.target --log-target=kmsg --show-status=no </dev/null
    ;;
esac
