#!/bin/bash
# What `mural doctor` says of huge pages for shared memory, on a machine that allows them, gives none, or forbids them. Only a
# privileged user can set that, and it is put back.
#
# usage: huge_pages.sh BIN-FOLDER
set -uo pipefail

mural=$1/mural
setting=/sys/kernel/mm/transparent_hugepage/shmem_enabled
if ! before=$(sed -n 's/.*\[\([a-z_]*\)\].*/\1/p' "$setting" 2>/dev/null) || ! { echo "$before" >"$setting"; } 2>/dev/null; then
	echo "skipped: $setting can not be set here"
	exit 77
fi
trap 'echo "$before" >"$setting"' EXIT
failed=0

# says SETTING PATTERN…: with that setting the finding has all of these.
says() {
	local said pattern
	echo "$1" >"$setting"
	said=$("$mural" doctor | sed -n '/^[a-z]* *huge-pages /{p;n;/->/p}')
	echo "$1: $said"
	for pattern in "${@:2}"; do
		grep -qE -- "$pattern" <<<"$said" || { echo "FAILED: it does not say $pattern" && failed=1; }
	done
}

numbers='take [0-9.]+ ms of processor time to fill here, instead of [0-9.]+ with small pages, and [0-9.]+ to give back, instead of [0-9.]+'
none='none was to be had just now' # a machine whose free memory is in pieces is no failure
says advise "^(ok|note) .*allowed for shared memory \(advise\)" "$numbers|$none"
says within_size "allowed for shared memory \(within_size\)"
says deny "^note .*not allowed for shared memory \(deny\)" "-> as root: echo advise > $setting" "only once they are allowed"
exit "$failed"
