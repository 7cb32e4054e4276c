# shellcheck shell=bash disable=SC2154
# Packages of another release of Debian's, or for another processor, from where this machine gets its own, through an apt configuration
# of its own: nothing is installed, and no list of the machine's own is touched. To be sourced.
#
# The caller has set:
#   cache    a folder that exists (absolute); the configuration, the lists and the log are in its `apt`
# and a function
#   skip REASON   which ends it: the packages can not be had here

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

# write_sources RELEASE. Only what is laid out as Debian is can have it. (A list of mirrors ends in .list.)
write_sources() {
	mirrors | sort -u | awk -v release="$1" '
		$NF ~ /\/debian(\.list)?\/?$/ { print "deb", $0, release, "main" }
		$NF ~ /\/debian-security(\.list)?\/?$/ { print "deb", $0, release "-security", "main" }'
}

# write_configuration ARCHITECTURE. Of the machine's apt configuration only how to reach a server counts: hooks may touch the system.
write_configuration() {
	local architecture=$1
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
		APT::Architecture "$architecture";
		APT::Architectures { "$architecture"; };
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::Retries "0";
		Acquire::http::Timeout "15";
		Acquire::https::Timeout "15";
		// An old release's lists are no longer signed anew.
		Acquire::Check-Valid-Until "false";
	END
}

# apt_of RELEASE ARCHITECTURE: from here on apt-get and apt-cache speak of these packages.
apt_of() {
	mkdir -p "$cache"/apt/state/lists/partial "$cache"/apt/cache/archives/partial
	: >"$cache/apt/status"
	write_sources "$1" >"$cache/apt/sources.list"
	[ -s "$cache/apt/sources.list" ] || skip "no Debian mirror among this machine's apt sources"
	write_configuration "$2" >"$cache/apt/apt.conf"
	export APT_CONFIG=$cache/apt/apt.conf
	timeout 45 apt-get -q update >"$cache/apt/log" 2>&1 || skip "no package lists ($(tail -n 1 "$cache/apt/log"))"
}
