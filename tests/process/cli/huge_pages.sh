#!/bin/bash
# What `mural doctor` says of huge pages for shared memory, on a machine that allows them, on which Mural makes them, that has
# none just now, or forbids them. Only a privileged user can set that, and it is put back.
#
# usage: huge_pages.sh BIN-FOLDER MADVISE-LIBRARY
set -uo pipefail

mural=$1/mural
madvise=$2
folder=/sys/kernel/mm/transparent_hugepage
all_sizes=$folder/shmem_enabled
this_size=$folder/hugepages-2048kB/shmem_enabled # not before Linux 6.12

chosen() {
	sed -n 's/.*\[\([a-z_]*\)\].*/\1/p' "$1" 2>/dev/null
}
if ! all_before=$(chosen "$all_sizes") || ! { echo "$all_before" >"$all_sizes"; } 2>/dev/null; then
	echo "skipped: $all_sizes can not be set here"
	exit 77
fi
size_before=$(chosen "$this_size")
trap 'echo "$all_before" >"$all_sizes"; [ ! "$size_before" ] || echo "$size_before" >"$this_size"' EXIT
[ ! "$size_before" ] || echo inherit >"$this_size"
failed=0

# says PATTERN…: the finding has all of these.
says() {
	local said pattern
	said=$("$mural" doctor | sed -n '/^[a-z]* *huge-pages /{p;n;/->/p}')
	echo "$said"
	for pattern; do
		grep -qE -- "$pattern" <<<"$said" || { echo "FAILED: it does not say $pattern" && failed=1; }
	done
}

# where_collapsing_fails ERRNO PATTERN…: the library's folder may have spaces, at which LD_PRELOAD is cut.
where_collapsing_fails() {
	LD_LIBRARY_PATH=${madvise%/*} LD_PRELOAD=${madvise##*/} COLLAPSE_ERRNO=$1 \
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 says "${@:2}"
}

numbers='take [0-9.]+ ms of processor time to fill here, instead of [0-9.]+ with small pages, and [0-9.]+ to give back, instead of [0-9.]+'
none='none was to be had just now.* take [0-9.]+ ms of processor time to fill, and [0-9.]+ to give back' # no failure
refused='take [0-9.]+ ms of processor time to fill here, and [0-9.]+ to give back; .* only once they are allowed'

echo advise >"$all_sizes"
says "^(ok|note) .*allowed for shared memory \(shmem_enabled: advise\)" "$numbers|$none"
echo within_size >"$all_sizes"
says "allowed for shared memory \(shmem_enabled: within_size\)" "$numbers|$none"

echo never >"$all_sizes"
if printf '%s\n' 6.1 "$(uname -r)" | sort -VC; then
	says "^(ok .*$numbers|note .*$none)" "made by Mural itself \(shmem_enabled: never\)"
fi
where_collapsing_fails 12 "^note .*made by Mural itself \(shmem_enabled: never\), but $none" # ENOMEM
where_collapsing_fails 22 "^note .*not allowed for shared memory \(shmem_enabled: never\)" "Linux 6.1 or later" "$refused" \
	"-> as root: echo advise > $all_sizes" # EINVAL: an older kernel

echo deny >"$all_sizes"
says "^note .*not allowed for shared memory \(shmem_enabled: deny\)" "Linux 6.1 or later and at least \"never\"" "$refused" \
	"-> as root: echo advise > $all_sizes"

if [ "$size_before" ]; then
	echo advise >"$all_sizes"
	echo never >"$this_size"
	says "^note .*not allowed for shared memory \(hugepages-2048kB/shmem_enabled: never\)" "at least \"inherit\"" "$refused" \
		"-> as root: echo advise > $this_size"
fi
exit "$failed"
