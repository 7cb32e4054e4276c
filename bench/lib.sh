# shellcheck shell=bash
# bench/lib.sh - for drivers that run whole programs. Sourced by them, with the build folder's bin as $bench_bin.
#
#   #!/bin/bash
#   . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
#   bench_begin viewer "$@"                         # --quick, --json FILE, --rounds N, --bin FOLDER; the rest into "${bench_args[@]}"
#   bench_sample first "mural-viewer" "24 MP" ms 61.2
#   bench_pair   first "mural-viewer" 61.2 "feh" 280.1 "24 MP"      # both samples, and their ratio
#   bench_end                                       # prints, writes the JSON; its status is the driver's
#
# What is measured goes to bench_collect, which knows medians, machine and JSON.
set -uo pipefail

bench_source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

bench_begin() {
	bench_name=$1
	bench_quick='' bench_json='' bench_rounds='' bench_args=()
	bench_bin=${BENCH_BIN:-$bench_source/build/release/bin}
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--quick) bench_quick=1 ;;
		--json) bench_json=${2:?} && shift ;;
		--json=*) bench_json=${1#*=} ;;
		--rounds) bench_rounds=${2:?} && shift ;;
		--rounds=*) bench_rounds=${1#*=} ;;
		--bin) bench_bin=${2:?} && shift ;;
		--bin=*) bench_bin=${1#*=} ;;
		*) bench_args+=("$1") ;;
		esac
		shift
	done
	bench_bin=$(realpath "$bench_bin")
	if [ ! -x "$bench_bin/bench_collect" ]; then
		echo "$bench_name: nothing built in $bench_bin (--bin, or: cmake --workflow --preset release)" >&2
		exit 2
	fi
	bench_pictures=${BENCH_PICTURES:-${bench_bin%/bin}/bench-pictures}
	bench_place=$(mktemp -d)
	bench_lines=$bench_place/lines
	: >"$bench_lines"
	# A producer of this build that nobody else uses.
	export MURAL_SOCKET=$bench_place/socket XDG_RUNTIME_DIR=$bench_place MURAL_PRODUCER=$bench_bin/mural-producer
	bench_started=()
	trap bench_clean EXIT
}

# Ends what bench_start started, and whoever listens in the folder.
bench_clean() {
	local pid
	for pid in "${bench_started[@]}" $(bench_producer_pid); do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$bench_place"
}

# The producer of this run's folder, by what it says of itself; nothing: none runs.
bench_producer_pid() {
	"$bench_bin/mural" stat --json 2>/dev/null | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'
}

# bench_start COMMAND…: in the background, ended with the driver; its process id is $!.
bench_start() {
	"$@" &
	bench_started+=($!)
}

# How many rounds: --rounds, else FULL, or QUICK with --quick.
bench_rounds() { echo "${bench_rounds:-$([ -n "$bench_quick" ] && echo "$2" || echo "$1")}"; }

# bench_picture MEGAPIXELS KIND: its path, made when it is not there.
bench_picture() {
	local path suffix=jpg made
	[ "$2" = png ] && suffix=png
	path=$bench_pictures/$2-${1}mp.$suffix
	if [ ! -e "$path" ]; then
		mkdir -p "$bench_pictures"
		made=$("$bench_bin/make_assets" --large "$bench_place/making" --megapixels "$1" --kind "$2") || return 1
		mv "$made" "$path"
	fi
	echo "$path"
}

bench_line() {
	local IFS=$'\t'
	echo "$*" >>"$bench_lines"
}

bench_sample() { bench_line sample "$1" "$2" "$3" "$4" "$5"; }
bench_ratio() { bench_line ratio "$1" "$2" "$3" "$4"; }
bench_goal() { bench_line goal "$@"; } # TABLE NAME most|least VALUE [AT]
bench_axis() { bench_line axis "$1" "$2"; }            # TABLE LABEL
bench_check() { bench_line check "$1" "$2"; }         # WHAT ok|failed
bench_note() { bench_line note "$1"; }

# bench_pair TABLE SERIES VALUE BASELINE VALUE AT [UNIT]
bench_pair() {
	bench_sample "$1" "$2" "$6" "${7:-ms}" "$3"
	bench_sample "$1" "$4" "$6" "${7:-ms}" "$5"
	bench_ratio "$1" "$2 / $4" "$6" "$(awk -v a="$3" -v b="$5" 'BEGIN { print b > 0 ? a / b : 0 }')"
}

# The driver cannot run here.
bench_skip() {
	echo "$bench_name: skipped: $*"
	exit 77
}

bench_end() {
	"$bench_bin/bench_collect" --name "$bench_name" ${bench_quick:+--quick} ${bench_json:+--json "$bench_json"} <"$bench_lines"
}
