#!/usr/bin/env bash
# Installs what Siskin needs on Debian 12: scripts/install-debian.sh [--build-only | --dev | --image]
# Without an option what it takes to build and to run every test. --build-only leaves the tests' part
# out; --dev adds the formatter, the linter and what `make peers` needs, --image what `make image-test`
# needs. Safe to repeat: what is there stays.
set -euo pipefail
source "$(dirname "$0")/stages.sh"

build=(
  cmake ninja-build ccache g++ mold pkg-config make
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc libabsl-dev
  libdnnl-dev
  prometheus-cpp-dev libcivetweb-dev zlib1g-dev libcurl4-openssl-dev libssl-dev
  libjpeg62-turbo-dev libpng-dev libwebp-dev libzimg-dev
  libcli11-dev libspdlog-dev nlohmann-json3-dev
)
test=(
  libgtest-dev libgmock-dev
  python3 python3-pil python3-numpy python3-grpcio python3-protobuf
  prometheus prometheus-alertmanager python3-yaml  # promtool, amtool, rules
  chromium fonts-dejavu-core                       # the status page and screenshots
  iproute2 haproxy nginx                           # balancers in network namespaces
  openssl                                          # the command: a certificate of a hub
)
dev=(clang-format clang-tidy libomp-dev python3-venv time)
image=(buildah podman runc skopeo mmdebstrap)

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
  --image) wanted+=("${test[@]}" "${node[@]}" "${image[@]}") ;;
  "") wanted+=("${test[@]}" "${node[@]}") ;;
  *) echo "usage: install-debian.sh [--build-only | --dev | --image]" >&2; exit 2 ;;
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
install() {
  "${as_root[@]}" apt-get update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${needed[@]}"
}
echo "Installing: ${needed[*]}"
[ ${#as_root[@]} -eq 0 ] || sudo -v  # asks here, not under the moving line
stage "Installing ${#needed[@]} packages" install
