#!/bin/bash
# Runs ashmem's tests, the producer, and the pipeline, on the real driver: boots a kernel that has it (guest.sh), runs what tests.sh lists, and holds
# the conformance program's lines and the pictures' checksums against those that the memfd driver gives here. The lines may differ in
# what the file `differences` lists, and have to.
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
build=$(realpath "$1")
guest_build=$build/tests/kernel
# shellcheck source=tests/kernel/guest.sh
. "$here/guest.sh"

mapfile -t suites < <(sed -nE 's/^suite ([a-z_]+) .*/\1/p' "$here/tests.sh")
[ -z "$cost" ] || suites+=(cost)
static=("$guest_build"/guest/{ashmem_conform,ashmem_model,ashmem_cost,ashmem_no_memory,pool_device,one_process,many_processes})
dynamic=("$build"/bin/{mural-producer,mural,pipeline,device_producer,test_memory_dealer,test_heap_dealer,test_memory_file,test_memory_heap,test_shared_memory}
	"$build"/bin/memory_service_{server,client})
# A JPEG that stays pinned; JPEGs and a PNG that come and go.
pictures=("$here"/../../assets/pictures/{dunes-restart-420,mountains-420,sea-progressive-420}.jpg
	"$here"/../../assets/pictures/{planet-rgba8,spheres-rgb8}.png)
failed=0

fail() {
	echo "FAILED: $*"
	failed=1
}

need_programs() {
	local program
	for program in "${static[@]}" "${dynamic[@]}"; do
		[ -x "$program" ] || guest_skip "$program is not built"
	done
}

boot() {
	guest_begin "$work" "$here/tests.sh"
	guest_add_program "${static[@]}" "${dynamic[@]}"
	guest_add_files pictures "${pictures[@]}"
	[ -z "$cost" ] || touch "$guest_root/cost"
	echo "booting $(<"$guest_cache/kernel/version")"
	guest_boot "$((cost ? 900 : 200))" || failed=1
}

# Every suite ended, and well.
judge_suites() {
	local suite code
	for suite in "${suites[@]}"; do
		code=$(guest_code "$suite")
		echo "$suite: $(guest_output "$suite" | tail -n 1)"
		[ "$code" = 0 ] || {
			fail "$suite: exit code ${code:-missing}"
			guest_output "$suite" | grep -v '^[AK][0-9]* *ok ' || true
		}
	done
}

# What the machine offers, as `mural doctor` sees it: the pipeline's decoders are shut in, though by seccomp alone.
judge_machine() {
	local line
	for line in 'ok +ashmem +/dev/ashmem is there' 'ok +seccomp +decoders are shut in' 'note +landlock +Landlock is not in this kernel'; do
		guest_output doctor | grep -qE "^$line" || fail "mural doctor does not say: $line"
	done
}

# The lines in which the drivers differ, each with its driver's name; the last line, which counts, is no clause's.
judge_answers() {
	local status=0
	ASHMEM_DRIVER=memfd "$guest_build/guest/ashmem_conform" >"$work/memfd" || fail "ashmem_conform on the memfd driver, here"
	guest_output conform >"$work/device"
	sed -i '/^[AK][0-9]/!d' "$work/memfd" "$work/device"
	diff --unchanged-line-format= --old-line-format='memfd  %L' --new-line-format='device %L' \
		"$work/memfd" "$work/device" >"$work/differences" || status=$?
	[ "$status" -le 1 ] || fail "diff ended with $status"
	sed '/^#/d' "$here/differences" >"$work/listed"
	diff -u --label listed --label found "$work/listed" "$work/differences" ||
		fail "the drivers do not differ as tests/kernel/differences lists"
	echo "answers: $(wc -l <"$work/device") on the device; $(grep -c '^device' "$work/differences") are not the memfd's"
}

# The same pictures have the same pixels there, before and after the purge, and here.
judge_pixels() {
	"$build/bin/pipeline" "$build/bin/mural-producer" memfd "$work/socket" "${pictures[@]}" | sort >"$work/here" ||
		fail "the pipeline on the memfd driver, here"
	guest_output pipeline | grep -E '^[^ ]+\.(jpg|png) +[0-9a-f]{16}$' | sort >"$work/there" || true
	diff -u --label here --label there "$work/here" "$work/there" || fail "pixels on the device are not those of the memfd"
	echo "pixels: $(wc -l <"$work/there") pictures are the same on the device and on the memfd"
}

guest_need
need_programs
mkdir -p "$guest_build"
work=$(mktemp -d "$guest_build/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
guest_fetch_kernel
boot
judge_suites
judge_machine
judge_answers
judge_pixels
[ -z "$cost" ] || guest_output cost
exit "$failed"
