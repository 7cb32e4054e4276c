#!/bin/bash
# All of it, installed for a user without root into a folder that nobody thought of when it was built: the programs run from there,
# start each other, and what tells desktops and shells of them is valid. What cannot be looked at here is named.
#
#   installed.sh BUILD-FOLDER SOURCE-FOLDER
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
prefix=$work/home/.local
fail() {
	echo "$*"
	exit 1
}

# Nothing outside of the prefix, nothing of the build folder in what is installed.
cmake --install "$build" --prefix "$prefix" >"$work/log"
strays=$(sed -n 's/^-- \(Installing\|Up-to-date\): //p' "$work/log" | grep -vF "$prefix/" || true)
[ -z "$strays" ] || fail "installed outside of the prefix: $strays"
! grep -rlF "$build" "$prefix" --include='*.pc' --include='*.service' --include='*.desktop' || fail "names the build folder"

# The environment is empty but for a runtime folder: no LD_LIBRARY_PATH.
mkdir -m 700 "$work/run"
clean() { env -i HOME="$work" PATH=/usr/bin:/bin XDG_RUNTIME_DIR="$work/run" "$@"; }
finish() {
	pid=$(clean "$prefix/bin/mural" stat --json 2>/dev/null | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
	[ -z "$pid" ] || kill "$pid"
	# Its end touches the folder, too.
	while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
	rm -rf "$work"
}
trap finish EXIT

picture=$source/assets/formats/png-rgb8.png
clean "$prefix/bin/mural" --version | grep -q '^mural [0-9]'
clean "$prefix/bin/mural-producer" --version | grep -q '^mural-producer [0-9]'
[ "$(clean "$prefix/bin/mural" cat "$picture" | head -c 2)" = P7 ] || fail "no picture"
if [ -x "$prefix/bin/mural-viewer" ]; then
	clean "$prefix/bin/mural-viewer" --headless --snapshot "$work/shot.png" "$picture"
	[ -s "$work/shot.png" ] || fail "no snapshot"
	viewer=mural-viewer
fi
pid=$(clean "$prefix/bin/mural" stat --json | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
[ "$(readlink "/proc/$pid/exe")" = "$prefix/bin/mural-producer" ] || fail "another producer: $(readlink "/proc/$pid/exe")"
kill "$pid"

# The README's program, in C and in C++, starts the producer that was installed with the library.
libs=$(dirname "$(dirname "$(find "$prefix" -name mural.pc)")")
export PKG_CONFIG_PATH=$libs/pkgconfig
{
	printf '#include <mural/mural.h>\n#include <stdio.h>\n'
	printf 'static void draw(const void *pixels, uint32_t width, uint32_t height, size_t stride) {\n'
	printf '\tprintf("%%u x %%u: %%s\\n", width, height, pixels && stride >= width ? "drawn" : "wrong");\n}\n'
	printf 'int main(void)\n{\nstruct mural *m;\nstruct mural_bitmap *bitmap;\nstruct mural_view view;\n'
	sed -n '/^```c$/,/^```$/p' "$source/README.md" | grep -v '^```'
	printf 'mural_bitmap_unref(bitmap);\nmural_close(m);\nreturn 0;\n}\n'
} >"$work/readme.c"
cp "$work/readme.c" "$work/readme.cpp"
cp "$picture" "$work/photo.jpg"
compile() {
	# shellcheck disable=SC2046 # words are wanted
	"$@" $(pkg-config --cflags --libs mural)
}
compile cc -std=c11 -Wall -Wextra -Werror "$work/readme.c" -o "$work/readme"
programs=readme
if command -v c++ >/dev/null; then
	compile c++ -std=c++20 -Wall -Wextra -Wno-missing-field-initializers -Werror "$work/readme.cpp" -o "$work/readmexx"
	programs="readme readmexx"
fi
for program in $programs; do
	(cd "$work" && clean env LD_LIBRARY_PATH="$libs" "./$program") >"$work/said" || fail "README's program ($program) fails"
	grep -q ': drawn$' "$work/said" || fail "README's program ($program) said: $(cat "$work/said")"
done

# systemd's unit, man pages, desktop, icon.
unit=$prefix/lib/systemd/user/mural-producer.service
grep -qxF "ExecStart=$prefix/bin/mural-producer" "$unit" || fail "$(grep ExecStart "$unit") is not what was installed"
if [ -n "${viewer-}" ]; then
	desktop=$prefix/share/applications/mural-viewer.desktop
	[ -x "$prefix/bin/$(sed -n 's/^TryExec=//p' "$desktop")" ] || fail "no such program: $(grep TryExec "$desktop")"
	[ -s "$prefix/share/icons/hicolor/scalable/apps/$(sed -n 's/^Icon=//p' "$desktop").svg" ] || fail "no icon"
	if command -v desktop-file-validate >/dev/null; then
		desktop-file-validate "$desktop"
	else
		echo "not looked at: $desktop (desktop-file-validate is not installed)"
	fi
fi

# What a shell offers behind a word: complete_words FILE WORD...
complete_words() {
	bash --norc -c '
		. /usr/share/bash-completion/bash_completion
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		function=$(complete -p "${1##*/}" | sed "s/.*-F \([a-z_]*\).*/\1/")
		"$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}
offers() { # WANTED FILE WORD...
	local wanted=$1 offered
	shift
	offered=$(complete_words "$@")
	grep -qxF -- "$wanted" <<<"$offered" || fail "no $wanted behind: ${*:2} (but: $offered)"
}
if [ -r /usr/share/bash-completion/bash_completion ]; then
	PATH=$prefix/bin:$PATH
	completions=$prefix/share/bash-completion/completions
	offers doctor "$completions/mural" mural "do"
	offers --preview "$completions/mural" mural cat --pre
	offers --json "$completions/mural" mural stat --
	offers raw "$completions/mural" mural cat --format r
	if [ -n "${viewer-}" ]; then
		offers --gallery "$completions/mural-viewer" mural-viewer --g
		offers leaf "$completions/mural-viewer" mural-viewer --wheel l
	fi
else
	echo "not looked at: completions (bash-completion is not installed)"
fi
echo "what is installed works"
