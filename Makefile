PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DETECTOR := .venv-detector
DOCS := .venv-docs
CORES ?= all

# Folders of results/ that belong to no scale.
SHARED := structures lab calibration validation applied

# Tests of the workflow for which nothing need be made.
PLANS := $(patsubst %,tests/workflow/test_%.py,browser dry_run mistakes module planned_runs rulegraph)

.PHONY: help demo example apply compiled test test-library test-plans test-workflow test-conda test-faults test-instrument test-slurm test-detector bench lint format config docs test-docs results rates rulegraph lock lock-detector lock-docs clean

help:
	@echo "make demo           install, run the benchmark at demo scale, print which files to open"
	@echo "make example        install, find the columns of three experimental images with the networks that ship"
	@echo "make apply          find the columns in the images in images/ (IMAGES=folder: in another folder)"
	@echo "make test           install, run all tests, check formatting, style and types"
	@echo "make test-conda     run a tiny workflow in conda environments (with a stand-in for conda)"
	@echo "make test-faults    kill jobs, fill disks, damage files, check that runs finish (QUICK=1: fewer cases)"
	@echo "make test-slurm     start a SLURM cluster on this machine and run a small workflow on it (Debian, as root)"
	@echo "make test-instrument calibrate the noise of a synthetic microscope, train on it, check that this helps"
	@echo "make test-detector  install torchvision in a separate environment (6 GB) and test Faster R-CNN"
	@echo "make clean          delete the products of a scale (SCALE=demo); NETWORKS=1 deletes its trained networks too"
	@echo "make rates          use the job times of your demo as the basis of 'snakemake estimate'"
	@echo "make bench          run all benchmarks, write results/benchmarks/*.csv"
	@echo "make format         format Python and Snakemake files"
	@echo "make config         write config/schema.json and docs/reference/configuration.md from the models"
	@echo "make results        write the tables of results in docs/results.md and README.md from a run (SCALE=demo)"
	@echo "make docs           build the documentation, docs/_build/html/index.html"
	@echo "make test-docs      build the documentation, run its snippets, open every page in Chromium, desktop and phone"
	@echo "make rulegraph      draw the rules by stage, docs/pictures/rulegraph.svg (needs Graphviz)"
	@echo "make lock           write requirements.lock from the newest packages that fit"

$(VENV)/installed: requirements.lock
$(DETECTOR)/installed: requirements-detector.lock
$(DOCS)/installed: requirements-docs.lock
$(VENV)/installed $(DETECTOR)/installed $(DOCS)/installed:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "stembench needs Python 3.11 or newer; choose one: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "this Python cannot create virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check --progress-bar off --no-compile --requirement $<
	@$(@D)/bin/python -m compileall -qq -j 0 $(@D)/lib || true # pip compiles on one core; a few files never compile
	@touch $@

demo: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $(CORES)
	@$(BIN)/python workflow_scripts/list_products.py

example: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake example --cores $(CORES)
	@$(BIN)/python workflow_scripts/list_products.py example

apply: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake apply --keep-going --cores $(CORES) \
		$${IMAGES:+--config "lab={folder: '$$(realpath "$$IMAGES" | sed "s/'/''/g")'}"}

# Side by side: each prints when it has ended.
test: $(VENV)/installed
	@echo "The tests run in parallel and take some minutes; each group prints its output when it has finished."
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target test-workflow test-library test-plans lint

# Else each copy of the workflow that tests run compiles the library, and on a small disk has no room for it.
compiled: $(VENV)/installed
	@$(BIN)/python -m compileall -q workflow_scripts

test-library: compiled
	OMP_NUM_THREADS=1 $(BIN)/pytest --ignore tests/workflow

test-plans: compiled
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest $(PLANS)

test-workflow: compiled
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest tests/workflow $(addprefix --ignore=,$(PLANS))

test-conda: compiled
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest tests/workflow/conda

test-faults: compiled
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest tests/workflow/faults $(if $(QUICK),--quick)

test-instrument: compiled
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest tests/workflow/instrument

test-slurm: compiled
	@command -v slurmctld >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update && \
		apt-get install -y --no-install-recommends slurm-wlm slurmctld slurmd slurm-client munge; } \
		|| echo "SLURM could not be installed; the tests report what is missing"
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest tests/workflow/slurm

test-detector: $(DETECTOR)/installed
	$(DETECTOR)/bin/python -m pytest --import-mode=importlib tests/detector tests/networks/test_faster_rcnn.py

bench: $(VENV)/installed
	$(BIN)/python benchmarks

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check --compact-diff Snakefile rules
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

config: $(VENV)/installed
	cd workflow_scripts && ../$(BIN)/python -m stembench.config ..

# The Python reference imports the library, with the packages of the workflow's environment.
docs: $(VENV)/installed $(DOCS)/installed
	rm -rf docs/_build # else a second call would pass over the warnings of the first
	$(DOCS)/bin/python -m sphinx -W --keep-going --nitpicky -q -c docs -d docs/_build/doctrees . docs/_build/html
	@echo "Open docs/_build/html/index.html"

test-docs: docs
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest tests/docs tests/site

results: $(VENV)/installed
	$(BIN)/python workflow_scripts/write_results.py $(or $(SCALE),demo)

rates:
	cp results/demo/rates.csv workflow_scripts/stembench/planning/rates.csv

rulegraph: $(VENV)/installed
	$(BIN)/python workflow_scripts/draw_rulegraph.py

lock:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade --requirement requirements.in
	echo '# Every package that the workflow and its tests run with; made from requirements.in by `make lock`.' > requirements.lock
	$(BIN)/python -m pip freeze --all --exclude pip | sed 's/+cpu//' >> requirements.lock
	touch $(VENV)/installed

# What torch brings for CUDA it pins itself, and not for every system.
lock-detector:
	$(PYTHON) -m venv $(DETECTOR)
	$(DETECTOR)/bin/python -m pip install --upgrade --requirement requirements-detector.in
	echo '# Every package that Faster R-CNN is tested with; made from requirements-detector.in by `make lock-detector`.' \
		> requirements-detector.lock
	$(DETECTOR)/bin/python -m pip freeze --all --exclude pip | grep -v -E '^(cuda|nvidia|triton)' >> requirements-detector.lock
	touch $(DETECTOR)/installed

lock-docs:
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --upgrade --requirement requirements-docs.in
	echo '# Every package that the documentation is built with; made from requirements-docs.in by `make lock-docs`.' \
		> requirements-docs.lock
	$(DOCS)/bin/python -m pip freeze --all --exclude pip --exclude setuptools >> requirements-docs.lock
	touch $(DOCS)/installed

# Trained networks may have cost weeks.
clean:
	@case "$(SCALE)" in ""|.*|*/*) false;; *) test -z "$(filter $(SHARED),$(SCALE))" -a -d "results/$(SCALE)";; esac || { \
		echo "Name the scale to delete: make clean SCALE=demo"; \
		echo "Trained networks are kept for make apply; NETWORKS=1 deletes them too."; \
		echo "Scales in results/ and their sizes:"; \
		for scale in $(filter-out $(SHARED),$(notdir $(wildcard results/*))); do \
			test ! -d "results/$$scale" || du -sh "results/$$scale"; done; \
		echo "To delete the products that all scales share:"; \
		echo "  rm -r $(wildcard $(SHARED:%=results/%))"; exit 1; }
	find "results/$(SCALE)" $(if $(NETWORKS),,-mindepth 1 -not -path "results/$(SCALE)/models*") -delete
