# The whole tool box. Needs make, and python3 >= 3.11 with pip or venv; everything else goes to .venv.
#   make demo    a month of cross-region settlement, told in a minute
#   make test    the tests                     make bench   how fast the flow is
#   make check   format, lint, types, arrows   make lock    pin the dependencies anew
#   make compose-check   is docker-compose.yml in order?  (Compose itself reads it; no engine needed)
#   make docs    write the pages of docs/ that repeat what the code knows, and the picture

.PHONY: demo test check compose-check format bench docs lock
.DEFAULT_GOAL := demo

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
ROOMS := protocol broker nodes scenarios
SOURCES := $(ROOMS) tests
TYPING := build/typing/yidi

demo: $(READY)
	$(BIN)/yidi demo

test: $(READY)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	@# mypy finds the rooms under their installed names through links.
	@mkdir -p $(TYPING) && for room in $(ROOMS); do ln -sfn ../../../$$room $(TYPING)/$$room; done
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

compose-check: $(READY)
	$(BIN)/docker-compose --profile cluster --profile observability config --quiet

format: $(READY)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: $(READY)
	$(BIN)/yidi bench flow

docs: $(READY)
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_picture.py

LOCKING := --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header

# The one target that resolves versions; all others install exactly what requirements.lock names.
lock:
	rm -rf build/lock && python3 -m venv build/lock
	build/lock/bin/python -m pip --quiet install uv
	build/lock/bin/uv pip compile --upgrade $(LOCKING) \
	  --extra build --extra dev --extra cluster --extra gm --extra secure \
	  --output-file requirements.lock pyproject.toml
	@# What the container image needs of it, at the same versions.
	build/lock/bin/uv pip compile --constraint requirements.lock $(LOCKING) \
	  --extra build --extra cluster --extra gm \
	  --output-file requirements-image.lock pyproject.toml
	rm -rf build/lock

# A python3 may be a shim that answers for no version, so each candidate is run before it is chosen.
# Stock Debian has venv without ensurepip: then virtualenv, then a line that says what to install.
$(READY): requirements.lock pyproject.toml
	@set -e; \
	for candidate in $${PYTHON:-} python3 python3.13 python3.12 python3.11; do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	  then python=$$candidate; break; fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	  echo 'yidi needs Python 3.11 or newer: install it, or name it: make PYTHON=/path/to/python3.11' >&2; \
	  exit 1; fi; \
	if $(BIN)/python -m pip --version >/dev/null 2>&1; then :; \
	elif rm -rf $(VENV); $$python -m venv $(VENV) >/dev/null 2>&1; then :; \
	elif rm -rf $(VENV); $$python -m virtualenv --quiet $(VENV) >/dev/null 2>&1; then :; \
	else rm -rf $(VENV); \
	  echo 'cannot make a virtual environment: install python3-venv (apt-get install python3-venv) or virtualenv' >&2; \
	  exit 1; fi
	$(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(READY)
