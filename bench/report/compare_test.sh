#!/bin/bash
# What compare marks: a median that is worse by more than its noise, whichever way is better, a goal that is missed, a ratio that is
# gone, and nothing else.
set -euo pipefail

command -v jq >/dev/null || {
	echo "skipped: no jq"
	exit 77
}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# report BETTER MEDIAN [P25 P75 [GOAL]]
report() {
	cat <<-END >"$work/report.json"
		{"program": "p", "quick": true, "machine": {"processor": "${processor:-a}", "cores": 2, "kernel": "6"}, "ratios":
			[{"table": "t", "name": "n", "at": "1", "better": "$1", "p25": ${3:-$2}, "p50": $2, "p75": ${4:-$2}, "goal": ${5:-null}}]}
	END
}
# stored VALUES: of that ratio.
stored() { echo "{\"quick: p: t: n @ 1\": {\"better\": \"less\", \"values\": $1}}" >"$work/ratios.json"; }
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
[ "$(jq -c '.[].values?' "$work/ratios.json")" = "[1,1.01,0.99]" ]

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
[ "$(jq -c '.[].values?' "$work/ratios.json")" = "[2,3,4,5,6]" ] # the last five
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

stored '[1.0, 1.02, 3, 0.98, 1.01]'
report less 1.3
expect "one stored run in bad luck is no noise" WORSE
stored '[7, 7.2, 1.1, 0.9, 1]'
report less 1.9
expect "nor are runs of another version" WORSE
stored '[7, 1.1, 7.2, 0.9, 1]'
report less 1.3
expect "they come before the others" ""
stored '[-0.05, -0.01, 0.01]'
report less 0.05
expect "what is about nothing" ""
report less 0.9
expect "more than nothing" WORSE

stored '[1]'
report less 1 1 1 0.9
expect "more than the goal" missed
report less 0.95 0.95 0.95 0.95
expect "a goal that is reached" ""
report more 1 1 1 0.9
expect "a goal to be surpassed" ""

report less 1
compare --store >"$work/first"
expect "the machine of the stored runs" ""
processor=b report less 1
expect "another" machine
compare --store >"$work/first"
expect "stored, too" ""

sed -i 's/"name": "n"/"name": "renamed"/' "$work/report.json"
expect "a ratio that the program no longer prints" gone
compare --store >"$work/first"
[ "$(jq -c 'keys' "$work/ratios.json")" = '["machine","quick: p: t: renamed @ 1"]' ]
expect "forgotten when the run is stored" ""
sed -i 's/"program": "p"/"program": "another"/' "$work/report.json"
expect "a program that did not run" ""
compare | grep -q '^1 ratios of a quick run, none of them stored before: this run compares with nothing'
sed -i 's/"quick": true/"quick": false/; s/"program": "another"/"program": "p"/; s/renamed/n/' "$work/report.json"
stored '[1]'
compare | grep -q '^1 ratios of a full run, none of them stored before: this run compares with nothing'
compare --store >"$work/first"
[ "$(jq -c 'keys' "$work/ratios.json")" = '["full: p: t: n @ 1","machine","quick: p: t: n @ 1"]' ] # a full run's, beside
