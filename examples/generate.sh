#!/usr/bin/env bash
# Generates the committed client stubs of Python and Go from proto/: examples/generate.sh [python | go]...
# Python's with Debian's protoc, Go's with the plugins below. C++'s are made by the build, Node needs none.
set -euo pipefail
cd "$(dirname "$0")/.."
protos=(siskin/v1/common.proto siskin/v1/classifier.proto siskin/v1/face_detector.proto
  siskin/v1/embedder.proto inference/grpc_service.proto)

python() {
  protoc -I proto --python_out=examples/python/stubs --grpc_out=examples/python/stubs \
    --plugin=protoc-gen-grpc="$(command -v grpc_python_plugin)" "${protos[@]}"
}

go() {
  local plugins options=() proto
  plugins=$(mktemp -d)
  GOBIN=$plugins command go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.31.0
  GOBIN=$plugins command go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.3.0
  for proto in "${protos[@]}"; do
    options+=(--go_opt="M$proto=siskin/examples/stubs/$(dirname "$proto")"
      --go-grpc_opt="M$proto=siskin/examples/stubs/$(dirname "$proto")")
  done
  PATH="$plugins:$PATH" protoc -I proto --go_out=examples/go --go_opt=module=siskin/examples \
    --go-grpc_out=examples/go --go-grpc_opt=module=siskin/examples "${options[@]}" "${protos[@]}"
  rm -r "$plugins"
}

[ $# -gt 0 ] || set -- python go
for language in "$@"; do "$language"; done
