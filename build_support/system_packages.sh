#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that a build needs and this machine lacks. If it cannot, it names them.
set -euo pipefail
python=${1:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
  echo "Python 3.10 or later is needed; $python is $("$python" --version). Try: make PYTHON=python3.12" >&2
  exit 1
fi

missing=()
command -v g++ > /dev/null || missing+=(g++)
command -v cmake > /dev/null || missing+=(cmake)
command -v make > /dev/null || missing+=(make)
"$python" -c 'import ensurepip' 2> /dev/null || missing+=(python3-venv)
# If the installed Highway is too old, or there is none, CMake fetches Highway.
[ -e /usr/include/hwy/highway.h ] || missing+=(libhwy-dev)
[ -e /usr/include/gtest/gtest.h ] || missing+=(libgtest-dev)
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get > /dev/null; then
  echo "Install what these Debian packages contain, and try again: ${missing[*]}" >&2
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo > /dev/null; then
  as_root=(sudo)
else
  echo "Ask for these packages to be installed, and try again: apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "Installing system packages: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
  --no-install-recommends "${missing[@]}" > /dev/null
