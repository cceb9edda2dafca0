#!/usr/bin/env bash
# Installs a cross compiler for ARM and QEMU, and puts Highway and GoogleTest for ARM into a folder. These two come
# from Debian's packages for ARM. The packages are unpacked but not installed, so that the machine keeps the packages
# of one architecture.
set -euo pipefail
folder=$1
tools=(g++-aarch64-linux-gnu qemu-user)
libraries=(libhwy1 libhwy-dev libgtest-dev)

if ! command -v apt-get > /dev/null; then
  echo "There is no apt-get to install these Debian packages with: ${tools[*]}, and for arm64 ${libraries[*]}" >&2
  exit 1
fi
if ! command -v aarch64-linux-gnu-g++ > /dev/null || ! command -v qemu-aarch64 > /dev/null; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  echo "Installing system packages: ${tools[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${tools[@]}" > /dev/null
fi

[ -e "$folder/.unpacked" ] && exit 0
echo "Fetching packages for arm64: ${libraries[*]}"
mkdir -p "$folder"
cd "$folder"
# apt-get keeps its lists for ARM in this folder, and leaves those of the machine as they are.
mkdir -p apt/lists/partial apt/archives/partial
touch apt/status
apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State="$PWD/apt"
  -o Dir::State::status="$PWD/apt/status" -o Dir::Cache="$PWD/apt" -o APT::Sandbox::User="$(id -un)")
if ! "${apt[@]}" update || ! "${apt[@]}" download "${libraries[@]}"; then
  echo "The servers that apt-get knows do not have these packages for arm64: ${libraries[*]}. Debian's do." >&2
  exit 1
fi
for package in *.deb; do dpkg-deb --extract "$package" .; done
rm -rf apt ./*.deb
touch .unpacked
