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
	metainfo=$prefix/share/metainfo/mural-viewer.metainfo.xml
	grep -q "<launchable type=\"desktop-id\">${desktop##*/}<" "$metainfo" || fail "$metainfo does not launch $desktop"
	if command -v appstreamcli >/dev/null; then
		appstreamcli validate --no-net "$metainfo" || fail "$metainfo is not valid"
	else
		echo "not looked at: $metainfo (appstreamcli is not installed)"
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

zsh_offers() { # LINE WANTED: all of it, in order
	local offered
	offered=$(cd "$work/pictures" && zsh -f "$source/tests/process/install/zsh_offers.zsh" "$prefix/share/zsh/site-functions" "$1" | xargs)
	[ "$offered" = "$2" ] || fail "zsh offers behind \"$1\": $offered (not: $2)"
}
if command -v zsh >/dev/null; then
	PATH=$prefix/bin:$PATH
	mkdir -p "$work/pictures/folder"
	touch "$work/pictures/a.jpg" "$work/pictures/b.PNG" "$work/pictures/notes.txt"
	zsh_offers 'mural ' 'cat doctor purge stat top trim'
	zsh_offers 'mural stat --' '--help --json --usage --version'
	zsh_offers 'mural cat ' 'a.jpg b.PNG folder'
	zsh_offers 'mural cat -s 5 --p' '--partial --pixel-format --preview'
	zsh_offers 'mural cat --format ' 'pam png raw'
	zsh_offers 'mural cat --format=p' 'pam png'
	zsh_offers 'mural-producer --idle' '--idle-exit --idle-ms'
	if [ -n "${viewer-}" ]; then
		zsh_offers 'mural-viewer ' 'a.jpg b.PNG folder'
		zsh_offers 'mural-viewer --h' '--headless --help'
		zsh_offers 'mural-viewer --wheel=' 'leaf zoom'
		zsh_offers 'mural-viewer --tour ' 'folder'
		zsh_offers 'mural-viewer --files-from ' 'a.jpg b.PNG folder notes.txt'
	fi
else
	echo "not looked at: completions for zsh (it is not installed)"
fi
# What is linked with the library finds it by where it is, also after the tree was moved.
expect() {
	[ "$1" = "$2" ] || fail "$1 (not: $2)"
}
expect "$(pkg-config --define-variable=prefix=/else --cflags libashmem mural | xargs)" "-I/else/include"
mv "$prefix" "$work/moved"
libs=$work/moved${libs#"$prefix"} prefix=$work/moved
export PKG_CONFIG_PATH=$libs/pkgconfig
compile cc -std=c11 "$work/readme.c" -o "$work/readme"
(cd "$work" && clean env LD_LIBRARY_PATH="$libs" ./readme) | grep -q ': drawn$' || fail "README's program fails where all was moved to"
clean "$prefix/bin/mural" --version | grep -q '^mural [0-9]'

places() { # PREFIX LIBDIR: what a .pc file says
	echo "set(CMAKE_INSTALL_PREFIX $1)
		set(CMAKE_INSTALL_LIBDIR $2)
		set(CMAKE_INSTALL_INCLUDEDIR include)
		include($source/cmake/InstalledPlaces.cmake)
		message(\"\${PC_PREFIX} \${PC_LIBDIR} \${PC_INCLUDEDIR}\")" >"$work/places.cmake"
	cmake -P "$work/places.cmake" 2>&1
}
# shellcheck disable=SC2016 # pkg-config's variables
{
	expect "$(places /opt/m lib)" '${pcfiledir}/../.. ${prefix}/lib ${prefix}/include'
	expect "$(places /opt/m lib/x86_64-linux-gnu)" '${pcfiledir}/../../.. ${prefix}/lib/x86_64-linux-gnu ${prefix}/include'
	expect "$(places /opt/m /var/lib)" '/opt/m /var/lib ${prefix}/include'
	expect "$(places /usr lib)" '/usr ${prefix}/lib ${prefix}/include'
}
echo "what is installed works"
