#!/bin/sh
# The viewer in a real window: Xvfb, keys by xdotool, looked at by the window's title, by what is in its pixels and by the pool's
# own numbers. Usage: window.sh FOLDER-OF-PROGRAMS FOLDER-OF-PICTURES. Exits 77 where it can not run.
set -eu

bin=$1
pictures=$2

skip() {
	echo "skipped: $1"
	exit 77
}

for tool in Xvfb xdotool; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done

work=$(mktemp -d)
viewer= server=
finish() {
	[ -z "$viewer" ] || kill "$viewer" 2>/dev/null || true
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	wait # for the viewer, which could start the next producer
	pid=$("$bin/mural" stat --json 2>/dev/null | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	# Its end touches the folder, too.
	while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
	rm -rf "$work"
}
trap finish EXIT

# SDL leaves the session bus's connection behind; in a build with AddressSanitizer that is not what is looked for.
echo leak:libdbus >"$work/known-leaks"
export LSAN_OPTIONS="suppressions=$work/known-leaks:print_suppressions=0"
export MURAL_SOCKET="$work/socket" MURAL_PRODUCER="$bin/mural-producer" SDL_VIDEODRIVER=x11

# The server picks a display that is free, and says which. Without -noreset it would begin anew when the last program leaves, and
# whoever comes in that moment finds none.
Xvfb -displayfd 3 -screen 0 1000x700x24 -nolisten tcp -noreset 3>"$work/display" >"$work/xvfb.log" 2>&1 &
server=$!
wait_for() {
	what=$1
	shift
	for _ in $(seq 600); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "never happened: $what"
	cat "$work/viewer.log" 2>/dev/null || true
	exit 1
}
xvfb_is_up() { [ -s "$work/display" ]; }
for _ in $(seq 100); do
	xvfb_is_up && break
	kill -0 "$server" 2>/dev/null || skip "Xvfb does not start: $(cat "$work/xvfb.log")"
	sleep 0.1
done
DISPLAY=:$(cat "$work/display")
export DISPLAY

"$bin/mural-viewer" --size 800x600 "$pictures" >"$work/viewer.log" 2>&1 &
viewer=$!

title() { xdotool search --class mural-viewer getwindowname 2>/dev/null | head -n 1; }
title_is() { case "$(title)" in "$1"*) ;; *) return 1 ;; esac; }
number() { "$bin/mural" stat --json | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"; }
number_is() { [ "$(number "$1")" -eq "$2" ]; }
more_than() { [ "$(number "$1")" -gt "$2" ]; }
key() { xdotool key --delay 30 "$@"; }

set -- "$pictures"/*
count=$#
wait_for "the window" title_is "$(basename "$1") (1/$count)"
xdotool search --class mural-viewer windowfocus >/dev/null 2>&1 || true

key Right
wait_for "Right: the next picture" title_is "$(basename "$2") (2/$count)"
key space
wait_for "space: the next picture" title_is "$(basename "$3") (3/$count)"
key BackSpace
wait_for "Backspace: the previous picture" title_is "$(basename "$2") (2/$count)"
key shift+g
wait_for "G: the last picture" title_is "$(eval "basename \"\${$count}\"") ($count/$count)"
key g
wait_for "g: the first picture" title_is "$(basename "$1") (1/$count)"

# Keys that need a layout: they must arrive as what they write.
key question Escape greater bar underscore less plus minus 1 w i m
wait_for "decodes" more_than decodes 2

before=$(number redecodes)
key p
wait_for "p: decoded again" more_than redecodes "$before"

decodes=$(number decodes)
key Return
wait_for "Enter: thumbnails" more_than decodes "$((decodes + 5))"
key Right Return
wait_for "the selected picture" title_is "$(basename "$2") (2/$count)"

geometry_is() {
	at=$(xdotool search --class mural-viewer getwindowgeometry 2>/dev/null)
	case "$at" in *"$1"*"$2"*) ;; *) return 1 ;; esac
}
key F11
wait_for "F11: all of the screen" geometry_is "Position: 0,0 " "Geometry: 1000x700"
xdotool search --class mural-viewer windowfocus >/dev/null 2>&1 || true
key F11
wait_for "F11: the window again" geometry_is "Position: " "Geometry: 800x600"
xdotool search --class mural-viewer windowfocus >/dev/null 2>&1 || true
key s

# The producer dies; the window goes on, and the pictures come back.
kill -9 "$(number pid)"
key s g
wait_for "another producer" more_than decodes 0
wait_for "g: the first picture" title_is "$(basename "$1") (1/$count)"

# Nothing to do is nothing done: not a tenth of a second of work in two.
key m
sleep 3
ticks() { cut -d ' ' -f 14,15 "/proc/$viewer/stat" | tr ' ' '+'; }
start=$(($(ticks)))
sleep 2
[ $(($(ticks) - start)) -le 20 ] || { echo "the idle viewer works: $(($(ticks) - start)) ticks in 2 s"; exit 1; }

key q
gone() { ! kill -0 "$viewer" 2>/dev/null; }
wait_for "q: the end" gone
wait "$viewer" || { echo "exit status $?"; cat "$work/viewer.log"; exit 1; }
viewer=
[ ! -s "$work/viewer.log" ] || { echo "it complained:"; cat "$work/viewer.log"; exit 1; }

# What happens to the folder is shown.
mkdir "$work/live"
cp "$1" "$work/live/1.jpg"
cp "$2" "$work/live/2.jpg"
"$bin/mural-viewer" --size 400x300 "$work/live/1.jpg" >"$work/viewer.log" 2>&1 &
viewer=$!
wait_for "the first of two" title_is "1.jpg (1/2)"
cp "$3" "$work/live/3.jpg"
wait_for "a third picture" title_is "1.jpg (1/3)"
wait_for "no decodes under way" number_is filling_bitmaps 0
decodes=$(number decodes)
cp "$2" "$work/live/1.jpg"
wait_for "the first picture, decoded again" more_than decodes "$decodes"
# Many at once, and another folder in the place of this one.
(cd "$work/live" && seq 10001 20000 | sed 's/$/.jpg/' | xargs touch)
wait_for "ten thousand more" title_is "1.jpg (1/10003)"
mv "$work/live" "$work/old"
mkdir "$work/live"
cp "$3" "$work/live/new.jpg"
wait_for "what is in the new folder, and what is shown" title_is "1.jpg (1/2)"
xdotool search --class mural-viewer windowfocus >/dev/null 2>&1 || true
key Right
wait_for "what is in the new folder" title_is "new.jpg (1/1)"
cp "$1" "$work/live/1.jpg"
wait_for "another" title_is "new.jpg (1/2)"
rm "$work/live/1.jpg"
wait_for "that was deleted" title_is "new.jpg (1/1)"
key q
wait_for "q: the end" gone
wait "$viewer" || { echo "exit status $?"; cat "$work/viewer.log"; exit 1; }
viewer=

# A window whose size nobody asked for fits the screen.
"$bin/mural-viewer" "$1" >"$work/viewer.log" 2>&1 &
viewer=$!
fits() {
	eval "$(xdotool search --class mural-viewer getwindowgeometry --shell 2>/dev/null)"
	[ "${WIDTH:-9999}" -le 1000 ] && [ "$WIDTH" -ge 900 ] && [ "$HEIGHT" -le 700 ] && [ "$HEIGHT" -ge 600 ]
}
wait_for "a window that fits the screen" fits
wait_for "its title" title_is "$(basename "$1") (1/$count)"
xdotool search --class mural-viewer windowfocus >/dev/null 2>&1 || true
key q
wait_for "q: the end" gone
wait "$viewer" || { echo "exit status $?"; cat "$work/viewer.log"; exit 1; }
viewer=

# Full screen from the start, without a window manager: out of it, and back.
"$bin/mural-viewer" --fullscreen --size 640x480 "$1" >"$work/viewer.log" 2>&1 &
viewer=$!
size_is() { xdotool search --class mural-viewer getwindowgeometry 2>/dev/null | grep -q "Geometry: $1\$"; }
wait_for "the full screen" size_is 1000x700
wait_for "its title" title_is "$(basename "$1") (1/$count)"
for size in 640x480 1000x700; do
	xdotool search --class mural-viewer windowfocus >/dev/null 2>&1 || true
	key f
	wait_for "f: $size" size_is "$size"
done
xdotool search --class mural-viewer windowfocus >/dev/null 2>&1 || true
key q
wait_for "q: the end" gone
wait "$viewer" || { echo "exit status $?"; cat "$work/viewer.log"; exit 1; }
viewer=
echo "the window does what its keys say"
