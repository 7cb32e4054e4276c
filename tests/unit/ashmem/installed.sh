#!/bin/sh
# The library as it is installed: found by pkg-config, used by a program that knows only Android's headers, in C and in C++,
# shared and static; and it exports what its headers declare, nothing else.
#
#   installed.sh BUILD-FOLDER SOURCE-FOLDER MANUAL-PAGE
set -eu
build=$1 source=$2 page=$3
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

cmake --install "$build" --prefix "$prefix" --component ashmem > "$prefix/log"
pc=$(find "$prefix" -name libashmem.pc)
libs=$(dirname "$(dirname "$pc")")
flags() {
	PKG_CONFIG_PATH=$(dirname "$pc") pkg-config "$@" libashmem
}

cc -std=c11 -Wall -Wextra -pedantic -Werror $(flags --cflags) "$source/ported.c" $(flags --libs) -o "$prefix/shared"
LD_LIBRARY_PATH=$libs "$prefix/shared"
readelf -d "$prefix/shared" | grep -q 'libashmem\.so\.1' || { echo "no soname"; exit 1; }
cc $(flags --cflags) "$source/ported.c" "$libs/libashmem.a" -pthread -o "$prefix/static"
"$prefix/static"
if command -v c++ > /dev/null; then
	c++ -x c++ -Wall -Wextra -Werror $(flags --cflags) "$source/ported.c" $(flags --libs) -o "$prefix/cxx"
	LD_LIBRARY_PATH=$libs "$prefix/cxx"
fi

# The example of the manual page.
sed -n '/^```/,/^```/p' "$page" | grep -v '^```' > "$prefix/example.c"
cc -Wall -Wextra -Werror $(flags --cflags) "$prefix/example.c" $(flags --libs) -o "$prefix/example"
LD_LIBRARY_PATH=$libs "$prefix/example"

for header in $(cd "$prefix/include" && find . -name '*.h'); do
	printf '#include <%s>\n' "${header#./}" | cc -std=c11 -Wall -Wextra -pedantic -Werror -I"$prefix/include" -fsyntax-only -x c -
	! command -v c++ > /dev/null || printf '#include <%s>\n' "${header#./}" | c++ -Wall -Wextra -Werror -I"$prefix/include" -fsyntax-only -x c++ -
done

nm -D --defined-only "$libs/libashmem.so.1" | awk '{ print $3 }' | while read -r symbol; do
	grep -rqw "$symbol" "$prefix/include" || { echo "$symbol is exported, but no header declares it"; exit 1; }
done
