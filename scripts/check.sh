#!/bin/sh
# check.sh GOLANGCI-LINT checks the code without changing any file of the tree. It runs
# every step and prints every failure, and then lists the steps that failed.
# shellcheck disable=SC2317 # step calls the functions
set -u
golangci=$1
go=${GO:-go}
failed=""

step() {
	echo "== $1"
	name=$1
	shift
	"$@" || failed="$failed
  $name"
}

# templates compares the committed *_templ.go with what templ generates now. Without
# -keep-orphaned-files, templ deletes generated files whose template is gone, even with -check.
templates() {
	status=0
	for folder in web test/load; do
		"$go" tool templ generate -check -keep-orphaned-files -log-level error -path "$folder" >&2 || status=1
	done
	for generated in web/*_templ.go web/*/*_templ.go test/load/*_templ.go test/load/*/*_templ.go; do
		[ -e "${generated%_templ.go}.templ" ] || [ ! -e "$generated" ] && continue
		echo "$generated has no template: delete it" >&2
		status=1
	done
	[ "$status" = 0 ] || echo "Run make generate, and commit the result." >&2
	return "$status"
}

# reference fails also when the test is gone, which go test would report as success.
reference() {
	output=$("$go" test ./web/... -run '^TestReference$' -count=1 -v 2>&1) &&
		echo "$output" | grep -q '^--- PASS: TestReference' && return
	echo "$output" | grep -v -e '^testing: warning: no tests' -e '^PASS$' -e '^ok ' -e 'no test files'
	return 1
}

# imports is not cached: go test does not see that another package has changed.
imports() { "$go" test -count=1 ./test/deps; }

shell() {
	command -v shellcheck >/dev/null 2>&1 || { echo "skipped: shellcheck is not installed"; return 0; }
	shellcheck scripts/*.sh .ci/run
}

step "go.mod and go.sum" "$go" mod tidy -diff
step "generated pages" templates
step "generated docs/api-reference.md" reference
step "vet" "$go" vet ./...
step "import rules" imports
step "documentation" "$go" test ./test/docs
step "format" "$golangci" fmt --diff
step "lint" "$golangci" run ./...
step "shell scripts" shell
[ -n "$failed" ] || exit 0
echo "== failed:$failed" >&2
exit 1
