#!/usr/bin/env bash
# Installs what Siskin needs on Debian 12: scripts/install-debian.sh [--build-only | --dev | --operate]
# Without an option what it takes to build and test. --dev adds the formatter, the linter and what
# `make peers` needs; --operate what the tests of deploy/, docker/ and the status page need (they skip
# without it). Safe to repeat: what is there stays.
set -euo pipefail

build=(
  cmake ninja-build ccache g++ pkg-config make
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc libabsl-dev
  libdnnl-dev
  prometheus-cpp-dev libcivetweb-dev zlib1g-dev libcurl4-openssl-dev libssl-dev
  libjpeg62-turbo-dev libpng-dev libwebp-dev libzimg-dev
  libcli11-dev libspdlog-dev nlohmann-json3-dev
)
test=(
  libgtest-dev libgmock-dev
  python3 python3-pil python3-numpy python3-grpcio python3-protobuf
  prometheus  # promtool
)
dev=(clang-format clang-tidy libomp-dev python3-venv)
operate=(
  chromium fonts-dejavu-core            # the status page and screenshots
  prometheus-alertmanager python3-yaml  # amtool, rules
  iproute2 haproxy nginx                # balancers in network namespaces
  buildah podman runc skopeo mmdebstrap  # make image-test
)

missing() {  # prints the arguments that are not installed
  local package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

wanted=("${build[@]}")
node=(nodejs npm)
if command -v npm >/dev/null; then node=(); fi  # a Node.js from elsewhere does as well
case "${1:-}" in
  --build-only) ;;
  --dev) wanted+=("${test[@]}" "${node[@]}" "${dev[@]}") ;;
  --operate) wanted+=("${test[@]}" "${node[@]}" "${operate[@]}") ;;
  "") wanted+=("${test[@]}" "${node[@]}") ;;
  *) echo "usage: install-debian.sh [--build-only | --dev | --operate]" >&2; exit 2 ;;
esac
mapfile -t needed < <(missing "${wanted[@]}")
[ ${#needed[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "This needs Debian's apt-get. Elsewhere, install what these Debian 12 packages hold: ${needed[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Run as root, or install sudo: ${needed[*]} are missing." >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing: ${needed[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${needed[@]}" >/dev/null
