#!/bin/bash
# Puts together Debian 12's root file system for arm64: what is built against, and what run.sh boots. It has the packages of the groups
# build and test of scripts/packages, unpacked and not configured, so that neither root nor an arm64 machine is needed.
#
# usage: root.sh [FOLDER]      (build/arm64-root, where cmake/arm64.cmake looks for it)
# What is there already is not fetched again: for newer packages remove the folder. Exits 77 with the reason on stderr when it can not
# be had.
set -euo pipefail

export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${1:-$here/../../build/arm64-root}
[ ! -e "$root/etc/mural-root" ] || exit 0

skip() {
	echo "root.sh: $*" >&2
	exit 77
}

# shellcheck source=tests/kernel/apt.sh
. "$here/../kernel/apt.sh"

for tool in apt-get apt-config dpkg-deb tar; do
	command -v "$tool" >/dev/null || skip "no $tool (a Debian system)"
done
mkdir -p "$(dirname "$root")"
cache=$(mktemp -d "$(realpath "$(dirname "$root")")/arm64-root.XXXXXX")
trap 'rm -rf "$cache"' EXIT

download() {
	local packages
	mapfile -t packages < <(awk '$1 == "build" || $1 == "test" { print $2 }' "$here/../../scripts/packages")
	apt_of bookworm arm64
	timeout 600 apt-get -q -y --no-install-recommends --download-only install '?essential' busybox-static "${packages[@]}" \
		>"$cache/apt/log" 2>&1 || skip "no packages ($(tail -n 1 "$cache/apt/log"))"
}

# Later ones go through the links of /usr's merger, which the package manager's own unpacking would make.
unpack() {
	local package folder
	mkdir -p "$cache/root/usr"
	for folder in bin sbin lib; do
		mkdir "$cache/root/usr/$folder"
		ln -s "usr/$folder" "$cache/root/$folder"
	done
	for package in "$cache"/apt/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" |
			tar -x --keep-directory-symlink --no-same-owner --exclude './usr/share/doc/*' --exclude './usr/share/locale/*' -C "$cache/root" -f -
	done
}

# What the packages' own scripts would have done, as far as anybody here asks for it. Links from the root would lead a compiler of this
# machine astray.
finish() {
	local link target
	cp "$cache/root/usr/share/base-passwd/passwd.master" "$cache/root/etc/passwd"
	cp "$cache/root/usr/share/base-passwd/group.master" "$cache/root/etc/group"
	ln -s mawk "$cache/root/usr/bin/awk"
	find "$cache/root/usr/lib" -type l -lname '/*' -printf '%p %l\n' | while read -r link target; do
		ln -sfnr "$cache/root$target" "$link"
	done
	echo "Debian 12, arm64" >"$cache/root/etc/mural-root"
}

download
unpack
finish
rm -rf "$root"
mv "$cache/root" "$root"
