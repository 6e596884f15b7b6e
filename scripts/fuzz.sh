#!/bin/sh
# fuzz.sh TIME runs each fuzz target for the given time, such as 2m, and lists those that
# failed. Go writes a failing input to testdata/fuzz of the package: commit it with the fix.
set -u
go=${GO:-go}
failed=""

fuzz() {
	echo "== $2 in $1"
	"$go" test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "$3" </dev/null || failed="$failed
  $2 in $1"
}

targets=$(mktemp)
grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' cmd internal web test | sort >"$targets"
while IFS=: read -r file declaration; do
	fuzz "./${file%/*}" "${declaration#func }" "$1"
done <"$targets"
rm -f "$targets"
[ -n "$failed" ] || exit 0
echo "== failed:$failed" >&2
exit 1
