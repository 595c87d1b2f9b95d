# speechmark: each of these builds its environment first, and needs nothing else than
# Python and make.
#
# make bench   measure this machine in the quick profile, and write a page about it
# make test    every test, as many at once as there are cores
# make smoke   the smoke case of every workload
# make aa        20 comparisons of this checkout with itself, half of them beside a busy
#                process: does `speechmark ab` tell a change where there is none?
# make ab-power  20 more, one side 5 % slower, and some with a stall in every 7th step:
#                does it find them?
# make slow      the tests that take many minutes: asv between real commits
# make docs      the pages of docs as a site in build/docs, warnings as errors
# make blocks    print anew what README and docs show of the files in results

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# pip draws how far it is on a terminal; a log has the lines below alone.
QUIETLY = $$(test -t 1 || echo --quiet)

# The comment above, and nothing else.
help:
	@sed '/^$$/q; s/^# \{0,1\}//' $(firstword $(MAKEFILE_LIST))

.PHONY: help bench test smoke aa ab-power slow docs blocks lint lock clean

$(VENV)/installed: requirements.lock pyproject.toml
	@echo "Making $(VENV) of $$($(PYTHON) --version), with the $$(grep -c == requirements.lock) packages of"
	@echo "requirements.lock: 3.4 GB to download, 7 GB on disk in the end, some minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(QUIETLY) --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@
	@echo "$(VENV) is made; \`source $(BIN)/activate\` puts its commands on the PATH."

bench: $(VENV)/installed
	$(BIN)/pytest --benchmark-only; status=$$?; \
	$(BIN)/speechmark report results/local; exit $$status

test: $(VENV)/installed
	$(BIN)/pytest tests --numprocesses=auto --maxprocesses=8 --dist=loadfile

smoke: $(VENV)/installed
	$(BIN)/pytest --benchmark-only --profile smoke

aa: $(VENV)/installed
	$(BIN)/python -m harness.ab.trials aa -k wav2letter

ab-power: $(VENV)/installed
	$(BIN)/python -m harness.ab.trials power -k int8-static --minutes 4
	$(BIN)/python -m harness.ab.trials stall -k int8-static --count 3

slow: $(VENV)/installed
	$(BIN)/pytest tests -m slow

docs: $(VENV)/installed
	$(BIN)/sphinx-build --fail-on-warning --keep-going docs build/docs

blocks: $(VENV)/installed
	$(BIN)/python docs/blocks.py

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Pins what is installed now: upgrade in the environment, test, then lock.
lock: $(VENV)/installed
	$(BIN)/python -m pip freeze --exclude-editable > requirements.lock

clean:
	rm -rf $(VENV)
