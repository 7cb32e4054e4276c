#!/bin/bash
# Every clause has its row in the table, and every test that a row names is there.
#
#   conformance.sh docs/ashmem-conformance.md
#
# The last column has, separated by ; and , these: `conform A1`, `conform A34 to A38`, `SOURCE`, `SOURCE: SUITE/TEST`, `SOURCE: SUITE/*`;
# behind a source, more of its tests without its name. What stands in parentheses is for the reader; a cell that begins with `none` says
# why there is no test. The N clauses are not ours to test.
set -euo pipefail
document=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A34 to A38 -> A34 A35 A36 A37 A38, a line each
expand() {
	local from=${1%% *} to=${1##* } n
	for ((n = ${from:1}; n <= ${to:1}; n++)); do
		echo "${from:0:1}$n"
	done
}

expand_list() {
	local part
	tr ',' '\n' <<<"$1" | sed 's/^ *//' | while IFS= read -r part; do
		expand "$part"
	done
}

complain() {
	echo "$*" | tee -a "$work/complaints"
}

check_clause() {
	local id
	for id in $(expand "$1"); do
		grep -qE "^\s*\{\"$id\", " "$here"/conform_*.c || complain "ashmem_conform has no clause $id"
	done
}

check_test() {
	local start="^(Parameterized)?Test\((.*, )?"
	grep -qE "$start$1, ${2/#\*/[a-z_0-9]+}[,)]" "$source" || complain "$(basename "$source") has no test $1/$2"
}

find_source() {
	source=$(find "$here/../.." -name "$1.c" -print -quit)
	[ -n "$source" ] || complain "there is no $1.c among the tests"
}

# One of the items of a last column.
check_item() {
	case $1 in
	'conform '*) check_clause "${1#conform }" ;;
	[A-Z][0-9]*) check_clause "$1" ;;
	*:\ */*)
		find_source "${1%%:*}"
		check_item "${1#*: }"
		;;
	*/*) check_test "${1%/*}" "${1#*/}" ;;
	*) find_source "$1" ;;
	esac
}

sed -nE 's/^\| ([A-Z][0-9]+[^|]*) \|.* \| ([^|]*) \|$/\1|\2/p' "$document" >"$work/rows"
while IFS='|' read -r ids named; do
	expand_list "$ids" >>"$work/found"
	[[ $ids != N* && $named != none* ]] || continue
	sed -E 's/ *\([^)]*\)//g' <<<"$named" | tr ';' , | tr , '\n' | sed 's/^ *//' >"$work/items"
	while IFS= read -r item; do
		check_item "$item"
	done <"$work/items"
done <"$work/rows"

for ids in 'A1 to A56' 'K1 to K10' 'N1 to N4' 'M1 to M8' 'S1 to S5' 'H1 to H2' D1 'P1 to P2'; do
	expand "$ids" >>"$work/wanted"
done
diff <(sort "$work/wanted") <(sort "$work/found") >"$work/diff" || complain "clauses missing (<) or there twice (>): $(<"$work/diff")"
[ ! -e "$work/complaints" ] || exit 1
echo "$(wc -l <"$work/found") clauses in $(wc -l <"$work/rows") rows"
