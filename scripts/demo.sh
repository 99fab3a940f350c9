#!/usr/bin/env bash
# Serves the sample models and classifies the sample photos:
#   scripts/demo.sh [--serve | --bench] SISKIN MODELS
set -euo pipefail
mode=demo
case "$1" in --serve | --bench) mode=${1#--}; shift ;; esac
siskin=$1 models=$2
here=$(cd "$(dirname "$0")/.." && pwd)
repository="$here/build/repository"
photos=("$here/docs/images/sample.png")
server=127.0.0.1:8001

if [ -d "$models" ]; then
  "$here/deploy/repository/link.sh" "$models" "$repository" >/dev/null
  source=(--repository "$repository")
  model=(--model mobilenet_v2)
  mapfile -t photos < <(find "$models/images" -name '*.png' -o -name '*.jpg' | grep -v face | sort)
else
  echo "No weights in $models: put one at build/repository/mobilenet_v2/1/model.safetensors and serve it with" \
    "'siskin serve --repository build/repository'. Until then: MobileNetV2 with random weights."
  source=(--random-model mobilenet_v2)
  model=()
fi

case $mode in
  serve) exec "$siskin" serve "${source[@]}" ;;
  bench) exec "$siskin" bench "${source[@]}" --batch 1,8 ;;
esac

log="$here/build/demo.log"
"$siskin" serve "${source[@]}" --grpc $server --admin 127.0.0.1:8002 >"$log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  if "$siskin" health --server $server --service readiness >/dev/null 2>&1; then break; fi
  kill -0 $pid 2>/dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.1
done

"$siskin" classify --server $server "${model[@]}" "${photos[@]}"
cat <<EOF

That was gRPC to a server with $(nproc) lanes. To go on:
  make serve                                         the same server, on ports 8001 (gRPC) and 8002 (HTTP)
  build/release/bin/siskin classify ${model[*]} PHOTO.jpg
                                                     ask it, from another terminal
  curl localhost:8002/metrics                        what Prometheus sees
  build/release/bin/siskin --help                    everything else
EOF
