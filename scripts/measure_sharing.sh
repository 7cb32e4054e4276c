#!/bin/bash
# What a second viewer on the same pictures costs: opens one, then two, leafs through all pictures, and adds up what the kernel
# says of them (PSS: each page shared out among those who map it) and of the pool.
#
# usage: [SIZE=1920x1080] measure_sharing.sh BIN-FOLDER FILE|FOLDER...   e.g. measure_sharing.sh build/run/bin assets/pictures
set -euo pipefail

if [ $# -lt 2 ]; then
	echo "usage: measure_sharing.sh BIN-FOLDER FILE|FOLDER..." >&2
	exit 2
fi
bin=$(cd "$1" && pwd)
shift

place=$(mktemp -d)
export MURAL_SOCKET="$place/socket"
running=()
end() {
	for pid in "${running[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	rm -rf "$place"
}
trap end EXIT

# Through all pictures and back to the first, then still for a while.
pictures=$(find "$@" -type f \( -name '*.jpg' -o -name '*.jpeg' -o -name '*.png' -o -name '*.JPG' \) | wc -l)
keys=$(printf 'next,%.0s' $(seq "$pictures"))first,wait:600000

# The sum of PSS, KiB, of the named processes and all that they started.
pss() {
	local sum=0 pid one
	for pid in "$@"; do
		for one in "$pid" $(pgrep -P "$pid" || true); do
			sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$one/smaps_rollup" 2>/dev/null || echo 0)))
		done
	done
	echo "$sum"
}

# Waits until the pool's count of requests stands still: the viewers have leafed through.
settle() {
	local before=-1 now=0
	while [ "$now" -ne "$before" ] || [ "$now" -eq 0 ]; do
		before=$now
		sleep 2
		now=$("$bin/mural" stat --json | awk -F'[ ,:]+' '/"requests"/ { print $3 }')
	done
}

open_viewer() {
	"$bin/mural-viewer" --headless --size "${SIZE:-1920x1080}" --keys "$keys" -- "$@" >/dev/null &
	running+=($!)
	settle
}

report() {
	printf '%-12s PSS of viewers %7d KiB, of the producer %6d KiB; the pool holds %s KiB\n' "$1" \
		"$(pss "${running[@]:1}")" "$(pss "${running[0]}")" \
		"$("$bin/mural" stat --json | awk -F'[ ,:]+' '/"allocated_bytes"/ { print int($3 / 1024) }')"
}

"$bin/mural-producer" --socket "$MURAL_SOCKET" --idle-ms 3600000 &
running+=($!)
while [ ! -S "$MURAL_SOCKET" ]; do sleep 0.05; done

echo "$pictures pictures"
open_viewer "$@"
report "one viewer"
open_viewer "$@"
report "two viewers"
