# The verbs of the project. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
BPMONITOR := target/release/bpmonitor
DATA ?= target/example-ward
REAL_DATA := target/real-data
FUZZ_SECONDS ?= 300
LISTEN ?= 127.0.0.1:8080
E2E ?= full

.PHONY: help
help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build, and run the example ward, live: the page is at LISTEN (127.0.0.1:8080)
	$(BPMONITOR) run -f examples/ward.yaml --data $(DATA) --listen $(LISTEN)

.PHONY: build
build: ## Build the user's command, target/release/bpmonitor
	$(CARGO) build --locked --release -p bpmonitor-local

.PHONY: cluster
cluster: ## Build what runs on Kafka and Elasticsearch: producer, classifier, and bpmonitor with its cluster commands
	$(CARGO) build --locked --release -p bpmonitor-producer -p bpmonitor-classifier -p bpmonitor-local \
	    --features bpmonitor-local/cluster

.PHONY: images
images: ## Build the images, with docker, podman or buildah: TOOL, TAG, REGISTRY, BASE and more are in deploy/images.sh
	deploy/images.sh

.PHONY: kind-up
kind-up: ## A whole bp-monitor in a local cluster of kind: Kafka, Elasticsearch, Kibana, the operator, a ward
	deploy/kind/up.sh

.PHONY: kind-down
kind-down: ## Remove that cluster
	deploy/kind/down.sh

.PHONY: test
test: real-data test-tools ## Run all tests; gets what they need, a real Kafka and Elasticsearch too (a few minutes the first time)
	$(CARGO) build --locked --workspace --all-features
	tests/with-lab.sh tests/side_by_side.py --locked --workspace --all-features
	python3 tests/real-data/test_count.py
	tests/fhir-profile/simulated.sh target/debug/bpmonitor
	tests/page/run.sh target/debug/bpmonitor

.PHONY: test-tools
test-tools: ## Get what building and testing everything needs and is missing
	tests/tools.sh

.PHONY: lab-up
lab-up: ## Bring up a real Kafka and Elasticsearch to test against, if they are not up
	tests/lab/up.sh

.PHONY: lab-down
lab-down: ## End them; their data stays
	tests/lab/down.sh

.PHONY: lint
lint: test-tools ## Check format, lints and shell scripts
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings
	for script in $$(git ls-files "*.sh"); do bash -n "$$script"; done
	shellcheck -x deploy/*.sh deploy/kind/*.sh tests/e2e/*.sh tests/e2e/eck/*.sh tests/e2e/kafka/*.sh
	deploy/check.sh

.PHONY: deny
deny: target/tools/bin/cargo-deny ## Check licences, sources and doubled dependencies
	target/tools/bin/cargo-deny --workspace check bans licenses sources

target/tools/bin/cargo-deny:
	$(CARGO) install --locked --root target/tools cargo-deny@0.20.2

.PHONY: crds
crds: ## Write the CRD's YAML anew from its type, and what the chart has of it
	mkdir -p target
	$(CARGO) run --locked -q -p bpmonitor-crds --bin crdgen > target/crd.yaml.new
	mv target/crd.yaml.new crds/bpmonitors.bpmonitor.dev.yaml
	cp crds/bpmonitors.bpmonitor.dev.yaml operator/rbac.yaml charts/bp-monitor/files

.PHONY: chart
chart: ## Write the chart's documentation anew from its values, and what it has of others
	cp crds/bpmonitors.bpmonitor.dev.yaml operator/rbac.yaml charts/bp-monitor/files
	deploy/values-docs.sh

.PHONY: e2e
e2e: ## From helm install to classified readings on the lab's node, and through kills, scaling, upgrades; E2E=short for less of it, E2E=eck on ECK's operator, E2E=external on your cluster
	tests/e2e/run.sh $(E2E)

.PHONY: kibana
kibana: ## Write what kibana/ holds for import by hand anew from its code
	mkdir -p target
	for what in saved-objects alerts; do \
	    $(CARGO) run --locked -q -p bpmonitor-kibana --bin kibanagen -- "$$what" > "target/$$what.new"; \
	done
	mv target/saved-objects.new kibana/saved-objects.ndjson
	mv target/alerts.new kibana/alerts.json

.PHONY: real-data
real-data: ## Get real FHIR to test with: HL7's examples and test cases, a Synthea population
	tests/real-data/get.sh $(REAL_DATA)

.PHONY: screenshot
screenshot: build ## Take the README's picture anew
	tests/page/screenshot.sh $(BPMONITOR) docs/screenshot.png

.PHONY: bench
bench: build ## Measure beside what we compare with; fails where a promise is missed
	$(CARGO) build --locked --release -p bpmonitor-bench
	target/release/bpmonitor-bench $(BPMONITOR)

.PHONY: bench-cluster
bench-cluster: ## Measure the classifier beside other pipelines, on a lab of its own; fails where a promise is missed (40 minutes)
	bench/cluster/run.sh

.PHONY: soak
soak: real-data ## The long forms of fault and load tests
	BPMONITOR_TEST_KILLS=500 $(CARGO) test --locked --release -p bpmonitor-local --test kill -- --nocapture
	BPMONITOR_TEST_RATE_SECONDS=60 $(CARGO) test --locked --release -p bpmonitor-local --test live
	PROPTEST_CASES=100000 $(CARGO) test --locked --release -p bpmonitor-clinical --test properties
	BPMONITOR_TEST_KILLS=200 BPMONITOR_TEST_SERVER_KILLS=20 BPMONITOR_TEST_BACKLOG=2000000 BPMONITOR_TEST_GARBAGE=1000000 \
	    tests/with-lab.sh $(CARGO) test --locked -p bpmonitor-classifier -- --nocapture
	BPMONITOR_TEST_KILLS=100 tests/with-lab.sh $(CARGO) test --locked -p bpmonitor-producer --all-features --test kafka_kill
	BPMONITOR_TEST_MONITORS=500 $(CARGO) test --locked --release -p bpmonitor-operator --test scale -- --nocapture
	$(MAKE) e2e
	$(MAKE) fuzz FUZZ_SECONDS=1800

.PHONY: fuzz
fuzz: target/tools/bin/cargo-fuzz ## Any bytes into the reader, for FUZZ_SECONDS (300)
	services/clinical/fuzz/seed.sh
	cd services/clinical/fuzz && RUSTC_BOOTSTRAP=1 $(CURDIR)/target/tools/bin/cargo-fuzz run --sanitizer none read -- \
	    -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=65536

target/tools/bin/cargo-fuzz:
	$(CARGO) install --locked --root target/tools cargo-fuzz@0.13.2

.PHONY: clean
clean: ## Remove everything built and downloaded
	$(CARGO) clean
