#!/usr/bin/env bash
# Runs the tests of the kernels for 64-bit ARM in QEMU, and compares the bits of their results with those of the
# kernels for AVX2, which run on this machine.
set -euo pipefail
folder=$(realpath -m "$1")
python=${2:-python3}
cd "$(dirname "$0")/../.."
bash tests/neon/system_packages.sh "$folder/packages"

build() {
  local to=$folder/$1
  mkdir -p "$to"
  rm -rf "$to/tests/results"
  cmake -S custom_ops -B "$to" -DSOFTPOOL_BUILD_TESTS=ON -DSOFTPOOL_CUDA=OFF "${@:2}" > "$to/configure.log"
  cmake --build "$to" --parallel "$(nproc)" > "$to/build.log"
}
build arm --toolchain cmake/aarch64.cmake -DSOFTPOOL_ARM_PACKAGES="$folder/packages"
build avx2 -DSOFTPOOL_QUICK=ON
# Left out are two tests that take minutes each in the emulator: they compute many windows in long double, for which
# ARM has no instructions.
slow='DetailPreservingPool/cmany_tiles_double'
options=(--parallel "$(nproc)" --output-on-failure --progress --exclude-regex "$slow")
ctest --test-dir "$folder/arm" "${options[@]}"
ctest --test-dir "$folder/avx2" "${options[@]}" --tests-regex SameBits
"$python" tests/neon/compare.py "$folder/avx2/tests/results" "$folder/arm/tests/results"
