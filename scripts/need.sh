#!/bin/sh
# need.sh THING... makes sure that a program is there that cannot come with Go or npm.
# As root on Debian or Ubuntu it installs the package; otherwise it says which one to
# install and fails.
#
#   postgres   the server's binaries, for the private cluster and the tests
#   chromium   the browser of the end-to-end tests
#   node       npm, which fetches the pages' third-party assets
set -eu

found() {
	case "$1" in
	postgres) command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb >/dev/null 2>&1 ;;
	chromium) command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 ;;
	node) command -v npm >/dev/null 2>&1 ;;
	*) echo "need.sh: I do not know how to find '$1'" >&2; exit 2 ;;
	esac
}

package() {
	case "$1" in
	postgres) echo postgresql ;;
	chromium) echo chromium ;;
	node) echo npm ;;
	esac
}

missing=""
for thing in "$@"; do
	found "$thing" || missing="$missing $(package "$thing")"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "Installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	# Postgres is wanted for its binaries: a cluster of the machine's own is not.
	mkdir -p /etc/postgresql-common
	[ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
	log=$(mktemp)
	# shellcheck disable=SC2086 # several packages in one variable
	if { apt-get update && apt-get install -y --no-install-recommends $missing; } </dev/null >"$log" 2>&1; then
		rm -f "$log"
		exit 0
	fi
	tail -n 5 "$log" >&2
	rm -f "$log"
	echo "Installing$missing failed (see above). Install it by hand, then run this again." >&2
	exit 1
fi
echo "This needs$missing, which is not installed. Install it (Debian and Ubuntu: sudo apt-get install$missing), then run this again." >&2
exit 1
