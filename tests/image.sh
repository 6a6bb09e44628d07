#!/usr/bin/env bash
# The image, without an engine: lays out the files that deploy/Dockerfile describes and runs the program in them as a
# container platform does, by the Dockerfile's own user, environment and entry point: as process 1, with a root that
# cannot be written, against the sandbox.
#
# Needs root, to mount and to become another user.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
work=$(mktemp -d)
pids=()
cleanup() {
    # unshare leaves other signals to the process it started.
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

fail() {
    echo "$*" >&2
    [ ! -s "$work/worker.log" ] || tail -n 40 "$work/worker.log" >&2
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

[ "$(id -u)" = 0 ] || fail "tests/image.sh needs root"

# Without the demo, as the image is.
programs=$(bash "$here/programs.sh" --no-default-features)
cp "$programs/fn-aws-guardduty" "$work/program"

echo "the tree of the image"
tree=$work/tree
mkdir "$tree"
# What the base has: the C library and the certificates of the public authorities.
ldd "$work/program" | grep -o '/[^ ]*' | while read -r library; do
    case $library in
    */ld-linux-*.so.* | */libc.so.6 | */libm.so.6 | */libgcc_s.so.1) cp -L --parents "$library" "$tree" ;;
    *) fail "the base image has no $library" ;;
    esac
done
cp -L --parents /etc/ssl/certs/ca-certificates.crt "$tree"
mkdir "$tree/proc" "$tree/dev" "$tree/tmp"
echo 'hosts: files dns' >"$tree/etc/nsswitch.conf"
# What an engine adds.
echo '127.0.0.1 localhost' >"$tree/etc/hosts"
# What the Dockerfile adds. Its variables are IMAGE_USER, IMAGE_ENV, IMAGE_ENTRYPOINT and IMAGE_CMD.
eval "$(python3 "$here/dockerfile.py" "$root/deploy/Dockerfile")"
sh "$root/deploy/image_tree.sh" "$work/program" "$tree"

echo "the sandbox"
"$programs/sandbox" serve --findings 3 --import "$root/export/export.res" >"$work/sandbox.json" &
pids+=($!)
eventually "the sandbox tells how to connect" test -s "$work/sandbox.json"
mkdir "$work/etc" "$work/logs"
chown 1001:1001 "$work/logs"
endpoint=$(python3 "$here/sandbox_config.py" "$work/sandbox.json" "$work/etc" /etc/rescircuits)

# in_image ARGUMENT...: what the platform runs. The configuration is its volume, as are the logs.
in_image() {
    exec env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin "${IMAGE_ENV[@]}" "AWS_ENDPOINT_URL=$endpoint" \
        unshare --mount --pid --fork --kill-child sh -euc '
            work=$1 tree=$2 user=$3
            shift 3
            mount --bind "$tree" "$tree"
            mount -t proc proc "$tree/proc"
            mount --rbind /dev "$tree/dev"
            mount --bind "$work/etc" "$tree/etc/rescircuits"
            mount -o remount,bind,ro "$tree/etc/rescircuits"
            mount --bind "$work/logs" "$tree/var/log/rescircuits"
            mount -o remount,bind,ro "$tree"
            exec chroot --userspec="$user" --groups= "$tree" "$@"
        ' sh "$work" "$tree" "$IMAGE_USER" "$@"
}

# answers CODE TEXT ARGUMENT...: runs a command to its end.
answers() {
    local expected=$1 text=$2 code=0
    shift 2
    (in_image "$@") >"$work/output" 2>&1 || code=$?
    [ "$code" = "$expected" ] && grep -qF -- "$text" "$work/output" ||
        fail "$* ended with $code in place of $expected: $(cat "$work/output")"
}

echo "the commands that App Host calls"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
[ "$IMAGE_VERSION" = "$version" ] || fail "deploy/Dockerfile names version $IMAGE_VERSION, Cargo.toml $version"
answers 0 "$version" "${IMAGE_ENTRYPOINT[@]}" --version
answers 0 "fn-aws-guardduty==$version:" resilient-circuits list
answers 2 "unrecognized subcommand" resilient-circuits nonsense
answers 2 "unrecognized subcommand" fn-aws-guardduty demo

answers 0 "selftest: success" resilient-circuits selftest -l fn-aws-guardduty

echo "a configuration that cannot be used"
mv "$work/etc/app.config" "$work/app.config"
printf '[resilient]\nhost = soar.example.com\n' >"$work/etc/app.config"
answers 64 "[fn_aws_guardduty]" "${IMAGE_ENTRYPOINT[@]}" "${IMAGE_CMD[@]}"
mv "$work/app.config" "$work/etc/app.config"

echo "the worker"
in_image "${IMAGE_ENTRYPOINT[@]}" "${IMAGE_CMD[@]}" >"$work/worker.log" 2>&1 &
pids+=($!)
platform=$!
eventually "findings are read and the state is kept" test -s "$work/logs/fn_aws_guardduty.state.json"
worker=$(pgrep --parent "$platform")
grep -q '^Uid:\s*1001\s*1001\s*1001\s*1001$' "/proc/$worker/status" || fail "the worker does not run as 1001"
grep -q '^NSpid:.*\s1$' "/proc/$worker/status" || fail "the worker is not process 1"
grep -q ' / / ro\| / ro' "/proc/$worker/mountinfo" || fail "the worker's root can be written"
kill -TERM "$worker"
code=0
wait "$platform" || code=$?
pids=("${pids[0]}")
[ "$code" = 0 ] || fail "SIGTERM ended the worker with $code"
grep -q 'stopping on SIGTERM' "$work/worker.log" || fail "the worker was not told to stop"
echo "the image works"
