# Two commands are all that a newcomer needs: `make demo` and `make test`.

PYTHON ?= $(firstword $(wildcard /usr/bin/python3 /usr/local/bin/python3) python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
# How many: of topologies for fuzz (2000), of repetitions for stress (50).
N      ?=
SEED   ?= 1

.PHONY: help demo test lint packages browser kernel evidence fuzz fuzz-guests roundtrip mutate sysctls fuzz-input crash lowest stress bench playground gallery picture test-vagrant clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

demo: $(VENV)/.installed  ## install into .venv and run the article's demonstration
	$(BIN)/netlab run bridge-two-node.yaml

test: $(VENV)/.dev packages browser kernel lint  ## everything: packages, lint, types, import contracts, the whole suite
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(VENV)/.dev  ## ruff, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

packages:  ## OS packages that the tests use, where apt-get and root are at hand
	@sh tools/packages.sh

browser:  ## what the pages are checked with (axe, mermaid), where npm is at hand; else those tests skip
	@if command -v npm >/dev/null 2>&1; then \
		npm install --silent --no-audit --no-fund --prefix tests/report_html || echo "npm install failed: the tests that need it skip"; \
	fi

kernel: $(VENV)/.dev packages  ## Linux 6.12 for tests of links that this kernel lacks: built once (minutes), else those tests skip
	@sh tools/kernel.sh $(BIN)/netlab

fuzz: $(VENV)/.dev  ## the model against the kernel on N random topologies (N=2000 SEED=1)
	$(BIN)/python -m tests.fuzz --number $(or $(N),2000) --seed $(SEED)

fuzz-guests: $(VENV)/.dev  ## the same in guests, with links that few kernels have: 3000 on 6.12, 1000 each on 6.1 and 7.3
	$(BIN)/python -m tests.fuzz --number 3000 --seed $(SEED)-612 --part 3 --kernel 6.12
	$(BIN)/python -m tests.fuzz --number 1000 --seed $(SEED)-61 --part 3 --kernel 6.1
	$(BIN)/python -m tests.fuzz --number 1000 --seed $(SEED)-73 --part 3 --kernel 7.3

roundtrip: $(VENV)/.dev  ## all that ships and N random labs, imported from outside: predicted as the original? (N=300 SEED=1)
	$(BIN)/python -m tests.live --number $(or $(N),300) --seed $(SEED)

mutate: $(VENV)/.dev  ## each rule of the model made to answer otherwise: is it noticed?
	$(BIN)/python -m tests.model.mutate

sysctls: $(VENV)/.dev  ## try every sysctl that the model has no rule for, and write down which can change a letter
	$(BIN)/python -m tests.sysctls

fuzz-input: $(VENV)/.dev  ## 10,000 mutated topology files: a fault with its place, or a whole run
	NETLAB_EXAMPLES=10000 $(BIN)/python -m pytest -q --hypothesis-show-statistics tests/input

crash: $(VENV)/.dev  ## 200 processes killed while runs are under way, and 200 of labs that stay; nothing may be left
	NETLAB_KILLS=200 $(BIN)/python -m pytest -q -s tests/crash tests/stay/test_kills.py

lowest: $(VENV)/bin/python  ## the fast part of the suite with the oldest releases that pyproject.toml accepts (into .lowest)
	$(BIN)/python tools/lowest.py -n 2

test-vagrant: $(VENV)/.dev  ## two real virtual machines by vagrant up (builds a box; minutes; root)
	$(BIN)/python tools/test_vagrant.py

evidence: $(VENV)/.dev  ## run a long check and write what it says into docs/evidence.md (CHECK=crash; none: a list)
	$(BIN)/python tools/evidence.py $(CHECK)

stress: $(VENV)/.dev  ## the article on a machine under pressure, N times (N=50)
	$(BIN)/python -m tests.stress --repeat $(or $(N),50)

bench: $(VENV)/.installed  ## netlab against its peers, alternately, as ratios
	$(BIN)/python benchmarks/against_mininet.py
	$(BIN)/python benchmarks/against_mininet_100.py
	$(BIN)/python benchmarks/against_ip_batch.py

picture: $(VENV)/.dev  ## the README's picture of the terminal
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/terminal_picture.py docs/img/bridge-two-node.svg netlab run bridge-two-node.yaml --no-report

playground: $(VENV)/.installed  ## the static site on which topologies are predicted, under build/playground
	$(BIN)/python -m netlab playground build/playground

gallery: $(VENV)/.dev  ## the rendered reports under reports/gallery, and the README's pictures of them
	$(BIN)/python tools/gallery.py
	$(BIN)/python tools/pictures.py

$(VENV)/bin/python:
	@sh tools/venv.sh $(PYTHON) $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 -e '.[dev]'
	@touch $@ $(VENV)/.installed

clean:  ## remove what make made
	rm -rf $(VENV) .lowest build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
