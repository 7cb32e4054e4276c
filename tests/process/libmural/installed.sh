#!/bin/sh
# The library as it is installed: found by pkg-config, and the manual page's program built with it, shared and static, and run.
#
#   installed.sh BUILD-FOLDER SOURCE-FOLDER
set -eu
build=$1 source=$2
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

cmake --install "$build" --prefix "$prefix" --component libmural >"$prefix/log"
pc=$(find "$prefix" -name mural.pc)
libs=$(dirname "$(dirname "$pc")")
flags() {
	PKG_CONFIG_PATH=$(dirname "$pc") pkg-config "$@" mural
}

sed -n '/^```/,/^```/p' "$source/docs/libmural.3.scd" | grep -v '^```' >"$prefix/example.c"
cc -std=c11 -Wall -Wextra -pedantic -Werror $(flags --cflags) "$prefix/example.c" $(flags --libs) -o "$prefix/shared"
cc -std=c11 $(flags --cflags) "$prefix/example.c" "$libs/libmural.a" -pthread -o "$prefix/static"

export LD_LIBRARY_PATH="$libs" MURAL_SOCKET="$prefix/socket"
"$build/bin/mural-producer" --socket "$MURAL_SOCKET" --budget 64M &
producer=$!
trap 'kill $producer; wait $producer || :; rm -rf "$prefix"' EXIT
while ! test -S "$MURAL_SOCKET"; do sleep 0.05; done

export MURAL_PRODUCER=/nonexistent
for program in shared static; do
	"$prefix/$program" "$source/assets/formats/jpeg-37x1-420.jpg" "$source/assets/formats/png-7x5-rgb8-interlaced.png" >"$prefix/out"
	grep -q 'jpeg-37x1-420.jpg: 37 x 1, brightness [0-9]' "$prefix/out"
	grep -q 'png-7x5-rgb8-interlaced.png: 7 x 5, brightness [0-9]' "$prefix/out"
	if "$prefix/$program" "$source/CMakeLists.txt" 2>"$prefix/err"; then
		echo "a text file was shown as a picture"
		exit 1
	fi
	grep -q 'CMakeLists.txt: .' "$prefix/err"
done
