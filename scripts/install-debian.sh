#!/usr/bin/env bash
# Installs what Siskin builds, tests and runs with on Debian 12. Safe to repeat: what is there stays.
set -euo pipefail

build=(
  cmake ninja-build ccache g++ pkg-config make
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc libabsl-dev
  libdnnl-dev
  prometheus-cpp-dev libcivetweb-dev zlib1g-dev libcurl4-openssl-dev
  libjpeg62-turbo-dev libpng-dev libwebp-dev libzimg-dev
  libcli11-dev libspdlog-dev nlohmann-json3-dev
)
test=(
  libgtest-dev libgmock-dev
  python3 python3-pil python3-numpy python3-grpcio python3-protobuf
  prometheus  # promtool
)

missing() {  # prints the arguments that are not installed
  local package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

wanted=("${build[@]}")
[ "${1:-}" = "--build-only" ] || wanted+=("${test[@]}")
mapfile -t needed < <(missing "${wanted[@]}")
# A Node.js from elsewhere does as well as Debian's.
if [ "${1:-}" != "--build-only" ] && ! command -v npm >/dev/null; then needed+=(nodejs npm); fi
[ ${#needed[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Run as root, or install sudo: ${needed[*]} are missing." >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing: ${needed[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${needed[@]}" >/dev/null
