# make help lists what there is. Products are built in the workspace (go.work);
# what only tests and the demo need has modules of its own outside it. Tests of
# those run programs and read files that go test knows nothing of, so their
# results are never taken from its cache (-count=1).

PRODUCTS := exporter scaler service starter
OUTSIDE  := charts demo docker/notices docker/sbom docs/check e2e $(patsubst %/go.mod,%,$(wildcard examples/*/go.mod examples/*/*/go.mod)) testbed tests

GOFLAGS_PRODUCTS = $(PRODUCTS:%=./%/...)
DECIDING = ./scaler/calendar ./scaler/config ./scaler/decide ./scaler/flap
FUZZTIME = 10000x
SCRIPTS  = .ci/run .ci/release-check .ci/side-by-side $(shell git ls-files '*.sh')

# A commit that is no release says so: 0.1.0-dev. The file VERSION is checked against everything else by release-check.
VERSION  ?= $(shell cat VERSION)$(if $(shell git tag --points-at HEAD v$$(cat VERSION) 2>/dev/null),,-dev)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)$(shell git diff --quiet HEAD 2>/dev/null || echo -dirty)
LDFLAGS   = -X github.com/prometheus/common/version.Version=$(VERSION) -X github.com/prometheus/common/version.Revision=$(REVISION)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: bin/demo ## Show the whole job on real parts; Ctrl-C ends it (ARGS=--once: end by itself)
	@exec bin/demo $(ARGS)

.PHONY: example
example: ## Show an example on this machine: NAME=kafka or another folder of examples (ARGS=--once: end by itself)
	@test -n "$(NAME)" || { echo "make example: name one of:" $(notdir $(wildcard examples/*)) "as NAME" >&2; exit 2; }
	@cd examples/$(NAME) && GOWORK=off go run . $(ARGS)

# A real Kubernetes node takes root on Linux. There e2e has to pass, elsewhere
# make test says that it is left out.
NODE := $(filter Linux-0,$(shell uname -s)-$(shell id -u))

# What make test runs side by side: docs/testing.md has what each costs. Those that mostly wait come first, the longest
# before the others; those that compute come last, as they fill all cores. e2e-story starts a little later, so that its
# load is not there while test-scaler measures seconds.
TESTS := test-exporter test-scaler test-testbed $(if $(NODE),e2e-story) test-example-kafka test-dashboards $(if $(NODE),e2e-node) test-demo \
	test-example-scan test-example-payments $(if $(NODE),e2e-images) charts unit lint soak fuzz test-docker coverage docs

.PHONY: test
test: ## Prove all of it on real parts
	@echo "make test: the first time on a machine this builds the real parts first, Kubernetes alone for 6 minutes; docs/testing.md has what the rest costs"
	@$(MAKE) --no-print-directory $(if $(NODE),e2e-needs,no-e2e) parts
	@.ci/side-by-side $(TESTS)

.PHONY: check
check: lint unit docs ## The quick inner loop: lint and unit tests

.PHONY: docs
docs: ## That links, commands and references in the documentation are right
	cd docs/check && GOWORK=off go test -count=1 ./...

.PHONY: unit
unit: ## Unit tests of the products
	go test -race $(GOFLAGS_PRODUCTS)

.PHONY: coverage
coverage: ## That tests reach 95 % of the statements of what decides
	go test -cover $(DECIDING) | awk -F 'coverage: ' '{print} $$2+0 >= 95 {n++} END {exit n != $(words $(DECIDING))}'

.PHONY: fuzz
fuzz: ## Fuzz what is read and what decides (FUZZTIME=1m for longer)
	@grep -ro --include='*_test.go' '^func Fuzz[A-Za-z]*' $(PRODUCTS) | sort | while IFS=: read -r file name; do \
		echo "go test -fuzz $${name#func } ./$${file%/*}"; \
		go test -run '^$$' -fuzz "^$${name#func }$$" -fuzztime $(FUZZTIME) "./$${file%/*}" || exit 1; \
	done

.PHONY: soak soak-long
soak: ## Two scalers in simulated time, with everything going wrong
	go test -count=1 -run TestSoak -v ./scaler/fleet
soak-long: ## The same for five million decisions, and minutes for each fuzz test: before a release, and once a week
	SOAK_DECISIONS=5000000 go test -count=1 -timeout 60m -run TestSoak -v ./scaler/fleet
	@$(MAKE) --no-print-directory fuzz FUZZTIME=3m

.PHONY: lint
lint: bin/golangci-lint bin/actionlint ## Lint every module, the workflows and the scripts
	bin/golangci-lint run $(GOFLAGS_PRODUCTS)
	@for m in $(OUTSIDE); do echo "bin/golangci-lint run ($$m)"; (cd $$m && GOWORK=off $(CURDIR)/bin/golangci-lint run ./...) || exit 1; done
	bin/actionlint
	@if command -v shellcheck >/dev/null; then echo shellcheck; shellcheck $(SCRIPTS); else echo "make lint: shellcheck is not installed, so the scripts are left out"; fi

.PHONY: fmt
fmt: bin/golangci-lint ## Format the Go code as the linter wants it
	bin/golangci-lint fmt $(PRODUCTS)
	@for m in $(OUTSIDE); do (cd $$m && GOWORK=off $(CURDIR)/bin/golangci-lint fmt ./...) || exit 1; done

.PHONY: tidy
tidy: ## go mod tidy in every module
	@git ls-files '*go.mod' | while read -r mod; do echo "$${mod%/go.mod}"; (cd "$${mod%/go.mod}" && GOWORK=off go mod tidy) || exit 1; done
	go work sync

.PHONY: vuln
vuln: bin/govulncheck ## Look for known vulnerabilities in what is shipped (asks vuln.go.dev)
	@for m in $(PRODUCTS); do echo "bin/govulncheck ($$m)"; (cd $$m && GOWORK=off $(CURDIR)/bin/govulncheck ./...) || exit 1; done

.PHONY: release-check
release-check: ## That everything names the version in the file VERSION (TAG=v1.2.3: and the tag)
	.ci/release-check $(TAG)

.PHONY: parts
parts: ## Build the real parts that tests run, once; KUBEBUILDER_ASSETS is taken instead of a control plane
	@cd testbed && GOWORK=off go run ./prepare $(if $(NODE),-node)

.PHONY: test-parts
test-parts: test-testbed test-docker test-exporter test-scaler test-dashboards ## The products against real engines, a real API server, a real Prometheus

.PHONY: test-testbed test-docker test-exporter test-scaler test-dashboards
test-testbed:
	cd testbed && GOWORK=off go test -count=1 -race -timeout 40m ./...
test-docker:
	cd docker/sbom && GOWORK=off go test -count=1 ./...
	cd docker/notices && GOWORK=off go test -count=1 ./...
test-exporter:
	cd tests && GOWORK=off go test -count=1 -race -timeout 40m -parallel 4 -v ./exporter ./starter
test-scaler:
	cd tests && GOWORK=off go test -count=1 -race -timeout 40m -parallel 4 -v ./scaler ./scale ./page
test-dashboards:
	cd tests && GOWORK=off go test -count=1 -race -timeout 40m -v ./dashboards/...

.PHONY: test-demo
test-demo: bin/demo ## The demo's story, and that its replicas settle where they should
	cd demo && GOWORK=off go test -count=1 -race ./...
	bin/demo --once

.PHONY: test-example-scan
test-example-scan: ## The example scan-workers, end to end
	cd examples/scan-workers && GOWORK=off go test -count=1 -timeout 20m -v ./...

.PHONY: test-example-kafka
test-example-kafka: ## The example kafka, end to end
	cd examples/kafka/admin && GOWORK=off go test -count=1 ./...
	cd examples/kafka && GOWORK=off go test -count=1 -timeout 20m -v ./...

.PHONY: test-example-payments
test-example-payments: $(if $(NODE),e2e-needs) ## The example payments, end to end; as root on Linux on a real node too
	cd examples/payments && GOWORK=off go test -count=1 -timeout 20m -v ./...
ifdef NODE
	cd examples/payments/node && GOWORK=off go test -count=1 -timeout 20m -v ./...
endif

.PHONY: test-example-payments-gitops
test-example-payments-gitops: ## The example payments deployed by Flux; the first time it builds Flux's kustomize-controller, 5 minutes
	cd examples/payments/node && GOWORK=off go test -count=1 -timeout 40m -v ./gitops -args -flux

.PHONY: bench-example
bench-example: ## Measure what an example's README has: NAME=scan-workers ARGS=packing (ARGS=--help: what there is)
	cd examples/$(NAME) && GOWORK=off go run ./bench $(ARGS)

.PHONY: bench-scale
bench-scale: ## What 100 to 10,000 workloads cost, a quarter of an hour (ARGS='-sizes 1000 -layouts separate')
	cd tests && GOWORK=off go run ./scale/bench size $(ARGS)

.PHONY: bench-reaction
bench-reaction: ## How long from a load's change to the step, three minutes (ARGS='-peers keda,hpa,keda-1s': others too, a quarter of an hour)
	cd tests && GOWORK=off go run ./scale/bench reaction $(ARGS)

.PHONY: bench-peers
bench-peers: ## Build KEDA and prometheus-adapter for bench-reaction, once: nine minutes
	@cd testbed && GOWORK=off go run ./prepare -peers

.PHONY: charts
charts: ## Check the charts, dashboards and alerts
	cd charts && GOWORK=off go test -count=1 -timeout 40m ./...

.PHONY: manifests
manifests: ## Make the files that are made from others: k8s_resources, the charts' copies and tables
	go generate ./scaler/config
	cd charts && GOWORK=off go run ./generate
	cd docs/check && GOWORK=off go run .

.PHONY: e2e
e2e: e2e-images e2e-node e2e-story ## The charts and images on a real Kubernetes node, as root on Linux (see e2e/README.md)

.PHONY: e2e-images e2e-node e2e-story
e2e-images: e2e-needs
	cd e2e && GOWORK=off go test -count=1 -timeout 60m -v ./images ./image
e2e-node: e2e-needs
	cd e2e && GOWORK=off go test -count=1 -p 1 -parallel 8 -timeout 60m -v -skip '^TestStory$$' . ./netns ./node
e2e-story: e2e-needs
	cd e2e && GOWORK=off go test -count=1 -timeout 60m -v -run '^TestStory$$' .

.PHONY: e2e-needs
e2e-needs:
	@missing=$$(e2e/missing.sh); [ -z "$$missing" ] || { echo "e2e: install first:" $$missing "(see e2e/README.md)" >&2; exit 1; }

.PHONY: no-e2e
no-e2e:
	@echo "make test: e2e is left out: a real Kubernetes node takes root on Linux, and this is $$(id -un) on $$(uname -s)"

.PHONY: images
images: ## Build the images with Docker or buildah
	docker/images.sh

.PHONY: sbom
sbom: ## Write a bill of materials for each image into dist/
	docker/sbom.sh

.PHONY: dist
dist: ## Pack the programs for each platform into dist/archives, with checksums
	docker/dist.sh

.PHONY: pictures
pictures: ## Take the screenshots of the page and the dashboards on the real stack (needs npm, Chromium and, for the dashboards, GRAFANA_HOME)
	cd tests && GOWORK=off go run ./page/picture
	cd tests && GOWORK=off go run ./dashboards/pictures

.PHONY: picture-example
picture-example: ## Take the screenshot of the dashboard of an example that runs: NAME=kafka PROMETHEUS=URL (needs what pictures does)
	@test -n "$(NAME)" -a -n "$(PROMETHEUS)" || { echo "make picture-example: set NAME, and PROMETHEUS to the URL that make example printed" >&2; exit 2; }
	cd tests && GOWORK=off go run ./dashboards/pictures -prometheus='$(PROMETHEUS)' -out=../examples/$(NAME) \
		-dashboards=$(dir $(firstword $(wildcard $(CURDIR)/examples/$(NAME)/*/*/files/dashboard.json))) $(ARGS)

.PHONY: kind
kind: ## Bring up everything on kind (needs kind, kubectl, Docker or buildah)
	docker/kind.sh

.PHONY: build
build: ## Build the three services into bin/
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./exporter/cmd/... ./scaler/cmd/... ./starter/cmd/...

bin/demo: FORCE
	cd demo && GOWORK=off go build -o ../bin/demo .

# The tools, each pinned by the go.mod in tools/NAME.
bin/golangci-lint: PROGRAM = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
bin/actionlint: PROGRAM = github.com/rhysd/actionlint/cmd/actionlint
bin/govulncheck: PROGRAM = golang.org/x/vuln/cmd/govulncheck
bin/golangci-lint bin/actionlint bin/govulncheck: bin/%: tools/%/go.mod
	cd tools/$* && GOWORK=off go build -o ../../$@ $(PROGRAM)

.PHONY: clean
clean: ## Remove bin/ (the cache of built parts stays; see testbed/README.md)
	rm -rf bin

FORCE:
