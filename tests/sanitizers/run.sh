#!/usr/bin/env bash
# Runs the tests of the kernels, the C program of examples/serving_c and fuzzers under sanitizers. The first report ends
# the run with an error.
#
#   run.sh FOLDER PYTHON
#
# FOLDER gets the builds and what the fuzzers find. PYTHON has TensorFlow and pytest: the C program is tested with them.
# SECONDS_OF_FUZZING in the environment says how long the four fuzzers run together. Each step says at which second it
# begins.
set -euo pipefail
folder=$(realpath -m "$1")
python=$2
seconds=${SECONDS_OF_FUZZING:-300}
cd "$(dirname "$0")/../.."
here=$PWD/tests/sanitizers
bash tests/sanitizers/system_packages.sh

export CC=clang CXX=clang++
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
# What is never freed inside of TensorFlow is not ours.
export LSAN_OPTIONS=suppressions=$here/leaks.txt:print_suppressions=0

say() { printf '%5d s  %s\n' $SECONDS "$*"; }

# build NAME SANITIZERS TARGET...
build() {
  local to=$folder/$1
  mkdir -p "$to"
  cmake -S custom_ops -B "$to" -DCMAKE_BUILD_TYPE=Debug -DSOFTPOOL_BUILD_TESTS=ON -DSOFTPOOL_QUICK=ON \
    -DSOFTPOOL_CUDA=OFF -DSOFTPOOL_WARNINGS_AS_ERRORS=ON "-DSOFTPOOL_SANITIZE=$2" > "$to/configure.log"
  cmake --build "$to" --parallel "$(nproc)" --target "${@:3}" > "$to/build.log" 2>&1 ||
    { grep -m 20 -A 5 'error' "$to/build.log" >&2; exit 1; }
}

# test_kernels NAME FILTER: GoogleTest divides the tests among as many processes as there are processors.
test_kernels() {
  local jobs count
  count=$(nproc)
  jobs=()
  for ((i = 0; i < count; ++i)); do
    GTEST_TOTAL_SHARDS=$count GTEST_SHARD_INDEX=$i "$folder/$1/tests/kernel_tests" --gtest_brief=1 \
      "--gtest_filter=$2" > "$folder/$1/tests.$i.log" 2>&1 &
    jobs+=($!)
  done
  for ((i = 0; i < count; ++i)); do
    wait "${jobs[$i]}" || { tail -n 60 "$folder/$1/tests.$i.log" >&2; exit 1; }
  done
  # GoogleTest is content if no test has such a name.
  grep -h 'PASSED  . [1-9]' "$folder/$1"/tests.*.log || { echo "no test matches $2" >&2; exit 1; }
}
test_threads() { "$folder/$1/sanitizers/threads_tests" --gtest_brief=1; }

# without CASE...: a filter of all tests of the kernels but these cases of same_bits_test.cc.
without() { printf '%s' '*-'; printf '*/c%s_*:' "$@"; }

# of FORM CASE...: a filter of these cases of same_bits_test.cc, with types and formats of this form.
of() { printf "*/SameBits.*/c%s_$1:" "${@:2}"; }

# fuzz NAME PARTS LONGEST: plays the kept corpus, then invents inputs for PARTS hundredths of the time. What the fuzzer
# learns stays in FOLDER, and the next run begins with it.
fuzz() {
  local own=$folder/corpus/$1
  mkdir -p "$own" "$folder/found"
  (cd "$folder/found" && "$folder/address/sanitizers/fuzz/fuzz_$1" -seed=1 "-max_len=$3" -timeout=20 -rss_limit_mb=4096 \
    "-max_total_time=$((seconds * $2 / 100))" "-artifact_prefix=$folder/found/$1-" \
    "$own" "$folder/kept/$1" > "$folder/fuzz_$1.log" 2>&1) ||
    { tail -n 60 "$folder/fuzz_$1.log" >&2; say "the input is in $folder/found"; exit 1; }
  grep -a '^Done' "$folder/fuzz_$1.log"
}

say 'Building with AddressSanitizer and UndefinedBehaviorSanitizer'
build address address,undefined kernel_tests threads_tests fuzz_engine fuzz_geometry fuzz_npy fuzz_signature
say 'Testing the kernels'
# Large tensors take minutes, and are read and written as small ones are: what is left has single lanes, packed columns,
# vectors with a rest, overlap, gaps, several tiles, and windows that are larger than the input. Windows of more than
# 1024 positions are read in a way of their own, which one pooling shows.
test_kernels address "$(without 3x3_{overlap,few_special} {5x4,9x9,3d}_few_special whole many_{tiles,taps})"
test_kernels address '*/SameBits.SoftPool/cmany_taps_float_last'
test_threads address
say 'Fuzzing'
python3 -m zipfile -e tests/sanitizers/fuzz/corpus.zip "$folder/kept"
{ fuzz engine 100 4000; } &
engine=$!
{ fuzz geometry 40 160; fuzz npy 30 400; fuzz signature 30 400; } &
others=$!
wait $engine
wait $others
say 'Building with ThreadSanitizer'
build thread thread kernel_tests threads_tests
say 'Testing the kernels'
# In the other tests, and in tensors that are one unit or one tile, only one thread has work: ThreadSanitizer finds
# nothing there. Threads share the work in the same way for every type.
test_kernels thread "$(of 'float_*' 2x2 2x2_odd_channels few_channels gaps 3d 3d_few_special 3x3_few_special whole)"
test_threads thread
say 'Testing the C program of examples/serving_c'
CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all -g1 -O1 -fno-omit-frame-pointer' \
  "$python" -m pytest -q -p no:cacheprovider -m 'slow or not slow' \
  tests/serving/test_serving_c.py tests/serving/test_serving_c_files.py
say 'No sanitizer has reported anything'
