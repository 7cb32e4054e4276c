#!/bin/bash
# Runs purge_guest on a kernel that has the ashmem driver, under QEMU without KVM, and prints its lines. The kernel is that of
# tests/kernel.
#
# usage: guest.sh BIN-FOLDER ROUNDS
# Exits 77 with a reason on stderr where that can not be done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$1
rounds=$2

skip() {
	echo "$*" >&2
	exit 77
}

[ -x "$bin/purge_guest" ] || skip "purge_guest is not built (nothing can be linked statically here)"
for tool in qemu-system-x86_64 busybox cpio gzip; do
	command -v "$tool" >/dev/null || skip "no $tool (scripts/install_packages.sh kernel)"
done
! grep -qaF /ld-linux "$(command -v busybox)" || skip "busybox is not linked statically (scripts/install_packages.sh kernel)"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/mural-kernel
mkdir -p "$cache"
reason=$("$here/../../tests/kernel/fetch.sh" "$cache" 2>&1) || skip "no kernel with the ashmem driver: ${reason##*$'\n'}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin"
cp "$here/guest_init" "$work/root/init"
chmod 755 "$work/root/init"
cp "$(command -v busybox)" "$work/root/bin/busybox"
cp "$bin/purge_guest" "$work/root/bin/"
cp -r "$cache/kernel/modules" "$work/root/modules"
echo "$rounds" >"$work/root/rounds"
(cd "$work/root" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1 >"$work/initrd"

timeout $((60 + rounds * 60)) qemu-system-x86_64 -accel tcg -m 512 -nographic -no-reboot -monitor none -nic none \
	-kernel "$cache/kernel/vmlinuz" -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1 no_timer_check" \
	-serial "file:$work/console" -serial "file:$work/output" </dev/null >"$work/qemu" 2>&1 || true
grep -qx '== ended 0' "$work/output" || {
	echo "the machine did not come to its end:" >&2
	tail -n 5 "$work/console" "$work/output" "$work/qemu" >&2
	exit 1
}
grep -v '^==' "$work/output"
