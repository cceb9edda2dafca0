#!/usr/bin/env bash
# Installs Clang with its sanitizers and libFuzzer, if this machine lacks them.
set -euo pipefail
root=$(dirname "$0")/../..

works() {
  command -v llvm-symbolizer > /dev/null &&
    echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
    clang++ -x c++ -fsanitize=fuzzer,address - -o /dev/null
}

works 2> /dev/null && exit 0
# The libraries of the sanitizers are a package of their own, which comes with Debian's Clang only as a recommendation.
bash "$root/build_support/optional_packages.sh" 'The sanitizers do not run' clang llvm libclang-rt-dev
works || { echo "Clang cannot link its sanitizers, or llvm-symbolizer is missing: install both" >&2; exit 1; }
