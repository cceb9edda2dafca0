#!/usr/bin/env bash
# Installs Clang with its sanitizers and libFuzzer, if this machine lacks them.
set -euo pipefail
packages=(clang llvm)

works() {
  command -v clang++ > /dev/null && command -v llvm-symbolizer > /dev/null &&
    echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
    clang++ -x c++ -fsanitize=fuzzer,address - -o /dev/null 2> /dev/null
}
works && exit 0
if ! command -v apt-get > /dev/null; then
  echo "There is no apt-get to install these Debian packages with: ${packages[*]}" >&2
  exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
# The newest package of the sanitizers' libraries comes with Debian's Clang only as a recommendation.
echo "Installing system packages: ${packages[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" > /dev/null
works || { echo "Clang cannot link its sanitizers: install its compiler-rt, such as libclang-rt-dev" >&2; exit 1; }
