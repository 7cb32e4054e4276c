# shellcheck shell=bash
# How a table names tests, for conformance.sh and errors.sh, which source this. An item is one of `conform A1`, `conform A34 to A38`,
# `SOURCE`, `SOURCE: SUITE/TEST`, `SOURCE: SUITE/*`; behind a source, more of its tests without its name. What stands in parentheses
# is for the reader.
#
# The caller has set: here, the folder of ashmem's tests; work, a folder for the complaints.

# A34 to A38 -> A34 A35 A36 A37 A38, a line each
expand() {
	local from=${1%% *} to=${1##* } n
	for ((n = ${from:1}; n <= ${to:1}; n++)); do
		echo "${from:0:1}$n"
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

# The items of a cell, a line each.
split_items() {
	sed -E 's/ *\([^)]*\)//g' <<<"$1" | tr ';' , | tr , '\n' | sed 's/^ *//; s/ *$//'
}
