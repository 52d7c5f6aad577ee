#!/usr/bin/env bash
# Builds the three images with Docker or, where there is none, buildah.
#   docker/images.sh [VERSION]
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:-0.1.0}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
args=(--build-arg "VERSION=$version" --build-arg "REVISION=$(git rev-parse HEAD)"
  --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH")

if docker info >/dev/null 2>&1; then
  build=(docker build)
elif command -v buildah >/dev/null; then
  build=(buildah bud --timestamp "$SOURCE_DATE_EPOCH")
else
  echo "images: a running Docker, or buildah, is needed" >&2
  exit 1
fi
for service in exporter:camunda-exporter scaler:camunda-scaler starter:camunda-process-starter; do
  "${build[@]}" "${args[@]}" -f "docker/${service%%:*}.Dockerfile" \
    -t "docker.io/camunda-autoscaler/${service##*:}:$version" .
done
