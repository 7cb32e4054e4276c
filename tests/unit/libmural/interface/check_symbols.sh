#!/bin/sh
# check_symbols.sh LIBRARY HEADER...: the library exports exactly the functions that the headers declare MURAL_PUBLIC.
set -eu
library=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sed -n 's/^MURAL_PUBLIC .*[ *]\(mural_[a-z_0-9]*\)(.*/\1/p' "$@" | sort >"$folder/declared"
nm -D --defined-only "$library" | sed -n 's/^[0-9a-f]* [^A] \([^@]*\).*/\1/p' | sort >"$folder/exported"
test -s "$folder/declared" || { echo "no declarations found"; exit 1; }
diff -u "$folder/declared" "$folder/exported" || { echo "declared (-) and exported (+) differ"; exit 1; }
objdump -p "$library" | grep -q 'SONAME *libmural.so.0$' || { echo "wrong soname"; exit 1; }
echo "$(wc -l <"$folder/exported") functions"
