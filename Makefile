# make refresh: install what is needed and publish two quarters of the simulated twin. make test: install and test.
# make test-fast: what can be told in two to four minutes, between two edits. make soak: the long forms of tests, before a release.
# A first look need not have the 200 replicates of a nightly run: with 40, intervals are those of the outermost draws.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: refresh test test-fast soak ui wheelhouse bench bench-short bench-levels lint clean

refresh: $(READY)
	@POVERTY_ASSETS_REPLICATES=$${POVERTY_ASSETS_REPLICATES:-40} $(BIN)/poverty-assets refresh

PYTEST = $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
# types are checked beside the tests, which wait for servers and browsers now and then; both have to hold
TYPES_BESIDE = $(BIN)/mypy & types=$$!; $(1); tests=$$?; wait $$types && exit $$tests

test: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(call TYPES_BESIDE,$(PYTEST))

test-fast: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(call TYPES_BESIDE,$(PYTEST) -m "not soak and not slow" --ignore poverty_assets_tests/integration)

soak: $(READY)
	@$(PYTEST) -m soak

ui: $(READY)
	@$(BIN)/poverty-assets ui

# Everything that an install needs, to be carried to a machine without a network (docs/runbook.md)
wheelhouse: $(READY)
	@$(BIN)/python -m pip wheel --quiet --wheel-dir wheelhouse --constraint constraints.txt '.[khm,fetch,server]'
	@cp constraints.txt wheelhouse/
	@echo "wheelhouse/ holds $$(ls wheelhouse/*.whl | wc -l) wheels; docs/runbook.md says how to install from it"

# Peers beside it: the extra bench, and Debian's r-cran-survey; one that is not there is named and left out
bench: $(READY)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	@$(BIN)/python -m benchmarks

bench-short: $(READY)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	@$(BIN)/python -m benchmarks --short --to $${TO:-/tmp/poverty_assets_bench}

# Intervals and errors at every level over ten seeds that nothing was chosen on (an hour or two); goes on where it was stopped
bench-levels: $(READY)
	@$(BIN)/python -m benchmarks.bench_small_area --seeds 101 102 103 104 105 106 107 108 109 110 --replicates 200 --folder levels

lint: $(READY)
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/mypy

# Debian ships Python without ensurepip unless python3-venv is installed; root is given it, others are told.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq python3-venv; } || \
		{ echo "python3-venv is needed: sudo apt-get install python3-venv" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing pinned dependencies into $(VENV) (once; some minutes)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,khm,fetch,server]'
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
