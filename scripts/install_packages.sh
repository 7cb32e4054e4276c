#!/bin/bash
# Installs the packages of the named groups (scripts/packages) that are missing. Asks nothing, and touches the system only when
# something is missing.
#
# usage: install_packages.sh GROUP...
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ $# -eq 0 ]; then
	echo "usage: install_packages.sh GROUP..." >&2
	exit 2
fi

# The packages of one group, one a line.
packages_of() {
	awk -v group="$1" '$1 == group { print $2; found = 1 } END { exit !found }' "$folder/packages" || {
		echo "install_packages.sh: no group $1 in scripts/packages" >&2
		return 2
	}
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	as_root=(sudo)
	# Only where a person sits may sudo want a password.
	[ -t 0 ] && [ -z "${CI:-}" ] || as_root+=(-n)
fi

# apt-get as root, with nothing it could ask anybody.
apt() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

wanted=()
for group in "$@"; do
	list=$(packages_of "$group")
	mapfile -t -O "${#wanted[@]}" wanted <<<"$list"
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	echo "install_packages.sh: not a Debian system; what is needed, by Debian's names: ${wanted[*]}" >&2
	exit 0
fi

missing=()
for package in "${wanted[@]}"; do
	is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Installing the missing packages: ${missing[*]}"
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
	echo "install_packages.sh: neither root nor sudo here; as root: apt-get install ${missing[*]}" >&2
	exit 1
fi
apt update || echo "install_packages.sh: some package lists are not up to date; going on" >&2

# Some do without one architecture or another (libisal-dev: no i386), and we without them. CMake says so if not.
available=()
for package in "${missing[@]}"; do
	if apt-cache show "$package" >/dev/null 2>&1; then
		available+=("$package")
	else
		echo "install_packages.sh: there is no $package here; going on without" >&2
	fi
done
[ ${#available[@]} -eq 0 ] || apt install --no-install-recommends "${available[@]}"
