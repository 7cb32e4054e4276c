#!/bin/sh
# A build without the viewer installs nothing of it: no man page, no completions, no entry for the desktop.
#
#   without_viewer.sh SOURCE-FOLDER CMAKE-GENERATOR
set -eu
source=$1 generator=$2
command -v cmake >/dev/null || { echo "skipped: cmake is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rules() { # WITH-VIEWER: what would be installed
	cmake -S "$source" -B "$work/$1" -G "$generator" -DMURAL_BUILD_VIEWER="$1" \
		-DMURAL_BUILD_TESTS=OFF -DMURAL_BUILD_BENCH=OFF >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		exit 1
	}
	find "$work/$1" -name cmake_install.cmake -exec grep -h 'mural-viewer' {} + || true
}
[ -n "$(rules ON)" ] || { echo "nothing of the viewer is found where it is installed"; exit 1; }
[ -z "$(rules OFF)" ] || { echo "installed without the viewer:"; rules OFF; exit 1; }
