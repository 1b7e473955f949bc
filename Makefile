# make setup      a virtual environment in .venv with the pinned requirements
# make demo       meta-train on the embedded glyphs, evaluate at 2-10 ways (2 minutes on 2 cores)
# make test       lint and the whole test suite
# make faults-short   only its table of bad inputs (tests/faults/table.py)
# make accuracy   the long trainings on real pictures (1.5 hours on 2 cores; DATA_DIR=…)
# make more       the longer forms of tests whose short form is in `make test` (minutes)
# make presets    three compiled meta-updates of every preset, shrunk (a few minutes on 2 cores)
# make bench      time and memory per meta-update, beside the usual ways of writing it (25 minutes)
# make browser    the page in headless Chromium, by clicks and strokes, in .venv-app (a minute)
# make report     the page of all that the studies of the papers found, results/README.md
# make docs       the reference of all public names, from their docstrings, in build/docs
# make help       this list
#
# PYTHON=python3.12 make setup   picks the interpreter (Python >= 3.10)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
APP_VENV := .venv-app

.PHONY: help setup demo test faults-short accuracy more presets bench browser report docs lint format clean

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

# A virtual environment $(1) with the pins of the file $(2).
define environment
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("error: Python >= 3.10 is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another with PYTHON=…")'
	$(PYTHON) -m venv $(1)
	@# The pip that older Pythons bring searches for minutes where this one needs seconds.
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check pip==26.3
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check -r $(2)
	@touch $(1)/.installed
endef

# The stamp is newer than the pins once they are installed, so a second call installs nothing.
$(VENV)/.installed: requirements.txt requirements-dev.txt
	$(call environment,$(VENV),requirements-dev.txt)

# The page's packages bring others, which must not change those that `make test` runs with.
$(APP_VENV)/.installed: requirements.txt requirements-dev.txt requirements-app.txt requirements-app-dev.txt
	$(call environment,$(APP_VENV),requirements-app-dev.txt)

setup: $(VENV)/.installed

demo: setup
	$(BIN)/python main.py --flagfile=flags/demo.flags
	@echo "to see the curves: $(BIN)/tensorboard --logdir runs"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/python -m pytest

faults-short: setup
	$(BIN)/python -m pytest tests/faults

accuracy: setup
	$(BIN)/python -m pytest -n 0 -m slow tests/test_accuracy.py

more: setup
	$(BIN)/python -m pytest -n 0 -m slow tests --ignore=tests/test_accuracy.py

presets: setup
	$(BIN)/python -m pytest -n 0 -m slow tests/flags/test_paper.py

bench: setup
	$(BIN)/python -m benchmarks

# Without the browser its tests would be skipped in silence.
browser: $(APP_VENV)/.installed
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || \
		{ echo "error: chromium is needed; Debian's package has this name" >&2; exit 1; }
	$(APP_VENV)/bin/python -m pytest -n 0 tests/hidra_tf/app

report: setup
	$(BIN)/python -m experiments report

# A warning of the tool, such as a name that it cannot find, is an error.
docs: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	$(BIN)/python -W error::UserWarning -m pdoc --docformat google --output-directory build/docs hidra_tf data_gen

clean:
	rm -rf $(VENV) $(APP_VENV) .pytest_cache .ruff_cache .hypothesis
