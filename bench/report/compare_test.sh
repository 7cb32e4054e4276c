#!/bin/bash
# What compare marks: a median that is worse by more than its noise, whichever way is better, and nothing else.
set -euo pipefail

command -v jq >/dev/null || {
	echo "skipped: no jq"
	exit 77
}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# report BETTER MEDIAN [P25 P75]
report() {
	cat <<-END >"$work/report.json"
		{"program": "p", "quick": true, "ratios":
			[{"table": "t", "name": "n", "at": "1", "better": "$1", "p25": ${3:-$2}, "p50": $2, "p75": ${4:-$2}}]}
	END
}
compare() { "$here/compare" "$@" "$work/ratios.json" "$work/report.json"; }
expect() {
	local what=$1 wanted=$2 got
	got=$(compare | tail -n +2 | cut -d ' ' -f 1)
	[ "$got" = "$wanted" ] || {
		echo "$what: '$got', not '$wanted'"
		exit 1
	}
}

for median in 1.00 1.01 0.99; do
	report less "$median"
	compare --store >"$work/first"
done
[ "$(jq -c '.[].values' "$work/ratios.json")" = "[1,1.01,0.99]" ]

report less 1.08
expect "within a tenth" ""
report less 1.2
expect "a fifth more" WORSE
report less 1.2 1.0 1.3
expect "a fifth more, of samples that differ by more" ""
report less 0.8
expect "a fifth less" better
for value in 2 3 4 5 6; do
	report less "$value"
	compare --store >"$work/more"
done
[ "$(jq -c '.[].values' "$work/ratios.json")" = "[2,3,4,5,6]" ] # the last five
report less 7
expect "of stored runs that differ by more" ""

rm "$work/ratios.json"
for median in 1 1.1; do
	report less "$median"
	compare --store >"$work/first"
done
report less 1.28
expect "two runs, whose range says little" ""
report less 1.35
expect "more than they let expect" WORSE

rm "$work/ratios.json"
report more 1
compare --store >"$work/first"
report more 0.8
expect "less of what is to be more" WORSE
report more 1.3
expect "more of it" better
