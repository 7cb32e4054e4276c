#!/bin/bash
# What write makes of a report: a curve where places are numbers, bars where not, with axis, commit and kernel on them; goals judged;
# no p99 where there is none.
set -euo pipefail

for tool in jq gnuplot; do
	command -v "$tool" >/dev/null || {
		echo "skipped: no $tool"
		exit 77
	}
done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

jq -n '
	def values($p50): {p25: $p50, p50: $p50, p75: $p50, max: $p50, samples: [$p50]};
	{program: "p", quick: true, axes: {sizes: "size, MiB"},
	machine: {commit: "abc1234", kernel: "6.7.8-test", cores: 2, date: "2026-01-02T03:04Z"},
	series: ([("one", "other") as $series | (1, 4, 32) as $at | {table: "sizes", series: $series, at: $at, unit: "us"} + values($at)] +
		[{table: "names", series: "one", at: "here", unit: "ms"} + values(2)]),
	ratios: [({table: "sizes", name: "n", at: 32, better: "more", goal: 100} + values(99))],
	checks: [{what: "all is right", right: 1, wrong: 0, ok: true}], notes: []}' >"$work/p.json"
"$here/write" "$work" "$work/p.json"

want() {
	grep -qF "$2" "$work/$1" || {
		echo "$1: no '$2'"
		exit 1
	}
}
for plot in p-sizes p-names; do
	[ -s "$work/$plot.png" ]
	want "$plot.svg" "commit abc1234, Linux 6.7.8-test, 2 cores, 2026-01-02T03:04Z, quick"
	want report.md "($plot.svg)"
done
want p-sizes.svg "size, MiB"
want report.md '| sizes: one | 32 | 32 |  | 32 | us |'
want report.md '| sizes: n | 32 | **99** | 99 to 99 | at least 100: **no** |'
