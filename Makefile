# "make help" lists the targets.

SHELL := /bin/sh
GO ?= go
export GO
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VENDOR := web/static/vendor/tabler.css

# Where measurements are written, and how long they take.
BENCH_REPORT ?= docs/benchmarks.md
BENCH_ACCOUNTS ?= 100,1000,10000
FAULT_REPORT ?= docs/reliability.md
FUZZ_TIME ?= 2m
SIM_SCHEDULES ?= 1000000

# Node.js is needed only while the third-party files are missing or out of date.
NODE = $$($(MAKE) -q assets || echo node)

.DEFAULT_GOAL := help
.PHONY: help demo build assets generate test check fmt race fuzz sim linear fault bench nightly pictures clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: ## build and start the console with a private Postgres and a sandbox organization
	@./scripts/need.sh go $(NODE) postgres ports
	@$(MAKE) --no-print-directory build
	./bin/portcullis demo

build: assets ## build the program, bin/portcullis
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/portcullis ./cmd/server

assets: $(VENDOR) ## fetch the third-party files of the pages

$(VENDOR): web/package.json web/package-lock.json web/vendor.mjs
	@./scripts/need.sh node
	npm ci --prefix web --no-audit --no-fund --loglevel=error
	node web/vendor.mjs
	@touch $@

generate: assets ## generate the Go code of the templ pages, docs/api-reference.md and the table of imports
	$(GO) tool templ generate -path web
	$(GO) tool templ generate -path test/load
	$(GO) test ./web/api -run '^TestReference$$' -count=1 -args -update-reference
	$(GO) test ./test/deps -run '^TestArchitectureTable$$' -count=1 -args -update

test: ## run all tests: unit, Postgres, sandbox, browser
	@./scripts/need.sh go $(NODE) postgres chromium
	@$(MAKE) --no-print-directory assets
	$(GO) test -timeout 20m ./...

check: ## check go.mod, generated code, import rules, documentation, format and lint; changes no file
	@./scripts/need.sh go $(NODE) postgres
	@$(MAKE) --no-print-directory assets
	@./scripts/check.sh "$$(./scripts/tool.sh golangci-lint $(GOLANGCI))"

fmt: ## format the code
	@"$$(./scripts/tool.sh golangci-lint $(GOLANGCI))" fmt
	$(GO) tool templ fmt web

race: assets ## run the tests of internal/ with the race detector
	@./scripts/need.sh go postgres cc
	CGO_ENABLED=1 $(GO) test -race -timeout 60m ./internal/...

fuzz: ## run each fuzz target for FUZZ_TIME (2m)
	@./scripts/need.sh go
	./scripts/fuzz.sh $(FUZZ_TIME)

sim: ## simulate SIM_SCHEDULES rollouts (1000000), then rollouts of an engine that is broken on purpose
	@./scripts/need.sh go
	$(GO) test -count=1 -timeout 6h -run '^TestSchedules$$' -v ./test/sim -args -sim-schedules=$(SIM_SCHEDULES)
	$(GO) test -count=1 -timeout 6h -run '^TestMutants$$' -v ./test/sim -args -sim-mutants

linear: ## three consoles that are killed must act as one, the long form, then consoles that are broken on purpose
	@./scripts/need.sh go postgres
	$(GO) test -count=1 -timeout 60m -run '^TestLinearizable$$' -v ./test/linear -args -linear-for=5m
	$(GO) test -count=1 -timeout 2h -run '^TestMutants$$' -v ./test/linear -args -linear-mutants

fault: assets ## kill, freeze and mislead consoles, the long form; writes docs/reliability.md
	@./scripts/need.sh go postgres
	$(GO) test -count=1 -timeout 60m -v ./test/fault -args -long -report=$(abspath $(FAULT_REPORT))

bench: build ## run the benchmarks; writes docs/benchmarks.md
	@./scripts/need.sh go postgres
	$(GO) test -run '^TestBench' -count=1 -timeout 150m -v ./test/load -args \
		-bench-report=$(abspath $(BENCH_REPORT)) -bench-accounts=$(BENCH_ACCOUNTS)

nightly: ## race, fuzz, sim, linear, fault and bench up to 1,000 accounts: hours; reports go to bin/
	@./scripts/need.sh go $(NODE) postgres cc
	@mkdir -p bin
	@$(MAKE) --no-print-directory --keep-going race fuzz sim linear fault bench FAULT_REPORT=bin/reliability.md \
		BENCH_REPORT=bin/benchmarks.md BENCH_ACCOUNTS=100,1000

pictures: assets ## take pictures of every page into bin/pictures, and the one of README.md
	@./scripts/need.sh go postgres chromium
	PORTCULLIS_SCREENSHOTS=bin/pictures $(GO) test -count=1 -run 'TestPages|TestMainJob' ./test/e2e

clean: ## remove everything that was built or fetched
	rm -rf bin web/static/vendor web/node_modules .tools
