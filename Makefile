# The short door to everything. `make help` lists what there is.
SHELL := /bin/bash
PRESET ?= release
BUILD := build/$(PRESET)
# Real weights and photos, if you have them; see README.md.
MODELS ?= ../shared/models
STAGES := . scripts/stages.sh &&

.DEFAULT_GOAL := help
# Installing twice at once would fail; the build itself is parallel.
.NOTPARALLEL:
.PHONY: help deps deps-dev build run serve test test-asan test-tsan format plain lint bench peers soak \
	screenshot image-test image-test-debian13 clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 27

deps: ## Install the Debian 12 packages (asks for root where needed)
	@scripts/install-debian.sh

deps-dev:
	@scripts/install-debian.sh --dev

build: deps ## Build the server and its tools
	@scripts/build.sh $(PRESET)

run: ## Install, build, start the server, classify sample photos, say how to go on
	@$(STAGES) stages_begin
	@scripts/install-debian.sh --build-only
	@scripts/build.sh $(PRESET) siskin
	@$(STAGES) stages_end
	@scripts/demo.sh $(BUILD)/bin/siskin "$(MODELS)"

serve: ## Start the server in the foreground, with the models of `make run`
	@scripts/install-debian.sh --build-only
	@scripts/build.sh $(PRESET) siskin
	@scripts/demo.sh --serve $(BUILD)/bin/siskin "$(MODELS)"

test: ## Install, build everything and run all tests
	@$(STAGES) stages_begin
	@$(MAKE) --no-print-directory build
	@scripts/run_tests.sh $(BUILD)

test-asan: ## The tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory test PRESET=asan

test-tsan: ## The threaded tests under ThreadSanitizer
	@$(MAKE) --no-print-directory build PRESET=tsan
	@scripts/run_tests.sh build/tsan -L threads

format: deps-dev ## Format the C++ sources
	@git ls-files '*.cc' '*.h' | xargs clang-format -i

plain: deps ## Check that each file includes what it uses, without precompiled headers
	@scripts/check_plain.sh

lint: deps-dev plain ## Check format and clang-tidy
	@git ls-files '*.cc' '*.h' | xargs clang-format --dry-run -Werror
	@git ls-files '*.cc' | grep -v '^tests/' | xargs -P 2 -n 4 clang-tidy -quiet -p build/plain

bench: ## Latency and throughput of MobileNetV2 in this process
	@scripts/install-debian.sh --build-only
	@scripts/build.sh $(PRESET) siskin
	@scripts/demo.sh --bench $(BUILD)/bin/siskin "$(MODELS)"

peers: deps-dev build ## Compare with ONNX Runtime, alternating, outputs checked first
	@loadtest/peers/onnxruntime/run.sh $(BUILD)/bin/siskin "$(MODELS)"

soak: build ## 100,000 requests; fails if resident memory grows
	@loadtest/soak.py --siskin $(BUILD)/bin/siskin --siskin-load $(BUILD)/bin/siskin-load

screenshot: deps ## Take docs/images during load: the Prometheus console and the status page
	@scripts/install-debian.sh --image
	@scripts/build.sh $(PRESET)
	@[ ! -d "$(MODELS)" ] || deploy/repository/link.sh "$(MODELS)" build/repository >/dev/null
	@/usr/bin/python3 -B tests/deploy/monitoring/screenshot.py --bin $(BUILD)/bin \
	  $(if $(wildcard $(MODELS)),--repository build/repository) docs/images/console.png
	@cmake --build $(BUILD) --target status_page_screenshot

image-test: ## Build the container image, run it unprivileged and check both (as root)
	@scripts/install-debian.sh --image
	@scripts/build.sh $(PRESET) siskin
	@SISKIN_BINARY=$(BUILD)/bin/siskin MODELS="$(MODELS)" tests/deploy/image/image_test.py

image-test-debian13: ## The unit tests and the image on Debian 13 (as root; long)
	@scripts/install-debian.sh --image
	@tests/deploy/image/debian13_test.py

clean: ## Remove the build folder
	@rm -rf build
