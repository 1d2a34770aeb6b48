# Needs Go, git and make; every other tool is run by its exact version.

GO      ?= go
VERSION ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null || echo devel)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
OUT     ?= tcptune
FUZZTIME ?= 60s
BENCHFLAGS ?=
# The lab has a row that waits for six minutes.
TESTFLAGS ?= -timeout 30m

# -buildvcs=false: the commit is given here, and a build does not depend on
# whether git trusts the folder.
BUILD = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false \
	-ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)'
LINT  = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: all build reproducible test race lint fuzz bench lab kernels golden docs clean

all: build

build:
	$(BUILD) -o $(OUT) ./cmd/tcptune

# Builds twice, the second time from a copy in another folder with an empty
# cache, and compares the bytes.
reproducible:
	@set -e; dir=$$(mktemp -d); trap 'chmod -R u+w "$$dir"; rm -rf "$$dir"' EXIT; \
	$(BUILD) -o "$$dir/first" ./cmd/tcptune; \
	mkdir "$$dir/copy"; git ls-files -z -co --exclude-standard | xargs -0 cp --parents -t "$$dir/copy"; \
	cd "$$dir/copy"; GOCACHE="$$dir/cache" $(BUILD) -o "$$dir/second" ./cmd/tcptune; \
	cmp "$$dir/first" "$$dir/second"; sha256sum <"$$dir/first"

# TCPTUNE_REQUIRE=netns,ss turns a skip for want of one of these into a failure.
test:
	$(GO) test $(TESTFLAGS) ./...

race:
	$(GO) test -race $(TESTFLAGS) ./...

lint:
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(LINT) run

# Fuzzes every target for FUZZTIME, one after another. 20000x is a number of
# executions; Go before 1.27 now and then ends a timed run with "context
# deadline exceeded" although nothing was found (go.dev/issue/75804).
fuzz:
	@set -e; for package in $$($(GO) list ./...); do \
		targets=$$($(GO) test -list '^Fuzz' $$package); \
		for target in $$(echo "$$targets" | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

# Prints what the budgets of ARCHITECTURE.md cost here, beside other programs in
# the same run. BENCHFLAGS='-sizes 10000,100000 -goals=false' takes some minutes
# and little memory; -write docs/performance.md keeps the result.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./rules ./internal/...
	$(GO) run ./internal/bench $(BENCHFLAGS)

# Shows every rule that this machine can show (cmd/tcptune/lab_row_linux_test.go)
# and writes docs/evidence.md.
lab:
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; export TCPTUNE_LAB_RESULTS="$$dir"; \
	$(GO) test -count=1 -run '^TestLab$$' -v ./cmd/tcptune; \
	$(GO) test -count=1 -run '^TestEvidence$$' ./cmd/tcptune -update

# Runs every kernel-facing test on Debian's kernels 6.1 and 6.12, in QEMU.
kernels:
	$(GO) run ./internal/kernels -log docs/kernels.log

# Writes the expected outputs anew. Read the diff before you commit it.
golden:
	$(GO) test ./rules ./cmd/tcptune -update

docs:
	$(GO) generate ./...

clean:
	rm -f $(OUT)
