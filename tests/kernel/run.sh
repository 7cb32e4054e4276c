#!/bin/bash
# Runs ashmem's tests on the real driver: boots a kernel that has it under QEMU, without KVM, runs the static programs of
# BUILD-FOLDER there, and holds the conformance program's lines against those that the memfd driver gives here; they may differ
# in what the file `differences` lists, and have to.
#
# usage: run.sh [--cost] BUILD-FOLDER
#   --cost  measures ashmem_cost there too, and prints it (minutes)
# Exits 77 with a reason where that can not be done. Installs nothing; the kernel is kept in
# ${XDG_CACHE_HOME:-~/.cache}/mural-kernel, and what was said in BUILD-FOLDER/tests/kernel.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cost=
if [ "${1:-}" = --cost ]; then
	cost=1
	shift
fi
if [ $# -ne 1 ]; then
	echo "usage: run.sh [--cost] BUILD-FOLDER" >&2
	exit 2
fi
build=$(realpath "$1")/tests/kernel
guest=$build/guest
boot_seconds=$((cost ? 900 : 150))
suites=(conform conform_memfd model model_processes pool one_process many_processes ${cost:+cost})
programs=(ashmem_conform ashmem_model ashmem_cost pool_device one_process many_processes)
failed=0

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "FAILED: $*"
	failed=1
}

is_static() {
	[ -x "$1" ] && ! grep -qaF /ld-linux "$1"
}

need() {
	local tool program
	for tool in qemu-system-x86_64 busybox cpio gzip; do
		command -v "$tool" >/dev/null || skip "no $tool (scripts/install_packages.sh kernel)"
	done
	is_static "$(command -v busybox)" || skip "busybox is not linked statically (scripts/install_packages.sh kernel)"
	for program in "${programs[@]}"; do
		[ -x "$guest/$program" ] || skip "$guest/$program is not built"
	done
}

fetch_kernel() {
	local reason code=0
	cache=${XDG_CACHE_HOME:-${HOME:-$build}/.cache}/mural-kernel
	mkdir -p "$cache" 2>/dev/null || cache=$build/cache
	reason=$("$here/fetch.sh" "$cache" 2>&1) || code=$?
	[ "$code" -ne 77 ] || skip "${reason##*$'\n'}"
	[ "$code" -eq 0 ] || skip "the kernel can not be unpacked: ${reason##*$'\n'}"
}

# Puts the programs and what starts them into an initial file system.
make_initrd() {
	local root=$work/root
	mkdir -p "$root/bin"
	cp "$here/init" "$root/init"
	chmod 755 "$root/init"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp -r "$cache/kernel/modules" "$root/modules"
	for program in "${programs[@]}"; do
		cp "$guest/$program" "$root/bin/"
	done
	[ -z "$cost" ] || touch "$root/cost"
	(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1 >"$work/initrd"
}

# The kernel speaks on the first serial port, the tests on the second.
boot() {
	echo "booting $(<"$cache/kernel/version")"
	timeout "$boot_seconds" qemu-system-x86_64 -accel tcg -m 512 -nographic -no-reboot -monitor none -nic none \
		-kernel "$cache/kernel/vmlinuz" -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1" \
		-serial "file:$build/console" -serial "file:$build/output" </dev/null >"$build/qemu" 2>&1 ||
		fail "qemu ended with $?, within $boot_seconds s: $(tail -n 1 "$build/qemu")"
	grep -qxF "== done" "$build/output" || {
		fail "the machine did not come to its end; its console and output:"
		tail -n 5 "$build/console" "$build/output"
	}
}

# What one suite printed.
output_of() {
	sed -n "/^== begin $1\$/,/^== end $1 /{ /^== /!p }" "$build/output"
}

# Every suite ended, and well.
judge_suites() {
	local suite code
	for suite in "${suites[@]}"; do
		code=$(sed -n "s/^== end $suite //p" "$build/output")
		echo "$suite: $(output_of "$suite" | tail -n 1)"
		[ "$code" = 0 ] || {
			fail "$suite: exit code ${code:-missing}"
			output_of "$suite" | grep -v '^[AK][0-9]* *ok ' || true
		}
	done
}

# The lines in which the drivers differ, each with its driver's name; the last line, which counts, is no clause's.
judge_answers() {
	local status=0
	ASHMEM_DRIVER=memfd "$guest/ashmem_conform" >"$work/memfd" || fail "ashmem_conform on the memfd driver, here"
	output_of conform >"$work/device"
	sed -i '/^[AK][0-9]/!d' "$work/memfd" "$work/device"
	diff --unchanged-line-format= --old-line-format='memfd  %L' --new-line-format='device %L' \
		"$work/memfd" "$work/device" >"$work/differences" || status=$?
	[ "$status" -le 1 ] || fail "diff ended with $status"
	sed '/^#/d' "$here/differences" >"$work/listed"
	diff -u --label listed --label found "$work/listed" "$work/differences" ||
		fail "the drivers do not differ as tests/kernel/differences lists"
	echo "answers: $(wc -l <"$work/device") on the device; $(grep -c '^device' "$work/differences") are not the memfd's"
}

need
mkdir -p "$build"
work=$(mktemp -d "$build/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
fetch_kernel
make_initrd
boot
judge_suites
judge_answers
[ -z "$cost" ] || output_of cost
exit "$failed"
