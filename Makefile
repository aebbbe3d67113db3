# The one command is "make test". Everything that is not Go, and every tool, is
# installed into .cache at its pinned version (elsewhere: WAMPETER_CACHE).

STATICCHECK   := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

export WAMPETER_CACHE ?= $(CURDIR)/.cache
TOOLS := $(WAMPETER_CACHE)/bin

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/wampeter
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/wampeter

.PHONY: test
test: test-go test-interop ## Run all tests (needs Go, a C compiler, Python 3 and Node)

.PHONY: test-go
test-go: need-cc need-ssh-keygen ## Run the Go tests with the race detector, and check the format
	@unformatted=$$(gofmt -l bench $$(go list -f '{{.Dir}}' ./...)); test -z "$$unformatted" || { echo "run make fmt for:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go test -race ./...
	go test -run Alloc ./internal/... ./wamp ./router
	go test ./internal/transport/... # makes other system calls than with -race
	go -C bench vet ./...

.PHONY: test-interop
test-interop: need-cc need-python3 need-node need-npm need-chromium ## Run the tests against other people's clients and routers
	go vet -tags interop ./interop
	go -C interop test -tags interop -race -count 1 -timeout 10m

.PHONY: lint
lint: $(TOOLS)/staticcheck ## Run go vet and staticcheck
	go vet -tags interop ./...
	$(TOOLS)/staticcheck -tags interop ./...

.PHONY: lint-all
lint-all: $(TOOLS)/golangci-lint ## Run everything that .golangci.yml enables
	$(TOOLS)/golangci-lint run

.PHONY: fmt
fmt: ## Format the Go code
	gofmt -w bench $$(go list -f '{{.Dir}}' ./...)

.PHONY: bench
bench: ## Compare with other routers on this machine, in bench/
	go -C bench run .

.PHONY: cross
cross: ## Build for every platform, without C
	@set -e; for platform in $(PLATFORMS); do \
		echo "build $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} go build -o /dev/null ./...; \
	done

.PHONY: dist
dist: ## Make the archives of a release in dist/, with checksums
	@set -e; rm -rf dist; for platform in $(PLATFORMS); do \
		os=$${platform%/*} arch=$${platform#*/} name=wampeter-$${platform%/*}-$${platform#*/}; \
		echo "dist/$$name.tar.gz"; \
		mkdir -p dist/$$name; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '-s -w' -o dist/$$name/ ./cmd/wampeter; \
		cp README.md LICENSE CHANGELOG.md dist/$$name; \
		tar -C dist -czf dist/$$name.tar.gz $$name; \
		rm -r dist/$$name; \
	done; cd dist; sha256sum *.tar.gz > SHA256SUMS

.PHONY: clean
clean: ## Remove everything that was built or installed here
	rm -rf bin dist .cache

# The tools are installed again when a version above changes.
$(TOOLS)/staticcheck $(TOOLS)/golangci-lint: Makefile
	GOBIN=$(TOOLS) go install $(if $(filter %/staticcheck,$@),$(STATICCHECK),$(GOLANGCI_LINT))
	@touch $@

# What has to be there, and where it comes from.
WHERE_cc      := a C compiler for the race detector (Debian: apt-get install gcc libc6-dev)
WHERE_python3 := Python 3.11 or later (Debian: apt-get install python3 python3-venv)
WHERE_node    := Node 18 or later (Debian: apt-get install nodejs)
WHERE_npm     := the package manager of Node (Debian: apt-get install npm)
WHERE_chromium := a browser for the page of examples/browser (Debian: apt-get install chromium)
WHERE_ssh-keygen := OpenSSH's tools, to read keys (Debian: apt-get install openssh-client)

.PHONY: need-cc need-ssh-keygen need-python3 need-node need-npm need-chromium
need-cc need-ssh-keygen need-python3 need-node need-npm need-chromium: need-%:
	@command -v $* >/dev/null || { echo "$* is missing: install $(WHERE_$*)"; exit 1; }
