#!/bin/bash
# Every clause has its row in the table, and every test that a row names is there.
#
#   conformance.sh docs/ashmem-conformance.md
#
# The last column has items as in named_tests.sh, separated by ; and , or says behind `none` why there is no test. The N clauses are not
# ours to test.
set -euo pipefail
document=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/unit/ashmem/named_tests.sh
. "$here/named_tests.sh"

expand_list() {
	local part
	tr ',' '\n' <<<"$1" | sed 's/^ *//' | while IFS= read -r part; do
		expand "$part"
	done
}

sed -nE 's/^\| ([A-Z][0-9]+[^|]*) \|.* \| ([^|]*) \|$/\1|\2/p' "$document" >"$work/rows"
while IFS='|' read -r ids named; do
	expand_list "$ids" >>"$work/found"
	[[ $ids != N* && $named != none* ]] || continue
	split_items "$named" >"$work/items"
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
