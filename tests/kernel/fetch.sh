#!/bin/bash
# Puts a kernel of Debian's into a folder: vmlinuz, and modules/ with the modules that are wanted, what they need, and `order`, which
# lists them in the order of loading. It comes from where this machine gets its packages, through an apt configuration of its own, so
# that nothing is installed and no list of the machine's own is touched. What is there already is not fetched again: for a newer one
# remove the folder.
#
# usage: fetch.sh FOLDER [KERNEL]
#   ashmem   Debian 11's, the last of Debian's to ship the ashmem driver (the default)
#   cgroup2  Debian 12's, without modules: control groups of version 2 with memory, and stall information
# Exits 77 with the reason on stderr when it can not be had.
set -euo pipefail

export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
cache=$1
kernel=${2:-ashmem}
case $kernel in
ashmem)
	release=bullseye version=5.10.0 modules=(ashmem_linux)
	;;
cgroup2)
	release=bookworm version=6.1.0 modules=()
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

# The machine's Debian mirrors, as one-line sources of the wanted release: "[signed-by=KEYRING] URI".
mirrors() {
	local file
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ ! -r "$file" ] || sed -nE '/^deb[[:space:]]/ {
			s/^deb[[:space:]]+//
			s/^\[[^]]*(signed-by=[^] ]+)[^]]*\]/[\1]/
			s/^(\[[^]]*\])?[[:space:]]*([^[:space:]]+).*/\1 \2/p
		}' "$file"
	done
	for file in /etc/apt/sources.list.d/*.sources; do
		# A key that stands in the file itself goes with its lines of blanks; the distribution's is a path.
		[ ! -r "$file" ] || awk '
			function flush(   n, i, uri) {
				n = split(uris, uri, " ")
				for (i = 1; i <= n && enabled; i++)
					print (key ~ /^\// ? "[signed-by=" key "] " : "") uri[i]
				uris = key = ""; enabled = 1
			}
			BEGIN { enabled = 1 }
			/^[[:space:]]*$/ { flush() }
			/^#/ { next }
			/^[^[:space:]]+:/ { field = tolower($1) }
			field == "enabled:" && $2 == "no" { enabled = 0 }
			field == "signed-by:" { key = $2 }
			field == "uris:" { sub(/^[^[:space:]]+:/, ""); uris = uris " " $0 }
			END { flush() }' "$file"
	done
}

# Only what is laid out as Debian is can have the wanted release. (A list of mirrors ends in .list.)
write_sources() {
	mirrors | sort -u | awk -v release="$release" '
		$NF ~ /\/debian(\.list)?\/?$/ { print "deb", $0, release, "main" }
		$NF ~ /\/debian-security(\.list)?\/?$/ { print "deb", $0, release "-security", "main" }'
}

# Of the machine's apt configuration only how to reach a server counts: hooks may touch the system.
write_configuration() {
	apt-config dump | grep '^Acquire::' || true
	cat <<-END
		Dir::Etc::Main "/dev/null";
		Dir::Etc::Parts "/dev/null";
		Dir::Etc::SourceList "$cache/apt/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State "$cache/apt/state";
		Dir::State::Status "$cache/apt/status";
		Dir::Cache "$cache/apt/cache";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::Retries "0";
		Acquire::http::Timeout "15";
		Acquire::https::Timeout "15";
		// An old release's lists are no longer signed anew.
		Acquire::Check-Valid-Until "false";
	END
}

# Downloads the newest kernel package of the release into the current folder.
download() {
	mkdir -p "$cache"/apt/state/lists/partial "$cache"/apt/cache/archives/partial
	: >"$cache/apt/status"
	write_sources >"$cache/apt/sources.list"
	[ -s "$cache/apt/sources.list" ] || skip "no Debian mirror among this machine's apt sources"
	write_configuration >"$cache/apt/apt.conf"
	export APT_CONFIG=$cache/apt/apt.conf
	timeout 45 apt-get -q update >"$cache/apt/log" 2>&1 || skip "no package lists ($(tail -n 1 "$cache/apt/log"))"
	local package
	package=$(apt-cache search --names-only "^linux-image-${version//./\\.}-[0-9]+-amd64\$" | awk '{ print $1 }' | sort -V | tail -n 1)
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
			basename "$file" >>ready/modules/order
		done <needed
	done
	echo "$release" >ready/version
}

[ "$(uname -m)" = x86_64 ] || skip "the kernel is for x86_64 only"
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
