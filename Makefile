# Two commands matter: `make demo` and `make test`. The first call of either sets up .venv and native libraries.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := -m pip install --quiet --disable-pip-version-check --no-input
APART := bench mutants pyod spark
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
	--no-header --no-annotate
PYTEST := $(BIN)/python -m compileall -q auditor && $(BIN)/python -m pytest --numprocesses auto --dist loadfile \
	--no-loadscope-reorder
SLOW := e2e or packaging or browser or faults or law or slow

.DEFAULT_GOAL := help
.PHONY: help demo test coverage check gates bench soak mutants pyod spark sbom lock clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

demo: $(READY)/runtime ## Whole pipeline on sample data, offline, into build/demo
	@$(BIN)/auditor demo --out build/demo

test: $(READY)/dev gates ## Gates and every test; ends with the summary
	@$(PYTEST)

coverage: $(READY)/dev ## Every test again, slower, with the branches it took; fails below the floor
	@$(PYTEST) --cov --cov-report=

check: $(READY)/dev gates ## Gates and the quick tests, a minute or two
	@$(PYTEST) --quiet -m "not ($(SLOW) or soak)"

gates: $(READY)/dev
	@mkdir -p build
	@$(BIN)/ruff format --check --quiet --output-format concise .
	@$(BIN)/ruff check --quiet --output-format concise .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo --no-cache > build/imports.txt || { cat build/imports.txt; exit 1; }
	@$(BIN)/deptry --no-ansi . 2> build/deptry.txt || { cat build/deptry.txt; exit 1; }
	@echo "format, lint, types, imports, dependencies: clean"

bench: $(READY)/bench ## Measure speed against the budget
	@$(VENV)/bench/bin/python -m benchmarks

soak: $(READY)/dev ## The long campaigns: faults by the thousand, fuzzing, large sites
	@HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest --quiet -m soak

spark: $(READY)/spark ## Spark gives the audit of one machine, also when a worker is killed (needs Java 17; minutes)
	@$(VENV)/spark/bin/python -m pytest --quiet -m "soak or not soak" tests/engines/test_spark.py tests/engines/test_java.py

mutants: $(READY)/mutants ## How many mutants of the rule engine the tests notice; an hour (ARCHITECTURE, Tests)
	@$(VENV)/mutants/bin/python -m benchmarks mutants

pyod: $(READY)/pyod ## Outlier scores are those of PyOD, live
	@$(VENV)/pyod/bin/python -m pytest --quiet tests/detectors/test_outlier.py

sbom: $(READY)/dev ## Bill of materials of the runtime lock, CycloneDX JSON
	@mkdir -p build
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --output-reproducible --of JSON --pyproject pyproject.toml \
		--output-file build/sbom.cdx.json locks/runtime.lock
	@echo build/sbom.cdx.json

lock: $(READY)/dev ## Write locks/ again; `make lock UPGRADE=--upgrade` takes newer versions
	@$(COMPILE) $(UPGRADE) pyproject.toml --output-file locks/runtime.lock
	@$(COMPILE) $(UPGRADE) --group build --constraints locks/runtime.lock --output-file locks/build.lock
	@$(COMPILE) $(UPGRADE) pyproject.toml --extra cloud --extra geo --extra sign --group dev --constraints locks/runtime.lock \
		--constraints locks/build.lock --output-file locks/dev.lock
	@$(COMPILE) $(UPGRADE) --group bench --constraints locks/runtime.lock --output-file locks/bench.lock
	@$(COMPILE) $(UPGRADE) pyproject.toml --extra geo --group mutants --constraints locks/runtime.lock \
		--constraints locks/dev.lock --output-file locks/mutants.lock
	@$(COMPILE) $(UPGRADE) pyproject.toml --group pyod --constraints locks/runtime.lock --constraints locks/dev.lock \
		--output-file locks/pyod.lock
	@$(COMPILE) $(UPGRADE) pyproject.toml --extra cloud --extra geo --extra spark --group spark --constraints locks/runtime.lock \
		--constraints locks/dev.lock --output-file locks/spark.lock

clean: ## Remove what was made, .venv included
	@rm -rf build dist $(VENV) .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "auditor needs Python 3.11 or newer; name one: make PYTHON=python3.11" >&2; exit 2; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 2; }
	@mkdir -p $(READY) build
	@touch $@

$(READY)/runtime: locks/runtime.lock locks/build.lock pyproject.toml .ci/native | $(READY)/venv
	@echo "setting up auditor (once)"
	@$(if $(SKIP_NATIVE),:,.ci/native runtime)
	@$(BIN)/python $(PIP) --require-hashes -r locks/runtime.lock -r locks/build.lock
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(READY)/dev: $(READY)/runtime locks/dev.lock
	@echo "setting up what the tests need (once)"
	@$(if $(SKIP_NATIVE),:,.ci/native tests)
	@$(BIN)/python $(PIP) --require-hashes -r locks/dev.lock
	@mkdir -p build
	@touch $@

$(APART:%=$(READY)/%): $(READY)/%: $(READY)/runtime locks/%.lock
	@echo "setting up $(VENV)/$* (once)"
	@rm -rf $(VENV)/$*
	@$(PYTHON) -m venv $(VENV)/$*
	@$(VENV)/$*/bin/python $(PIP) --require-hashes -r locks/runtime.lock -r locks/build.lock -r locks/$*.lock
	@$(VENV)/$*/bin/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
