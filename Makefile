# speechmark: each of these builds its environment first, and needs nothing else than
# Python and make, on Linux.
#
# make bench   measure this machine in the quick profile, and write a page about it
# make test    every test but the slow ones, as many at once as there are cores, 8 at most
# make smoke   the smoke case of every workload
# make aa        20 comparisons of this checkout with itself, half of them beside a busy
#                process: does `speechmark ab` tell a change where there is none?
# make ab-power  20 more, one side 5 % slower, and some with a stall in every 7th step:
#                does it find them?
# make slow      the tests that take many minutes: asv between real commits
# make docs      the pages of docs as a site in build/docs, warnings as errors
# make blocks    print anew what README and docs show of the files in results
# make lint      ruff and mypy over all code
# make clean     remove the environment
# make lock      write the pinned versions anew; UPGRADE=--upgrade takes the newest
# make check-lock  does every Python on every processor find what is pinned?

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# pip draws how far it is on a terminal; a log has the lines below alone.
QUIETLY = $$(test -t 1 || echo --quiet)

# The comment above, and nothing else.
help:
	@sed '/^$$/q; s/^# \{0,1\}//' $(firstword $(MAKEFILE_LIST))

.PHONY: help bench test smoke aa ab-power slow docs blocks lint lock check-lock clean

define CHECK
import platform, sys
version, system = "%d.%d" % sys.version_info[:2], platform.system()
machine = platform.machine()
fits = (3, 11) <= sys.version_info[:2] <= (3, 14)
if not (fits and system == "Linux" and machine in ("x86_64", "aarch64")):
    sys.exit("speechmark runs by Python 3.11 to 3.14 on Linux on x86-64 or aarch64: this "
        "is Python " + version + " on " + system + " on " + machine + "; name another "
        "interpreter by `make PYTHON=python3.12`")
endef
export CHECK

# What no wheel brings, of the optional ones, is left out: its cases are skipped.
$(VENV)/installed: requirements.lock requirements-optional.lock pyproject.toml
	@$(PYTHON) -c "$$CHECK"
	@echo "Making $(VENV) of $$($(PYTHON) --version), with the $$(grep -c == requirements.lock) packages of"
	@echo "requirements.lock: 3.4 GB to download, 7 GB on disk in the end, some minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(QUIETLY) --requirement requirements.lock
	@$(BIN)/python -m pip install $(QUIETLY) --requirement requirements-optional.lock || \
	while read -r pin; do \
		$(BIN)/python -m pip install $(QUIETLY) --no-deps "$$pin" || \
		echo "left out: $$pin cannot be installed here (pip says above why); what needs it is skipped"; \
	done < requirements-optional.lock
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

lock: $(VENV)/installed
	.ci/lock $(BIN)/uv $(UPGRADE)

check-lock: $(VENV)/installed
	.ci/check-lock $(BIN)/uv

clean:
	rm -rf $(VENV)
