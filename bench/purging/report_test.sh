#!/bin/bash
# Does bench/purge still make its report? The smallest parts, few runs: the tables have what was measured, and the plots are drawn.
#
# usage: report_test.sh BIN-FOLDER
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v jq >/dev/null || { echo "skipped: no jq (scripts/install_packages.sh bench)" && exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

expect() {
	"${@:2}" >/dev/null || { echo "FAILED: $1" && failed=1; }
}

# Nothing was left to be judged where everybody was killed: that row must not end the table.
mkdir "$folder/killed"
echo '{"series": [{"table": "survived", "series": "all of them", "at": "full speed", "samples": [0, 0]},
	{"table": "damaged", "series": "all of them", "at": "full speed", "samples": [0, 0]}]}' >"$folder/killed/survival-guest.json"
expect "a row of those who were killed" sh -c 'bash -c ". $0/report.sh; survival_table $1" | grep -q "^| all of them | 0 of 2 |"' \
	"$here" "$folder/killed"
rm -r "$folder/killed"

"$here/../purge" --quick --rounds 1 --bin "$1" --report "$folder" precision timeline >"$folder/said" 2>&1 ||
	{ cat "$folder/said" && exit 1; }
expect "the report names the kernel" grep -qF "kernel $(uname -r)" "$folder/report.md"
expect "the report has the precision table" grep -q "^| st_blocks | [0-9.]* | [0-9.]* |" "$folder/report.md"
expect "the report says what was verified" grep -q "verified: purge_precision: what is said to be intact is: 2 of 2" "$folder/report.md"
if [ -e "$folder/left-out-timeline-all" ]; then
	expect "what is left out is said" grep -q "left out: timeline-all" "$folder/report.md"
elif command -v gnuplot >/dev/null; then
	for plot in timeline precision; do
		expect "$plot.svg is drawn" grep -q "</svg>" "$folder/$plot.svg"
		expect "$plot.png is drawn" [ -s "$folder/$plot.png" ]
	done
	expect "the time line shows purges" [ -s "$folder/timeline-purges.dat" ]
fi
[ "$failed" -eq 0 ] || cat "$folder/report.md"
exit "$failed"
