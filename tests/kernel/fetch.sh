#!/bin/bash
# Puts a kernel of Debian's into a folder: vmlinuz, and modules/ with the modules that are wanted, what they need, and `order`, which
# lists them in the order of loading. It comes from where this machine gets its packages, through an apt configuration of its own, so
# that nothing is installed and no list of the machine's own is touched. What is there already is not fetched again: for a newer one
# remove the folder.
#
# usage: fetch.sh FOLDER [KERNEL]
#   ashmem   Debian 11's, the last of Debian's to ship the ashmem driver (the default)
#   cgroup2  Debian 12's, without modules: control groups of version 2 with memory, and stall information
#   arm64    Debian 12's for arm64, and what a disk needs
#   arm64-16k  Debian 12's newer one for pages of 16 KiB, likewise
# Exits 77 with the reason on stderr when it can not be had.
set -euo pipefail

export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$1
kernel=${2:-ashmem}
release=bookworm architecture=amd64 flavour=amd64
case $kernel in
ashmem)
	release=bullseye version=5.10.0 modules=(ashmem_linux)
	;;
cgroup2)
	version=6.1.0 modules=()
	;;
arm64)
	version=6.1.0 architecture=arm64 flavour=arm64 modules=(virtio_mmio virtio_blk ext4)
	;;
arm64-16k)
	version=6.12 architecture=arm64 flavour=arm64-16k modules=(virtio_mmio virtio_blk ext4)
	;;
*)
	echo "fetch.sh: no kernel is called $kernel" >&2
	exit 2
	;;
esac

skip() {
	echo "$*" >&2
	exit 77
}

# shellcheck source=tests/kernel/apt.sh
. "$here/apt.sh"

# Downloads the newest kernel package of the release into the current folder.
download() {
	apt_of "$release" "$architecture"
	local package
	package=$(apt-cache search --names-only "^linux-image-${version//./\\.}[-.][0-9a-z+]+-$flavour\$" | awk '{ print $1 }' | sort -V | tail -n 1)
	[ -n "$package" ] || skip "no kernel package of $release in reach ($(tail -n 1 "$cache/apt/log"))"
	timeout 90 apt-get -q download "$package" >"$cache/apt/log" 2>&1 ||
		skip "no kernel package ($(tail -n 1 "$cache/apt/log"))"
}

# Takes out of the package in the current folder what is wanted, into ./ready.
unpack() {
	local release module file
	dpkg-deb -x ./*.deb image
	release=$(basename image/lib/modules/*)
	depmod -b image "$release"
	mkdir -p ready/modules
	: >ready/modules/order
	cp image/boot/vmlinuz-* ready/vmlinuz
	for module in "${modules[@]}"; do
		modprobe -d image -S "$release" --show-depends "$module" | awk '$1 == "insmod" { print $2 }' >needed
		[ -s needed ] || skip "$release has no module $module"
		while read -r file; do
			cp "$file" ready/modules/
			basename "$file" .xz >>ready/modules/order
		done <needed
	done
	find ready/modules -name '*.xz' -exec unxz {} +
	echo "$release" >ready/version
}

[ "$architecture" = arm64 ] || [ "$(uname -m)" = x86_64 ] || skip "the kernel is for x86_64 only"
for tool in apt-get apt-config apt-cache dpkg-deb depmod modprobe flock; do
	command -v "$tool" >/dev/null || skip "no $tool (a Debian system, with scripts/install_packages.sh kernel)"
done

mkdir -p "$cache"
cache=$(realpath "$cache")
exec 9>"$cache/lock"
flock 9
[ ! -e "$cache/kernel/version" ] || exit 0

rm -rf "$cache"/work.*
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
download
unpack
rm -rf "$cache/kernel" "$cache/apt"
mv ready "$cache/kernel"
