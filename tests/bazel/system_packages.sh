#!/usr/bin/env bash
# Installs Bazel and the rules that it needs from Debian's packages. If these cannot be installed, the script
# says so, and the tests are skipped.
set -uo pipefail
packages=(bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto libhwy-dev)
dpkg --status "${packages[@]}" > /dev/null 2>&1 && exit 0

as_root=()
if ! command -v apt-get > /dev/null; then
  echo "BUILD is not tested: there is no apt-get to install these Debian packages with: ${packages[*]}" >&2
  exit 0
elif [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
fi
echo "Installing system packages: ${packages[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
  --no-install-recommends "${packages[@]}" > /dev/null ||
  echo "BUILD is not tested: these packages cannot be installed: ${packages[*]}" >&2
