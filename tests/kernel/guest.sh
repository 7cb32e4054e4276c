# shellcheck shell=bash
# A machine to run programs in, without root and without KVM: a kernel of Debian's under QEMU, with an initial file system made here.
# To be sourced. In this order: guest_need, guest_fetch_kernel, guest_begin, guest_add... as often as wanted, guest_boot, then
# guest_output and guest_code for what each suite of the tests file said. CONTRIBUTING.md shows how a program is added.
#
# The caller has set:
#   guest_build  a folder that exists; keeps `console` (the kernel's words), `output` (the suites'), `qemu`
# These functions set:
#   guest_cache  where the kernel is kept: ${XDG_CACHE_HOME:-~/.cache}/mural-kernel, or mural-kernel-KERNEL
#   guest_root   the initial file system, while it is put together

guest_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

guest_skip() {
	echo "skipped: $*"
	exit 77
}

guest_is_static() {
	[ -x "$1" ] && ! grep -qaF /ld-linux "$1"
}

# Skips where the tools are missing.
guest_need() {
	local tool
	for tool in qemu-system-x86_64 busybox cpio gzip; do
		command -v "$tool" >/dev/null || guest_skip "no $tool (scripts/install_packages.sh kernel)"
	done
	guest_is_static "$(command -v busybox)" || guest_skip "busybox is not linked statically (scripts/install_packages.sh kernel)"
}

# guest_fetch_kernel [KERNEL]: a kernel of fetch.sh's, the one with the ashmem driver unless another is named; skips where it can not
# be had.
guest_fetch_kernel() {
	local reason code=0 name=mural-kernel${1:+-$1}
	guest_cache=${XDG_CACHE_HOME:-${HOME:-$guest_build}/.cache}/$name
	mkdir -p "$guest_cache" 2>/dev/null || guest_cache=$guest_build/$name
	reason=$("$guest_folder/fetch.sh" "$guest_cache" ${1:+"$1"} 2>&1) || code=$?
	[ "$code" -ne 77 ] || guest_skip "${reason##*$'\n'}"
	[ "$code" -eq 0 ] || guest_skip "the kernel can not be unpacked: ${reason##*$'\n'}"
}

# guest_begin WORK-FOLDER TESTS: an initial file system with busybox, the kernel's modules, and TESTS (shell, sourced by init).
guest_begin() {
	guest_root=$1/root
	mkdir -p "$guest_root/bin"
	cp "$guest_folder/init" "$guest_root/init"
	chmod 755 "$guest_root/init"
	cp "$(command -v busybox)" "$guest_root/bin/busybox"
	cp -r "$guest_cache/kernel/modules" "$guest_root/modules"
	cp "$2" "$guest_root/tests"
}

# guest_add_program PROGRAM...: into /bin, with the shared libraries that each needs.
guest_add_program() {
	local program library
	for program in "$@"; do
		cp "$program" "$guest_root/bin/"
		guest_is_static "$program" ||
			ldd "$program" | grep -oE '/[^ ()]+ \(0x' | sed 's/ (0x$//' | while IFS= read -r library; do
				mkdir -p "$guest_root$(dirname "$library")"
				cp -L "$library" "$guest_root$library"
			done
	done
}

# guest_add_files FOLDER FILE...: into /FOLDER.
guest_add_files() {
	local folder=$1
	shift
	mkdir -p "$guest_root/$folder"
	cp "$@" "$guest_root/$folder/"
}

# guest_boot SECONDS: boots it, and comes back when it has powered itself off. 1, with the reason on stdout, when it did not come
# to its end within that time. The kernel speaks on the first serial port, the suites on the second.
guest_boot() {
	local code=0
	(cd "$guest_root" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1 >"$guest_root.gz"
	# Emulated on a busy machine the timer can miss the kernel's check of it, and the kernel panics: no_timer_check.
	timeout "$1" qemu-system-x86_64 -accel tcg -m 512 -nographic -no-reboot -monitor none -nic none \
		-kernel "$guest_cache/kernel/vmlinuz" -initrd "$guest_root.gz" -append "console=ttyS0 quiet panic=-1 no_timer_check" \
		-serial "file:$guest_build/console" -serial "file:$guest_build/output" </dev/null >"$guest_build/qemu" 2>&1 ||
		code=$?
	if [ "$code" -ne 0 ]; then
		echo "qemu ended with $code, within $1 s: $(tail -n 1 "$guest_build/qemu")"
	elif ! grep -qxF "== done" "$guest_build/output"; then
		echo "the machine did not come to its end"
	else
		return 0
	fi
	tail -n 5 "$guest_build/console" "$guest_build/output"
	return 1
}

# guest_output SUITE: what it printed.
guest_output() {
	sed -n "/^== begin $1\$/,/^== end $1 /{ /^== /!p }" "$guest_build/output"
}

# guest_code SUITE: its exit code; nothing when it did not end.
guest_code() {
	sed -n "s/^== end $1 //p" "$guest_build/output"
}
