#!/bin/sh
# need.sh THING... checks within a second that this machine has what a target needs, and
# prints one line with the remedy for each thing that is missing or in use.
# As root on Debian or Ubuntu it installs missing packages. It never installs Go.
#
#   go         Go, at least the version in go.mod
#   node       Node.js 18 or later with npm, which fetches the third-party files of the pages
#   postgres   the PostgreSQL server programs, for the private database and the tests
#   chromium   the browser of the end-to-end tests
#   cc         a C compiler, for the race detector
#   ports      the two ports of the demo
set -eu

node_wanted=18
go_wanted=$(sed -n 's/^go //p' go.mod)
faults=0
packages=""

fault() {
	faults=1
	echo "$*" >&2
}

has() { command -v "$1" >/dev/null 2>&1; }

# at_least WANTED FOUND compares two versions.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# Go 1.21 and later fetches the version in go.mod, unless GOTOOLCHAIN forbids it.
# The questions are asked from /, because an old Go may refuse to run in this module.
check_go() {
	go=${GO:-go}
	remedy="Install Go $go_wanted or later (https://go.dev/dl/) and put it on PATH"
	if ! has "$go"; then
		fault "Go is not installed. $remedy."
		return
	fi
	found=$(cd / && GOTOOLCHAIN=local "$go" version | sed -n 's/^go version go\([^ ]*\).*/\1/p')
	at_least "$go_wanted" "$found" && return
	case $(cd / && "$go" env GOTOOLCHAIN) in
	*auto* | *path*) at_least 1.21 "$found" && return ;;
	esac
	fault "Go $found is too old. $remedy."
}

installed() {
	case "$1" in
	node) has npm && node_version && at_least "$node_wanted" "$found" ;;
	postgres) has initdb || any_executable /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb \
		/opt/homebrew/opt/postgresql*/bin/initdb /usr/local/opt/postgresql*/bin/initdb \
		/usr/local/pgsql/bin/initdb ;;
	chromium) has chromium || has chromium-browser || has google-chrome ;;
	cc) has "${CC:-cc}" ;;
	*) echo "need.sh: unknown thing '$1'" >&2; exit 2 ;;
	esac
}

any_executable() {
	for file in "$@"; do
		[ -x "$file" ] && return 0
	done
	return 1
}

node_version() { found=$(node --version 2>/dev/null | sed 's/^v//') && [ -n "$found" ]; }

name() {
	case "$1" in
	node) echo "Node.js $node_wanted or later with npm" ;;
	postgres) echo "PostgreSQL" ;;
	chromium) echo "Chromium" ;;
	cc) echo "A C compiler" ;;
	esac
}

package() {
	case "$1" in
	node) echo npm ;;
	postgres) echo postgresql ;;
	chromium) echo chromium ;;
	cc) echo "gcc libc6-dev" ;;
	esac
}

# missing THING says that a thing is not installed, and what to do.
missing() {
	if has apt-get; then
		fault "$(name "$1") is not installed. Install it with: sudo apt-get install $(package "$1")"
	else
		fault "$(name "$1") is not installed. Install it with the package manager of this system."
	fi
}

# check_port WHAT ADDRESS VARIABLE FLAG reports a port that another program listens on.
# Without bash the check is left to the program itself, which also reports it.
check_port() {
	host=${2%:*} port=${2##*:}
	case $port in "" | 0 | *[!0-9]*) return 0 ;; esac
	case $host in "" | 0.0.0.0 | "[::]") host=127.0.0.1 ;; esac
	host=$(echo "$host" | tr -d '[]')
	# shellcheck disable=SC2016 # bash expands $1 and $2
	if has bash && bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$host" "$port" 2>/dev/null; then
		other=$((port < 65000 ? port + 1000 : port - 1000))
		fault "Port $port, on which the $1 listens, is in use. Stop the program that uses it, or choose another:" \
			"make demo $3=127.0.0.1:$other ($4 of portcullis demo)."
	fi
}

install_packages() {
	echo "Installing:$packages"
	export DEBIAN_FRONTEND=noninteractive
	# Only the programs of PostgreSQL are needed, not a cluster that the system runs.
	mkdir -p /etc/postgresql-common
	[ -e /etc/postgresql-common/createcluster.conf ] ||
		echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
	log=$(mktemp)
	# shellcheck disable=SC2086 # several packages in one variable
	if ! { apt-get update && apt-get install -y --no-install-recommends $packages; } </dev/null >"$log" 2>&1; then
		tail -n 5 "$log" >&2
		rm -f "$log"
		echo "Installing$packages failed, see above. Install them by hand, then try again." >&2
		exit 1
	fi
	rm -f "$log"
}

things=""
for thing in "$@"; do
	case "$thing" in
	go) check_go ;;
	ports)
		check_port console "${PORTCULLIS_LISTEN:-127.0.0.1:8080}" PORTCULLIS_LISTEN --listen
		check_port sandbox "${PORTCULLIS_SANDBOX_LISTEN:-127.0.0.1:8081}" PORTCULLIS_SANDBOX_LISTEN --sandbox-listen
		;;
	*)
		installed "$thing" && continue
		if [ "$(id -u)" = 0 ] && has apt-get; then
			things="$things $thing"
			packages="$packages $(package "$thing")"
		else
			missing "$thing"
		fi
		;;
	esac
done
[ "$faults" = 0 ] || exit 1
[ -n "$packages" ] || exit 0

install_packages
for thing in $things; do
	installed "$thing" ||
		fault "$(name "$thing") is not there although$packages is installed: this system is too old. Install it by hand."
done
exit "$faults"
