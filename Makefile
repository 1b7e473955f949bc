# make setup      a virtual environment in .venv with the pinned requirements
# make demo       meta-train on the embedded glyphs, evaluate at 2-10 ways (2 minutes on 2 cores)
# make test       lint and the whole test suite
# make faults-short   only its table of bad inputs (tests/faults/table.py)
# make accuracy   the long trainings on real pictures (1.5 hours on 2 cores; DATA_DIR=…)
# make more       the longer forms of tests whose short form is in `make test` (minutes)
# make presets    three compiled meta-updates of every preset, shrunk (a few minutes on 2 cores)
# make bench      time and memory per meta-update, beside the usual ways of writing it (25 minutes)
# make report     the page of all that the studies of the papers found, results/README.md
# make docs       the reference of all public names, from their docstrings, in build/docs
# make help       this list
#
# PYTHON=python3.12 make setup   picks the interpreter (Python >= 3.10)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo test faults-short accuracy more presets bench report docs lint format clean

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

# The stamp is newer than the pins once they are installed, so a second call installs nothing.
$(VENV)/.installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("error: Python >= 3.10 is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another with PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	@# The pip that older Pythons bring searches for minutes where this one needs seconds.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip==26.3
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

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

report: setup
	$(BIN)/python -m experiments report

# A warning of the tool, such as a name that it cannot find, is an error.
docs: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	$(BIN)/python -W error::UserWarning -m pdoc --docformat google --output-directory build/docs hidra_tf data_gen

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
