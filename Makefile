# Everything that a checkout can do. Each target installs what it needs; a second run is quick.
SHELL := /bin/bash
PYTHON ?= python3
TENSORFLOW ?= tensorflow-cpu==2.21.*
# How many processes run Python tests: each holds a TensorFlow.
TEST_JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# What some extras of the package require, without building it again.
INSTALL_EXTRAS = $(PYTHON) build_support/extras.py $(1) > $(VENV)/extras.txt && $(PIP) install -r $(VENV)/extras.txt
CUSTOM_OPS := $(shell find custom_ops/softpool -name '*.cc' -o -name '*.h' -o -name '*.cu')
SOURCES := setup.py pyproject.toml $(wildcard build_support/*.py) \
  custom_ops/CMakeLists.txt $(wildcard custom_ops/cmake/*) \
  $(CUSTOM_OPS)
CPP := $(CUSTOM_OPS) $(wildcard tests/kernels/*.cc tests/kernels/*.h \
  tests/midrange/*.cc tests/midrange/*.h tests/midrange/*.cu tests/cuda/*.cc tests/bazel/*.cc \
  tests/serving/*.c examples/serving_c/*.c examples/serving_c/*.h)
PY := tf_softpool tests examples benchmarks build_support setup.py

.PHONY: help demo test test-all test-kernels test-python test-faults test-zoo test-exports test-bazel cuda-host \
  lint format bench bench-runtimes gpu-check wheel wheel-test clean

help:
	@echo 'make demo            the main job, end to end, in a minute'
	@echo 'make test            the short run of all tests: every pair of values in their tables'
	@echo 'make test-all        every case of all tables'
	@echo 'make test-faults     faults planted one by one, and which test of the short run finds each'
	@echo 'make test-zoo        pooling replaced in all of keras.applications, and in models of keras-hub'
	@echo 'make test-exports    networks of every layer, in every format that models are exported to'
	@echo 'make test-bazel      BUILD, by Bazel: a small model server with the ops linked in'
	@echo 'make lint            formatting and checks; make format repairs what it can'
	@echo 'make bench           SoftPool measured beside its peers'
	@echo 'make bench-runtimes  the portable forms in each runtime, beside its max pooling'
	@echo 'make gpu-check       the CUDA kernels built, tested and measured on a card, without TensorFlow'
	@echo 'make wheel           a wheel in dist/; make wheel-test installs and tries it elsewhere'
	@echo 'make clean           removes what the others made'

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

# The short run: as many cases of each table as it takes for every pair of values to occur.
test test-faults: SHORT := --short
test: test-kernels test-python

test-all: test-kernels test-python

test-kernels: $(VENV)/.test
	@build=$$(ls -td build/tensorflow-* | head -1) && \
	  cmake -S custom_ops -B $$build -DSOFTPOOL_BUILD_TESTS=ON > $$build/configure.log && \
	  cmake --build $$build --parallel $$(nproc) > $$build/build.log && \
	  ctest --test-dir $$build --parallel $$(nproc) --output-on-failure --progress

test-python: $(VENV)/.test cuda-host
	$(BIN)/python -m pytest -n $(TEST_JOBS) -q $(SHORT)

# In a copy of this checkout, with what is built in it.
test-faults: test-kernels cuda-host
	$(BIN)/python tests/faults/plant.py

# All tests of one model run in one process, which holds several copies of it: 8 GB with the largest.
test-zoo: $(VENV)/.zoo
	$(BIN)/python -m pytest tests/zoo -m slow -n $(TEST_JOBS) --dist loadgroup -q

test-exports: $(VENV)/.test
	$(BIN)/python -m pytest tests/serving -m slow -n $(TEST_JOBS) -q

# Bazel compiles the kernels anew: a quarter of an hour of one core, the first time.
test-bazel: $(VENV)/.test
	bash tests/bazel/system_packages.sh
	$(BIN)/python -m pytest tests/bazel -m slow -q

# The CUDA kernels for the host, where tests run them without a card.
cuda-host: $(VENV)/bin/activate
	@mkdir -p build/cuda-host && cmake -S tests/cuda -B build/cuda-host > build/cuda-host/configure.log && \
	  cmake --build build/cuda-host --parallel $$(nproc) > build/cuda-host/build.log

lint: $(VENV)/.lint
	$(BIN)/ruff check $(PY)
	$(BIN)/ruff format --check $(PY)
	$(BIN)/clang-format --dry-run -Werror $(CPP)

format: $(VENV)/.lint
	$(BIN)/ruff check --fix $(PY)
	$(BIN)/ruff format $(PY)
	$(BIN)/clang-format -i $(CPP)

bench: $(VENV)/.demo
	$(BIN)/python benchmarks/bench.py

bench-runtimes: $(VENV)/.built
	$(call INSTALL_EXTRAS,bench onnx litert openvino)
	$(BIN)/python benchmarks/runtimes.py

# Where there is a card and its toolkit: what it needs of Python is PyTorch or CuPy, NumPy, ml_dtypes and
# pytest, and nothing is installed.
gpu-check:
	$(PYTHON) benchmarks/gpu_check.py

wheel: $(VENV)/.demo
	rm -rf dist
	$(PIP) wheel . --no-deps -w dist
	@ls dist

# Another environment, and a path on which there is no compiler.
wheel-test: wheel
	rm -rf build/wheel-test
	$(PYTHON) -m venv build/wheel-test
	cd build && env -i HOME="$$HOME" PATH="$(CURDIR)/build/wheel-test/bin" \
	  python -m pip --disable-pip-version-check install -q ../dist/*.whl
	cd build && env -i HOME="$$HOME" PATH="$(CURDIR)/build/wheel-test/bin" \
	  python ../tests/smoke.py

clean:
	rm -rf $(VENV) build dist out *.egg-info tf_softpool/lib/*.so* tf_softpool/lib/build.json

$(VENV)/bin/activate:
	bash build_support/system_packages.sh $(PYTHON)
	$(PYTHON) -m venv $(VENV)

# The package, built for the TensorFlow of this environment, which comes first for that reason.
$(VENV)/.built: $(VENV)/bin/activate $(SOURCES)
	@echo 'Installing TensorFlow and building the ops: a few minutes the first time'
	@nvidia-smi -L 2> /dev/null | grep -q 'GPU 0' || \
	  echo 'There is no GPU here, so CUDA kernels are left out: TF_SOFTPOOL_CUDA=1 builds them for all GPUs.'
	$(PIP) install '$(TENSORFLOW)'
	TF_SOFTPOOL_CUDA=$${TF_SOFTPOOL_CUDA:-native} $(PIP) install -e .
	@touch $@

$(VENV)/.demo: $(VENV)/.built
	$(call INSTALL_EXTRAS,demo bench)
	@touch $@

$(VENV)/.test: $(VENV)/.built
	$(call INSTALL_EXTRAS,test)
	@touch $@

# With what it depends on, keras-hub would overwrite TensorFlow: see pyproject.toml.
$(VENV)/.zoo: $(VENV)/.test
	$(call INSTALL_EXTRAS,zoo)
	$(PIP) install --no-deps 'keras-hub>=0.32,<0.33'
	@touch $@

$(VENV)/.lint: $(VENV)/bin/activate pyproject.toml
	$(call INSTALL_EXTRAS,lint)
	@touch $@
