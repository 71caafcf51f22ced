# Two commands: `make demo` runs the main job, `make test` passes the tests. Each makes .venv first.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

unexport PYTHONDONTWRITEBYTECODE   # processes that tests start would compile every module anew
.PHONY: demo test coverage fix soak bench peers peers-feed constraints clean

demo: $(READY)
	$(BIN)/clearway demo

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest tests/licensing --cov=licensing --cov-fail-under=100 --numprocesses 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/pytest --ignore=tests/licensing --numprocesses 2 --dist loadfile --no-loadscope-reorder

coverage: $(READY)   # of everything; it takes nearly twice the time of the tests
	$(BIN)/pytest --cov --numprocesses 2 --dist loadfile --no-loadscope-reorder

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

soak: $(READY)
	$(BIN)/pytest -m soak --timeout=3600

bench: $(READY)
	$(BIN)/pytest tests/benchmarks -m benchmark

peers:   # other libraries for `make bench`, apart: they want another pyarrow
	$(PYTHON) -m venv .peers
	.peers/bin/pip install --quiet 'ray[data]==2.60.0' decord2==3.4.0 daft==0.7.26 av==18.1.0 'pyarrow<26'
	$(PYTHON) -m venv .peers-lerobot   # it asks for an older torch than it needs to read, and an older fsspec
	grep -v '^fsspec==' constraints.txt > .peers-lerobot/constraints.txt
	.peers-lerobot/bin/pip install --quiet --constraint .peers-lerobot/constraints.txt torch==2.13.0 av==18.1.0 datasets==4.8.5 \
	  draccus==0.11.6 einops==0.8.2 deepdiff==9.1.0 imageio==2.38.1 jsonlines==4.0.0 termcolor==3.3.0 safetensors==0.8.0
	.peers-lerobot/bin/pip install --quiet --no-deps lerobot==0.4.4 accelerate==1.15.0 torchvision==0.28.0 torchcodec==0.13.0

peers-feed:   # video readers beside the feed, apart: torchcodec takes its FFmpeg from inside PyAV
	$(PYTHON) -m venv .peers-feed
	.peers-feed/bin/pip install --quiet --constraint constraints.txt torch==2.13.0 torchcodec==0.13.0 \
	  decord2==3.4.0 litdata==0.2.76 webdataset==1.0.2 pylance av pyarrow numpy rfc8785 cryptography
	mkdir -p .peers-feed/ffmpeg
	cd .peers-feed/ffmpeg && for lib in ../lib/python3*/site-packages/av.libs/lib[as][vw]*-*.so.*; do \
	  ln -sf $$lib $$(basename $$lib | sed -E 's/-[0-9a-f]{8}\.so\.([0-9]+).*/.so.\1/'); done

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[demo,dev]'
	touch $@

constraints: clean
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[demo,dev,postgres]' torch==2.13.0
	$(BIN)/pip freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//' > constraints.txt

clean:
	rm -rf .venv
