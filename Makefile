# Portcullis. "make help" lists what there is.

SHELL := /bin/sh
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VENDOR := web/static/vendor/tabler.css

.DEFAULT_GOAL := help
.PHONY: help demo build assets generate test check fmt bench fault pictures clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: build ## build and start the console with a private Postgres and a sandbox organization
	@./scripts/need.sh postgres
	./bin/portcullis demo

build: assets ## the binary, bin/portcullis
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/portcullis ./cmd/server

assets: $(VENDOR) ## fetch the pages' third-party assets

$(VENDOR): web/package.json web/package-lock.json web/vendor.mjs
	@./scripts/need.sh node
	npm ci --prefix web --no-audit --no-fund --loglevel=error
	node web/vendor.mjs
	@touch $@

generate: assets ## the Go code of the templ pages, and the reference of the API
	$(GO) tool templ generate -path web
	$(GO) tool templ generate -path test/load
	$(GO) test ./web/api -run '^TestReference$$' -count=1 -args -update-reference

test: assets ## all tests: unit, Postgres, sandbox, browser
	@./scripts/need.sh postgres chromium
	$(GO) test -timeout 20m ./...

check: ## formatting, generated code, vet, import rules, lint
	@./scripts/check.sh "$$(./scripts/tool.sh golangci-lint $(GOLANGCI))"

fmt: ## format the code
	@"$$(./scripts/tool.sh golangci-lint $(GOLANGCI))" fmt
	$(GO) tool templ fmt web

bench: build ## measure, and write docs/benchmarks.md
	@./scripts/need.sh postgres
	$(GO) test -run '^TestBench' -count=1 -timeout 150m -v ./test/load -args -bench-report=../../docs/benchmarks.md

fault: assets ## kill, freeze and lie to the server, at length; writes docs/reliability.md
	@./scripts/need.sh postgres
	$(GO) test -count=1 -timeout 60m -v ./test/fault -args -long -report=../../docs/reliability.md

pictures: assets ## of every page, light and dark, wide and narrow, in bin/pictures; and the README's
	@./scripts/need.sh postgres chromium
	PORTCULLIS_SCREENSHOTS=bin/pictures $(GO) test -count=1 -run 'TestPages|TestMainJob' ./test/e2e

clean: ## remove what was built and fetched, and the demo's data
	rm -rf bin web/static/vendor web/node_modules .tools .portcullis
