#!/usr/bin/env bash
# Writes a bill of materials (CycloneDX) for each image's program into dist/.
#   docker/sbom.sh [VERSION]
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:-$(cat VERSION)}
mkdir -p dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOWORK=off CGO_ENABLED=0 # as in the Dockerfiles
for service in exporter:camunda-exporter scaler:camunda-scaler starter:camunda-process-starter; do
  name=${service##*:}
  (cd "${service%%:*}" && go build -trimpath -o "$work/$name" "./cmd/$name")
  (cd docker/sbom && go run . "$work/$name" "$version") > "dist/$name.cdx.json"
  echo "dist/$name.cdx.json"
done
