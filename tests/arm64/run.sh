#!/bin/bash
# Runs the tests of an arm64 build on an emulated arm64 machine: a kernel of Debian's under QEMU, and on its disk the root file system
# that was built against, with this tree and the build at the paths that they have here.
#
# usage: run.sh [--pages 4k|16k | --kernel IMAGE] [BUILD-FOLDER [CTEST-ARGUMENT...]]
#   --pages    which of Debian's kernels (default: 4k)
#   --kernel   one of your own, with virtio_mmio, virtio_blk and ext4 built in
#   CTEST-ARGUMENT...   in place of -L 'unit|process|stress|fuzz'
# Exits 77 with a reason where that can not be done, 1 when a test failed. What was said is in BUILD-FOLDER/tests/arm64/output.
set -euo pipefail

export PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(realpath "$here/../..")
pages=4k image=''

usage() {
	sed -n '/^# usage:/,/^# Exits/{ /^# Exits/!s/^# \{0,1\}//p }' "${BASH_SOURCE[0]}" >&2
	exit 2
}

while [[ ${1:-} == --* ]]; do
	[ $# -ge 2 ] || usage
	case $1 in
	--pages) pages=$2 ;;
	--kernel) image=$(realpath "$2") ;;
	*) usage ;;
	esac
	shift 2
done
case $pages in
4k) kernel=arm64 ;;
16k) kernel=arm64-16k ;;
*) usage ;;
esac
build=$(realpath "${1:-$source/build/arm64}")
shift $(($# > 0))
[ $# -gt 0 ] || set -- -L 'unit|process|stress|fuzz'

skip() {
	echo "skipped: $*"
	exit 77
}

for tool in qemu-system-aarch64 mke2fs cpio gzip; do
	command -v "$tool" >/dev/null || skip "no $tool (scripts/install_packages.sh arm64)"
done
[ -x "$build/bin/mural-producer" ] || skip "no build in $build (cmake --preset arm64 && cmake --build --preset arm64)"
root=$source/build/arm64-root
[ -e "$root/etc/mural-root" ] || skip "no root file system (tests/arm64/root.sh)"

said=$build/tests/arm64
mkdir -p "$said"
work=$(mktemp -d "$said/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Sets $image and $modules.
find_kernel() {
	mkdir -p "$work/none"
	: >"$work/none/order"
	modules=$work/none
	[ -z "$image" ] || return 0
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/mural-kernel-$kernel code=0 reason
	mkdir -p "$cache"
	reason=$("$source/tests/kernel/fetch.sh" "$cache" "$kernel" 2>&1) || code=$?
	[ "$code" -eq 0 ] || skip "no kernel: ${reason##*$'\n'}"
	image=$cache/kernel/vmlinuz
	modules=$cache/kernel/modules
}

make_initial() {
	mkdir -p "$work/initial/bin"
	cp "$root/usr/bin/busybox" "$work/initial/bin/"
	cp "$here/init" "$work/initial/"
	cp -r "$modules" "$work/initial/modules"
	(cd "$work/initial" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1 >"$work/initial.gz"
}

# The root's files are linked, not copied: same file system, seconds instead of a minute.
make_disk() {
	local tree=$work/disk$source
	cp -al "$root" "$work/disk"
	cp "$here/init" "$work/disk/mural-init"
	printf 'cd %q && ctest --output-on-failure %s\n' "$build" "$(printf '%q ' "$@")" >"$work/disk/mural-tests"
	mkdir -p "$tree"
	(cd "$source" && git ls-files -z | cpio -p0 -d --quiet "$tree")
	mkdir -p "$work/disk$build"
	tar -C "$build" -c --exclude '*.o' --exclude ./tests/arm64 . | tar -C "$work/disk$build" -x
	mke2fs -q -t ext4 -E root_owner=0:0 -d "$work/disk" "$work/disk.img" 4G
	rm -rf "$work/disk"
}

# An emulated processor signs pointers slowly where it does it as the architecture says.
boot() {
	qemu-system-aarch64 -accel tcg,thread=multi -M virt,gic-version=3 -cpu max,pauth-impdef=on -smp 2 -m 4096 \
		-nographic -no-reboot -monitor none -nic none -kernel "$image" -initrd "$work/initial.gz" \
		-append "console=ttyAMA0 quiet panic=-1" -drive "if=none,format=raw,id=disk,file=$work/disk.img" \
		-device virtio-blk-device,drive=disk </dev/null | tee "$said/output"
}

find_kernel
make_initial
make_disk "$@"
boot
grep -qxF '== end 0' "$said/output"
