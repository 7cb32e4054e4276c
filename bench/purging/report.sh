# shellcheck shell=bash
# bench/purging/report.sh - what bench/purge measured, as tables and plots. Sourced by it.

# The samples of one table, one series and place a line: SERIES TAB AT TAB COUNT TAB SUM TAB P50 TAB MAX.
samples_of() {
	local folder=$1 table=$2
	shift 2
	jq -r --arg table "$table" '.series[] | select(.table == $table) |
		[.series, (.at | tostring), (.samples | length), (.samples | add), .p50, .max] | @tsv' "$@"
}

# who survived, by source and pattern: "20 of 20".
survival_table() {
	local folder=$1
	echo "| | full speed | 1 MiB/ms | page cache | part | first need to freed, ms: p50, max | freed beyond need, MiB: max | damaged, bytes |"
	echo "|---|---|---|---|---|---|---|---|"
	jq -rs '
		[.[].series[]] as $all |
		def cell($s; $t; $at): [$all[] | select(.series == $s and .table == $t and (.at | tostring) == $at)] | first;
		def every($s; $t): [$all[] | select(.series == $s and .table == $t) | .samples[]];
		def survived($s; $at): cell($s; "survived"; $at) as $c |
			if $c then "\($c.samples | add) of \($c.samples | length)" else "" end;
		def r: . * 10 | round / 10;
		def quantile($q): sort | .[((length - 1) * $q) | round];
		def reaction($s): every($s; "from first need to freed") |
			if length > 0 then "\(quantile(0.5) | r), \(max | r)" else "" end;
		[$all[] | select(.table == "survived") | .series] | reduce .[] as $x ([]; if index($x) then . else . + [$x] end) | .[] |
		"| \(.) | \(survived(.; "full speed")) | \(survived(.; "1 MiB/ms")) | \(survived(.; "page cache")) | \(survived(.; "part"))" +
		" | \(reaction(.)) | \(every(.; "freed beyond need") | max | if . == null then "" else r end) | \(every(.; "damaged") | add) |"
	' "$folder"/survival-{all,beside,meminfo,cgroup,thresholds,pressure-level,psi,none,swap,guest}.json 2>/dev/null
}

who_died_table() {
	local folder=$1
	echo "| | hog killed | producer killed | decoders killed | runs |"
	echo "|---|---|---|---|---|"
	jq -rs '
		[.[].series[]] as $all |
		def every($s; $t): [$all[] | select(.series == $s and .table == $t) | .samples[]];
		[$all[] | select(.table == "survived") | .series] | reduce .[] as $x ([]; if index($x) then . else . + [$x] end) | .[] |
		"| \(.) | \(every(.; "hog killed") | add) | \(every(.; "producer killed") | add) | \(every(.; "decoders killed") | add // "") | \(every(.; "survived") | length) |"
	' "$folder"/survival-{all,beside,meminfo,cgroup,thresholds,pressure-level,psi,none,swap,guest}.json 2>/dev/null
}

# Medians of one table: a row a series, a column a place.
median_table() {
	local json=$1 table=$2
	jq -r --arg table "$table" '
		[.series[] | select(.table == $table)] as $all |
		def unique_in_order: reduce .[] as $x ([]; if index([$x]) then . else . + [$x] end);
		($all | map(.at | tostring) | unique_in_order) as $places |
		"| \($all[0].unit) | \($places | join(" | ")) |",
		"|---|\($places | map("---") | join("|"))|",
		($all | map(.series) | unique_in_order | .[]) as $s |
		"| \($s) | \([$places[] as $p | [$all[] | select(.series == $s and (.at | tostring) == $p) | .p50 * 100 | round / 100] | first // "" | tostring] | join(" | ")) |"
	' "$json"
}

ratio_table() {
	local json=$1
	jq -r '.ratios[] | "| \(.table) | \(.name) | \(.at) | \(.p50 * 1000 | round / 1000) | \(.goal // "") |"' "$json" |
		{ echo "| | ratio of pairs | at | median | goal |" && echo "|---|---|---|---|---|" && cat; }
}

tables_of_file() {
	local json=$1 title=$2 table
	[ -e "$json" ] || return 0
	echo && echo "## $title" && echo
	jq -r '[.series[].table] | reduce .[] as $x ([]; if index($x) then . else . + [$x] end) | .[]' "$json" | while read -r table; do
		echo "$table" && echo && median_table "$json" "$table" && echo
	done
	[ "$(jq '.ratios | length' "$json")" -eq 0 ] || ratio_table "$json"
}

text_of_report() {
	local folder=$1 first
	first=$(find "$folder" -name "*.json" | sort | head -n 1)
	echo "# How purging behaves"
	echo
	[ -z "$first" ] || jq -r '.machine | to_entries | map("\(.key) \(.value)") | join(", ")' "$first"
	cat "$folder"/left-out-* 2>/dev/null
	if compgen -G "$folder/survival-*.json" >/dev/null; then
		echo && echo "## Survived" && echo && survival_table "$folder"
		echo && echo "## Who was killed" && echo && who_died_table "$folder"
	fi
	tables_of_file "$folder/precision.json" "Precision"
	tables_of_file "$folder/speed.json" "Speed"
	tables_of_file "$folder/repin.json" "Pin again"
	tables_of_file "$folder/walk.json" "Walks"
	echo
	jq -r '.program as $p | .checks[] | "verified: \($p): \(.what): \(.right) of \(.right + .wrong)"' "$folder"/*.json | sort |
		awk -F': ' '{ split($4, n, " of "); key = $2 ": " $3; right[key] += n[1]; all[key] += n[2] }
			END { for (key in all) print "- verified: " key ": " right[key] " of " all[key] }' | sort
}

# Where the pool became smaller: MS, MiB before, MiB after.
purges_of() {
	awk '/^#/ { next } seen && $3 < last - 0.9 { print $1, last, $3 } { last = $3; seen = 1 }' "$1"
}

plots_of_report() {
	local folder=$1 kind
	if ! command -v gnuplot >/dev/null; then
		echo "left out: plots: no gnuplot (scripts/install_packages.sh bench)" | tee "$folder/left-out-plots"
		return
	fi
	rm -f "$folder/left-out-plots"
	if [ -s "$folder/timeline-all.dat" ] && [ -s "$folder/timeline-none.dat" ]; then
		purges_of "$folder/timeline-all.dat" >"$folder/timeline-purges.dat"
		for kind in svg png; do
			gnuplot -c "$parts_folder/plots/timeline.gp" "$folder" "$kind"
		done
	fi
	if [ -e "$folder/speed.json" ]; then
		samples_of "$folder" "purge, 4 KiB pages" "$folder/speed.json" >"$folder/speed-small.dat"
		samples_of "$folder" "purge, huge pages" "$folder/speed.json" >"$folder/speed-huge.dat"
		[ ! -s "$folder/speed-huge.dat" ] || for kind in svg png; do
			gnuplot -c "$parts_folder/plots/speed.gp" "$folder" "$kind"
		done
	fi
	if [ -e "$folder/precision.json" ]; then
		samples_of "$folder" "how much goes" "$folder/precision.json" >"$folder/precision.dat"
		[ ! -e "$folder/survival-guest.json" ] ||
			samples_of "$folder" "how much goes" "$folder/survival-guest.json" >>"$folder/precision.dat"
		for kind in svg png; do
			gnuplot -c "$parts_folder/plots/precision.gp" "$folder" "$kind"
		done
	fi
}

make_report() {
	if ! command -v jq >/dev/null; then
		echo "left out: tables and plots: no jq (scripts/install_packages.sh bench)" | tee "$1/report.md"
		return
	fi
	plots_of_report "$1"
	text_of_report "$1" >"$1/report.md"
}
