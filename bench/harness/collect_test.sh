#!/bin/bash
# What bench_collect makes of a driver's lines: goals, for any place and for one alone; axes; a p99 of a hundred samples, not of fewer;
# and a line that is none fails the run.
#
# usage: collect_test.sh BENCH_COLLECT
set -euo pipefail

command -v jq >/dev/null || {
	echo "skipped: no jq"
	exit 77
}
collect=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

line() {
	local IFS=$'\t'
	echo "$*"
}
expect() {
	local what=$1 filter=$2 wanted=$3 got
	got=$(jq -c "$filter" "$work/report.json")
	jq -ne "$got == $wanted" >/dev/null || {
		echo "$what: '$got', not '$wanted'"
		exit 1
	}
}

{
	for value in {1..100}; do
		line sample t hundred 1 ms "$value"
	done
	line sample t two 1 ms 5
	line sample t two 1 ms 6
	line axis t "size, MiB"
	for at in 1 32 100; do
		line ratio t any "$at" 2
		line ratio t one "$at" 2
		line ratio t none "$at" 2
	done
	line goal t one least 100 32
	line goal t any most 3
	line goal t any least 1 100
} | "$collect" --name driver --json "$work/report.json" >"$work/printed"
expect "a goal for any place" '[.ratios[] | select(.name == "any" and .at != 100) | .goal, .better]' '[3,"less",3,"less"]'
expect "but at one" '[.ratios[] | select(.name == "any" and .at == 100) | .goal, .better]' '[1,"more"]'
expect "a goal for one place alone" '[.ratios[] | select(.name == "one") | .goal]' '[null,100,null]'
expect "an axis" '.axes' '{"t": "size, MiB"}'
expect "p99" '[.series[] | .p50, (.p99 | if . then round else . end), .max]' '[50.5,99,100,5.5,null,6]'
expect "none" '[.ratios[] | select(.name == "none") | .goal]' '[null,null,null]'
[ "$(grep -c 'at least 100: NO' "$work/printed")" = 1 ]

for wrong in "goal	t	one	least" "goal	t	one	least	x" "goal	t	one	least	1	32	more" "gaol	t"; do
	echo "$wrong" | "$collect" --name driver >/dev/null && {
		echo "'$wrong' is taken"
		exit 1
	}
done
exit 0
