#!/bin/bash
# Runs the tests of memory pressure in control groups of other machines than this one:
#   v2      control groups of version 2, with memory.high, memory.max, memory.events and memory.pressure: Debian 12's kernel, and
#           groups_tests.sh
#   device  the ashmem driver, and groups of version 1: Debian 11's kernel, and device_groups_tests.sh
# The producer, libmural and the hog are the same programs that test_memory runs here.
#
# usage: run_groups.sh v2|device BUILD-FOLDER
# Exits 77 with a reason where that can not be done. Installs nothing; the kernel is kept in ${XDG_CACHE_HOME:-~/.cache}, and what was
# said in BUILD-FOLDER/tests/kernel/groups_v2 or groups_device.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
machine=${1:-}
case $#,$machine in
2,v2) kernel=cgroup2 tests=groups_tests.sh ;;
2,device) kernel='' tests=device_groups_tests.sh ;;
*)
	echo "usage: run_groups.sh v2|device BUILD-FOLDER" >&2
	exit 2
	;;
esac
build=$(realpath "$2")
guest_build=$build/tests/kernel/groups_$machine
# shellcheck source=tests/kernel/guest.sh
. "$here/guest.sh"

mapfile -t suites < <(sed -nE 's/^suite ([a-z_]+) .*/\1/p' "$here/$tests")
programs=("$build"/tests/kernel/guest/watch_groups "$build"/bin/{mural-producer,mural,test_memory})
failed=0

fail() {
	echo "FAILED: $*"
	failed=1
}

# test_memory finds the programs that it starts where they were built. The large picture that it wants is drawn here: an emulated
# processor needs most of a minute for that.
add_programs() {
	guest_add_program "${programs[@]}"
	mkdir -p "$guest_root$build"
	ln -s /bin "$guest_root$build/bin"
	guest_add_files pictures "$("$build/bin/make_assets" --large "$work/pictures" --megapixels 12 --kind jpeg)"
	cat >"$guest_root/bin/make_assets" <<-'END'
		#!/bin/sh
		# make_assets --large FOLDER ...
		cp /pictures/* "$2" && echo "$2"/*
	END
	chmod 755 "$guest_root/bin/make_assets"
}

boot() {
	guest_begin "$work" "$here/$tests"
	add_programs
	echo "booting $(<"$guest_cache/kernel/version")"
	guest_boot 240 || failed=1
}

# Every suite ended, and well; a test that skips itself there has not been run.
judge_suites() {
	local suite code
	for suite in "${suites[@]}"; do
		code=$(guest_code "$suite")
		echo "$suite: $(guest_output "$suite" | tail -n 1)"
		if [ "$code" != 0 ] || guest_output "$suite" | grep -v ': Test is disabled$' | grep -qF '[SKIP]'; then
			fail "$suite: exit code ${code:-missing}"
			guest_output "$suite"
		fi
	done
}

# What a person is told of that machine.
judge_machine() {
	local version=1
	[ "$machine" = device ] || version=2
	guest_output doctor | grep -qE "^(ok|note) +cgroup .*version $version" || {
		fail "mural doctor does not speak of control groups of version $version"
		guest_output doctor
	}
}

guest_need
for program in "${programs[@]}" "$build/bin/make_assets"; do
	[ -x "$program" ] || guest_skip "$program is not built"
done
mkdir -p "$guest_build"
work=$(mktemp -d "$guest_build/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
guest_fetch_kernel ${kernel:+"$kernel"}
boot
judge_suites
judge_machine
exit "$failed"
