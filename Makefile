# The targets for working in a checkout. Each target installs what it needs, and a second run is quick.
SHELL := /bin/bash
PYTHON ?= python3
TENSORFLOW ?= tensorflow-cpu==2.21.*
# How many processes run Python tests. Each process loads its own TensorFlow.
TEST_JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Installs what some extras of the package require, without building the package again.
INSTALL_EXTRAS = $(BIN)/python build_support/extras.py $(1) > $(VENV)/extras.txt && $(PIP) install -r $(VENV)/extras.txt
# Docstrings and pictures are those of this checkout. The variable leaves out a note of the theme's authors.
MKDOCS = NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(CURDIR):$(CURDIR)/examples $(BIN)/python -m mkdocs
CUSTOM_OPS := $(shell find custom_ops/softpool -name '*.cc' -o -name '*.h' -o -name '*.cu')
SOURCES := setup.py pyproject.toml $(wildcard build_support/*.py) \
  custom_ops/CMakeLists.txt $(wildcard custom_ops/cmake/*) \
  $(CUSTOM_OPS)
CPP := $(CUSTOM_OPS) $(wildcard custom_ops/cmake/*.cc tests/kernels/*.cc tests/kernels/*.h \
  tests/midrange/*.cc tests/midrange/*.h tests/midrange/*.cu tests/cuda/*.cc tests/bazel/*.cc \
  tests/sanitizers/*.cc tests/sanitizers/fuzz/*.cc tests/sanitizers/fuzz/*.h tests/sanitizers/fuzz/*.c \
  tests/serving/*.c examples/serving_c/*.c examples/serving_c/*.h)
# The C and C++ that includes no header of TensorFlow or XLA: clang-tidy reads it without a build.
TIDY := $(filter-out custom_ops/softpool/tensorflow/% custom_ops/softpool/xla/% custom_ops/softpool/ffi/% \
  custom_ops/softpool/jax/% %_xla.cc tests/bazel/%, \
  $(filter %.cc %.cu,$(CPP))) examples/serving_c/npy.c examples/serving_c/signature.c tests/serving/reader.c
# Lanes are emulated: clang-tidy then reads each kernel once, on every processor in the same way.
TIDY_FLAGS := -I custom_ops -I tests/midrange -I tests/kernels -I tests/sanitizers -I examples/serving_c \
  -DHWY_COMPILE_ONLY_EMU128
PY := tf_softpool tf_softpool_cli tests examples benchmarks build_support docs setup.py

.PHONY: help demo example test test-all test-kernels test-python test-on-jax test-torch test-faults test-zoo test-keras-2 test-exports \
  test-examples test-bazel test-versions test-neon harden sanitize cuda-host lint lint-python lint-cpp format docs \
  docs-serve results-page bench bench-jax bench-models bench-runtimes gpu-check wheel wheels wheel-test release-check clean

help:
	@echo 'make demo            runs the main workflow, end to end, in a minute'
	@echo 'make example         runs an experiment: EXAMPLE=from_scratch, or another file in examples/ that has one'
	@echo 'make test            runs a short selection of all tests: it has every pair of values in their tables'
	@echo 'make test-all        runs every case of every table'
	@echo 'make test-on-jax     runs the tests of the kernels under JAX; make test and make test-all run them too'
	@echo 'make test-torch      installs PyTorch, and compares the layers there with those on TensorFlow'
	@echo 'make test-faults     plants faults one by one, and says which test of the short run finds each'
	@echo 'make test-zoo        replaces pooling in all models of keras.applications, and in models of keras-hub'
	@echo 'make test-keras-2    saves all networks of tf_keras.applications with Keras 2, and reads them with Keras 3'
	@echo 'make test-exports    exports networks of every layer to every format, and compares the results'
	@echo 'make test-examples   runs the notebook, and what else in examples/ takes long to test'
	@echo 'make test-versions   tests a wheel beside every TensorFlow and Keras of the promised range'
	@echo 'make test-bazel      builds BUILD with Bazel, and tests a small model server with the ops linked in'
	@echo 'make test-neon       tests the kernels for ARM in an emulator, and compares the bits of the results'
	@echo 'make harden          tries to break everything: hostile graphs, damaged files, load, and far more random numbers'
	@echo 'make sanitize        runs the C and C++ under sanitizers, and a fuzzer over the kernels, in half an hour'
	@echo 'make lint            checks formatting and style; make format repairs what it can'
	@echo 'make docs            builds the documentation as a site in build/site; make docs-serve shows it while you write'
	@echo 'make results-page    writes what is recorded of the experiments into docs/results.md'
	@echo 'make bench           measures the poolings beside their peers, in ten minutes; BENCH="--help" says how to choose'
	@echo 'make bench-jax       measures the poolings in programs of JAX, beside those of Flax'
	@echo 'make bench-models    measures ResNet50 and InceptionV3 beside the same networks with SoftPool'
	@echo 'make bench-runtimes  measures the portable forms in each runtime: poolings alone, and whole networks'
	@echo 'make gpu-check       builds, tests and measures the CUDA kernels on a card, without TensorFlow'
	@echo 'make wheel           builds a wheel for one TensorFlow in dist/; make wheel-test installs and tries it elsewhere'
	@echo 'make wheels          builds what a release has: a source distribution, and a wheel for every TensorFlow'
	@echo 'make release-check   builds what a release has, and tries each part in a fresh environment'
	@echo 'make clean           removes what the other targets made'

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

# An experiment on what the papers claim. EXAMPLE names a file in examples/, and OPTIONS are its options.
example: $(VENV)/.examples
	$(BIN)/python examples/$(EXAMPLE).py $(OPTIONS)

# The short run takes enough cases of each table for every pair of values to occur.
test test-faults: SHORT := --short
test: test-kernels test-python

test-all: test-kernels test-python

test-kernels: $(VENV)/.test
	@cmake -S custom_ops -B build/checkout -DSOFTPOOL_BUILD_TESTS=ON -DSOFTPOOL_WARNINGS_AS_ERRORS=ON \
	  > build/checkout/configure.log && \
	  cmake --build build/checkout --parallel $$(nproc) > build/checkout/build.log && \
	  ctest --test-dir build/checkout --parallel $$(nproc) --output-on-failure --progress

# Keras runs on one backend in a process, so the tests on JAX are a run of their own.
test-python: test-on-jax $(VENV)/.test cuda-host
	$(BIN)/python -m pytest -n $(TEST_JOBS) -q $(SHORT)

# The tests of the kernels under JAX. They import no TensorFlow, but compare with one that is installed.
test-on-jax: $(VENV)/.test
	$(BIN)/python -m pytest --confcutdir=tests/on_jax tests/on_jax -n $(TEST_JOBS) -q $(SHORT)

# PyTorch is installed apart, because Keras's other backends must work without it.
test-torch: $(VENV)/.test
	$(PIP) install --upgrade --target build/torch 'torch>=2.6,<2.14'
	PYTHONPATH=build/torch $(BIN)/python -m pytest tests/layers/test_other_backends.py -k torch -q

# The faults are planted in a copy of this checkout, which starts with this checkout's build folders.
test-faults: test-kernels cuda-host
	$(BIN)/python tests/faults/plant.py

# All tests of one model run in one process. The process holds several copies of the model, which takes 8 GB
# for the largest.
test-zoo: $(VENV)/.zoo
	$(BIN)/python -m pytest tests/zoo -m slow -n $(TEST_JOBS) --dist loadgroup -q

# Keras 2 is installed apart, because the other tests must pass without it. APPLICATIONS can name some networks.
test-keras-2: $(VENV)/.test
	$(PIP) install --no-deps --upgrade --target build/tf_keras 'tf_keras==2.21.*'
	PYTHONPATH=build/tf_keras $(BIN)/python tests/keras_2/applications.py $(APPLICATIONS)

test-exports: $(VENV)/.test
	$(BIN)/python -m pytest tests/serving -m slow -n $(TEST_JOBS) -q

test-examples: $(VENV)/.test $(VENV)/.examples
	$(BIN)/python -m pytest tests/examples -m slow -q

# Bazel compiles the kernels for itself, which takes one core a quarter of an hour the first time.
test-bazel: $(VENV)/.test
	bash build_support/optional_packages.sh 'BUILD is not tested' \
	  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto libhwy-dev
	$(BIN)/python -m pytest tests/bazel -m slow -q

# Tests the kernels for 64-bit ARM in an emulator, without TensorFlow. Then compares the bits of the results with those
# of the kernels for AVX2 on this machine.
test-neon:
	bash build_support/system_packages.sh $(PYTHON)
	bash tests/neon/test.sh build/neon $(PYTHON)

# The tests of tests/hardening are in every run, with few random cases. Here they try many.
harden: $(VENV)/.test
	$(BIN)/python -m pytest tests/hardening --harden -m 'slow or not slow' -n $(TEST_JOBS) -q

# Compiles the C and C++ with Clang, in folders of its own. Only the C program needs TensorFlow.
sanitize: $(VENV)/.test
	bash tests/sanitizers/run.sh build/sanitize $(BIN)/python

# Compiles the CUDA kernels for the host, so that tests can run them without a card.
cuda-host: $(VENV)/bin/activate
	@mkdir -p build/cuda-host && cmake -S tests/cuda -B build/cuda-host -DSOFTPOOL_WARNINGS_AS_ERRORS=ON \
	  > build/cuda-host/configure.log && \
	  cmake --build build/cuda-host --parallel $$(nproc) > build/cuda-host/build.log

lint: lint-python lint-cpp

lint-python: $(VENV)/.lint
	$(BIN)/ruff check $(PY)
	$(BIN)/ruff format --check $(PY)
	$(BIN)/mypy

lint-cpp: $(VENV)/.lint
	@echo clang-format && $(BIN)/clang-format --dry-run -Werror $(CPP)
	@$(MAKE) --silent --output-sync --jobs $$(nproc) $(TIDY:%=build/tidy/%.ok)

build/tidy/%.ok: % $(filter %.h,$(CPP)) .clang-tidy tests/.clang-tidy $(VENV)/.lint
	@echo clang-tidy $< && mkdir -p $(@D)
	@$(BIN)/clang-tidy --quiet $< -- $(if $(filter %.c,$<),-std=c11,-x c++ -std=c++17) $(TIDY_FLAGS)
	@touch $@

format: $(VENV)/.lint
	$(BIN)/ruff check --fix $(PY)
	$(BIN)/ruff format $(PY)
	$(BIN)/clang-format -i $(CPP)

# Any warning is an error. The pages need no network, neither when they are built nor when they are read.
docs: $(VENV)/.docs
	$(MKDOCS) build --clean

docs-serve: $(VENV)/.docs
	$(MKDOCS) serve --watch tf_softpool --watch README.md --watch CONTRIBUTING.md --watch CHANGELOG.md

# Fills the blocks of docs/results.md from the files in docs/results.
results-page: $(VENV)/.examples
	$(BIN)/python examples/results_page.py

# BENCH has options, such as BENCH="--threads 2 --rows 2x2".
bench: $(VENV)/.demo
	$(BIN)/python benchmarks/bench.py $(BENCH)

bench-jax: $(VENV)/.built
	$(call INSTALL_EXTRAS,bench-jax)
	$(BIN)/python benchmarks/bench_jax.py $(BENCH)

bench-models: $(VENV)/.demo
	$(BIN)/python benchmarks/bench_models.py $(BENCH)

bench-runtimes: $(VENV)/.built
	$(call INSTALL_EXTRAS,bench onnx litert openvino)
	$(BIN)/python benchmarks/runtimes.py
	$(BIN)/python benchmarks/runtimes_models.py

# For a machine with a card and its toolkit. The check needs Python with PyTorch or CuPy, NumPy, ml_dtypes and
# pytest, and installs nothing.
gpu-check:
	$(PYTHON) benchmarks/gpu_check.py

wheel: $(VENV)/.demo
	rm -rf dist
	$(PIP) wheel . --no-deps -w dist
	@ls dist

# The TensorFlows are installed in environments of their own, because the ops are compiled for each.
wheels: $(VENV)/.release
	$(BIN)/python build_support/wheels.py

# What must pass before a release: the parts are built, and each is installed and tried in a fresh environment. The
# source distribution is compiled there, which takes a quarter of an hour.
release-check: $(VENV)/.release
	$(BIN)/python build_support/release_check.py

# Tests a wheel beside every TensorFlow and Keras that it is promised to work with. VERSIONS has options, such as
# VERSIONS="--tensorflow 2.20 --keras 3.12".
test-versions: $(VENV)/bin/activate
	@ls dist/*.whl > /dev/null 2>&1 || $(MAKE) wheels
	$(BIN)/python tests/versions/run.py --jobs $(TEST_JOBS) $(VERSIONS)

# Installs the wheel in another environment, with an extra and a PATH that has no compiler, and tries it there.
OUTSIDE = cd build && env -i HOME="$$HOME" PATH="$(CURDIR)/build/$(1)/bin"
define TRY_WHEEL
rm -rf build/$(1)
$(PYTHON) -m venv build/$(1)
$(OUTSIDE) python -m pip --disable-pip-version-check install -q "$$(echo ../dist/*.whl)[$(2)]"
$(OUTSIDE) python ../tests/$(3)
endef

wheel-test: wheel
	$(call TRY_WHEEL,wheel-test,tensorflow-cpu,smoke.py)
	$(call TRY_WHEEL,wheel-test-jax,jax,smoke_on_jax.py)

clean:
	rm -rf $(VENV) build dist out *.egg-info tf_softpool/lib/*.so* tf_softpool/lib/tf* tf_softpool/lib/build.json

$(VENV)/bin/activate:
	bash build_support/system_packages.sh $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(PIP) install 'tomli>=2,<3; python_version < "3.11"'

# The package is built for the TensorFlow of this environment, so TensorFlow is installed first.
$(VENV)/.built: $(VENV)/bin/activate $(SOURCES)
	@echo 'Installing TensorFlow and building the ops. This takes a few minutes the first time.'
	@nvidia-smi -L 2> /dev/null | grep -q 'GPU 0' || \
	  echo 'No GPU was found, so the CUDA kernels are left out. TF_SOFTPOOL_CUDA=1 builds them for all GPUs.'
	$(PIP) install '$(TENSORFLOW)'
	TF_SOFTPOOL_CUDA=$${TF_SOFTPOOL_CUDA:-native} $(PIP) install -e .
	@touch $@

$(VENV)/.demo: $(VENV)/.built
	$(call INSTALL_EXTRAS,demo bench)
	@touch $@

$(VENV)/.examples: $(VENV)/.built pyproject.toml
	bash build_support/optional_packages.sh 'Fashion-MNIST is downloaded, and a head and photographs are left out' \
	  dataset-fashion-mnist mate-backgrounds mricron-data
	$(call INSTALL_EXTRAS,examples)
	@touch $@

$(VENV)/.docs: $(VENV)/.built pyproject.toml
	$(call INSTALL_EXTRAS,docs)
	@touch $@

$(VENV)/.test: $(VENV)/.built
	$(call INSTALL_EXTRAS,test)
	@touch $@

# keras-hub is installed without its dependencies, which would overwrite TensorFlow: see pyproject.toml.
$(VENV)/.zoo: $(VENV)/.test
	$(call INSTALL_EXTRAS,zoo)
	$(PIP) install --no-deps 'keras-hub>=0.32,<0.33'
	@touch $@

$(VENV)/.release: $(VENV)/bin/activate pyproject.toml
	$(call INSTALL_EXTRAS,release)
	@touch $@

$(VENV)/.lint: $(VENV)/bin/activate pyproject.toml
	$(call INSTALL_EXTRAS,lint)
	@touch $@
