# Two commands do all the set-up on a machine with Python 3.11 and pip: `make demo` and `make test`.
PYTHON ?= python3
RUN := .venv/bin/python -m
SCALE ?= 1
WORKERS ?= 2
export UV_PYTHON_DOWNLOADS = never
export UV_LINK_MODE = copy

.PHONY: demo test lint bench soak docs pictures clean chromium

demo: .venv/ready
	.venv/bin/detector demo

test: .venv/ready chromium lint
	$(RUN) pytest -n $(WORKERS)

lint: .venv/ready
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

bench: .venv/ready
	$(RUN) benchmarks.nights --scale $(SCALE)
	$(RUN) benchmarks.features --scale $(SCALE)

soak: .venv/ready
	$(RUN) pytest -m soak -n 0

docs: .venv/ready
	$(RUN) docs.generate

# The pictures of the README, of the home that `make demo` made.
pictures: .venv/ready chromium
	$(RUN) docs.photograph

# The locked environment, made by uv, which is installed through pip where it is missing.
.venv/ready: pyproject.toml uv.lock
	@command -v uv >/dev/null || $(PYTHON) -m uv --version >/dev/null 2>&1 || $(PYTHON) -m pip install --quiet uv \
		|| $(PYTHON) -m pip install --quiet --break-system-packages uv
	@if command -v uv >/dev/null; then uv sync --locked --all-extras --python $(PYTHON); \
		else $(PYTHON) -m uv sync --locked --all-extras --python $(PYTHON); fi
	@touch $@

# The browser tests want Chromium; where it can not be had, they are skipped and say so.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium >/dev/null; } || \
		echo "no Chromium found or installed: the browser tests will be skipped"

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache detector-demo
