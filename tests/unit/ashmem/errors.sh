#!/bin/bash
# Every error that a public header names has its line in the table, and a test that meets it: one that is there, in a file that makes
# the call, and that has the error's name in its own text or in that of a function it uses.
#
#   errors.sh TABLE INCLUDE-FOLDER
set -euo pipefail
table=$1 include=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/unit/ashmem/named_tests.sh
. "$here/named_tests.sh"

# CALL ERROR, a line each: what the comment before a declaration says; `*` is the header's first comment.
listed_errors() {
	awk '
		/^\/\*/ { text = ""; inside = 1 }
		inside { text = text " " $0; if (/\*\//) inside = 0; next }
		/^#ifndef .*_H$/ { print "* " text }
		/^$|^#/ { text = "" }
		/^[a-z].*[ *][a-zA-Z_0-9]+\(/ {
			name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
			print name, text
		}' "$1" | while read -r name text; do
		tr -s ' \t*' ' ' <<<"$text" |
			grep -oE '[Ee]rrors of [A-Za-z]+_[a-z_0-9]+|[Ee]rrors as above|[Aa]s (for )?ashmem_[a-z_0-9]+|\bE[A-Z][A-Z0-9]+\b' |
			sed -E "s/^([Ee]rrors (of )?|[Aa]s (for )?)(as )?/of:/; s/^/$name /" || true
	done
}

# The text of a function and of those that it names, of its file and of support.c beside it.
text_of() {
	local files=("$2") support
	support=$(dirname "$2")/support.c
	[ ! -e "$support" ] || files+=("$support")
	awk -v start="$1" '
		/^[a-zA-Z].*\(/ && !/;$/ {
			name = $0
			if (!/^(Parameterized)?Test\(/) { sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
			found = found || $0 ~ start
			if ($0 ~ start) main = name
		}
		{ body[name] = body[name] "\n" $0 }
		END {
			print body[main]
			for (other in body)
				if (other != "" && index(body[main], other "("))
					print body[other]
		}' "${files[@]}"
}

# The text of the test that an item names. A conform clause may have several functions.
test_text() {
	local file function item=${1#*: }
	case $1 in
	'conform '*)
		for file in "$here"/conform_*.c; do
			for function in $(sed -nE "s/^\s*\{\"${1#conform }\", ([a-z_0-9]+)\},/\1/p" "$file"); do
				text_of "^static void $function[(]" "$file"
			done
		done
		;;
	*/*) text_of "^Test[(]${item%/*}, ${item#*/}[,)]" "$source" ;;
	*) cat "$source" ;;
	esac
}

# check_line CALL ERRORS TESTS
check_line() {
	local call=$1 error item
	: >"$work/texts"
	cat "$here"/conform_*.c >"$work/sources"
	while IFS= read -r item; do
		check_item "$item"
		test_text "$item" >>"$work/texts"
		[[ $item = conform* ]] || cat "$source" >>"$work/sources"
	done < <(split_items "$3")
	[ "$call" = '*' ] || grep -qw "$call" "$work/sources" || complain "$call: not called by its tests"
	for error in $2; do
		echo "$header $call $error" >>"$work/in_table"
		grep -qwE "${error/of:*/E[A-Z0-9]+}" "$work/texts" || complain "$call $error: not met by $3"
	done
}

while IFS= read -r line; do
	case $line in
	'#'* | '') ;;
	'<'*) header=${line//[<>]/} ;;
	*)
		named=${line%% | *}
		check_line "${named%% *}" "${named#* }" "${line#* | }"
		;;
	esac
done <"$table"
while IFS= read -r file; do
	listed_errors "$file" | sed "s|^|${file#"$include/"} |" >>"$work/in_headers"
done < <(find "$include"/{android,ashmem,cutils} -name '*.h')
diff <(sort -u "$work/in_headers") <(sort "$work/in_table") >"$work/diff" ||
	complain "not in the table (<), or not in the headers (>): $(<"$work/diff")"
[ ! -e "$work/complaints" ] || exit 1
echo "$(wc -l <"$work/in_table") errors of $(cut -d' ' -f1,2 "$work/in_table" | sort -u | wc -l) calls"
