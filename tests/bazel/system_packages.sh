#!/usr/bin/env bash
# Installs Bazel and the rules that it asks for, where Debian's packages are to be had. Where they are not,
# it says so, and the tests skip.
set -uo pipefail
packages=(bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto libhwy-dev)
dpkg --status "${packages[@]}" > /dev/null 2>&1 && exit 0

as_root=()
if ! command -v apt-get > /dev/null; then
  echo "Without apt-get, BUILD is not tested. It needs what these Debian packages contain: ${packages[*]}" >&2
  exit 0
elif [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
fi
echo "Installing system packages: ${packages[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
  --no-install-recommends "${packages[@]}" > /dev/null ||
  echo "BUILD is not tested: these packages cannot be had: ${packages[*]}" >&2
