#!/usr/bin/env bash
# Installs Debian packages that something can do without. If they cannot be installed, the script says so.
# Usage: optional_packages.sh "what is the case without them" PACKAGE...
set -uo pipefail
without=$1
packages=("${@:2}")
command -v dpkg > /dev/null && dpkg --status "${packages[@]}" > /dev/null 2>&1 && exit 0

as_root=()
if ! command -v apt-get > /dev/null; then
  echo "$without: there is no apt-get to install these Debian packages with: ${packages[*]}" >&2
  exit 0
elif [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo -n)
fi
echo "Installing system packages: ${packages[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
  --no-install-recommends "${packages[@]}" > /dev/null ||
  echo "$without: these packages cannot be installed: ${packages[*]}" >&2
