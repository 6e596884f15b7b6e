#!/bin/sh
# check.sh looks at the code without running it, and says everything that is wrong, not
# only the first thing.
set -u
golangci=$1
failed=0

step() {
	echo "== $1"
	shift
	"$@" || failed=1
}

generated() {
	before=$(sha256sum $(git ls-files -co --exclude-standard '*_templ.go') 2>/dev/null)
	{ go tool templ generate -path web && go tool templ generate -path test/load; } >/dev/null 2>&1 || { echo "templ generate failed"; return 1; }
	after=$(sha256sum $(git ls-files -co --exclude-standard '*_templ.go') 2>/dev/null)
	[ "$before" = "$after" ] || { echo "generated code was stale; it has been generated anew: commit it"; return 1; }
}

step "generated code" generated
step "vet" go vet ./...
step "import rules" go test ./test/deps
step "format" "$golangci" fmt --diff
step "lint" "$golangci" run ./...
exit $failed
