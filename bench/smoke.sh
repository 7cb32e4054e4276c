#!/bin/bash
# Runs a benchmark and looks at its JSON.
#
# usage: smoke.sh JSON-CHECK COMMAND [ARGUMENT…]
set -uo pipefail

check=$1
shift
json=$(mktemp)
trap 'rm -f "$json"' EXIT
"$@" --quick --json "$json" || exit $?
exec "$check" "$json"
