#!/usr/bin/env bash
# Builds the images for amd64 and arm64 with provenance, and pushes them by their digests: they have no tag yet.
#   docker/push.sh REGISTRY VERSION
# Writes dist/digests.txt, with a line "IMAGE DIGEST" for each, and a bill of materials of the program in each image.
# Needs Docker's buildx, and Go for the bills.
set -euo pipefail
cd "$(dirname "$0")/.."

registry=$1 version=$2
REVISION=$(git rev-parse HEAD)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
mkdir -p dist
: > dist/digests.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for service in exporter:camunda-exporter scaler:camunda-scaler starter:camunda-process-starter; do
  name=${service##*:}
  docker buildx build --file "docker/${service%%:*}.Dockerfile" --platform linux/amd64,linux/arm64 \
    --build-arg "VERSION=$version" --build-arg "REVISION=$REVISION" --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" \
    --provenance mode=max --metadata-file "$work/metadata.json" \
    --output "type=image,name=$registry/$name,push=true,push-by-digest=true,name-canonical=true,rewrite-timestamp=true" .
  digest=$(jq -er '."containerimage.digest"' "$work/metadata.json")
  container=$(docker create --platform linux/amd64 "$registry/$name@$digest")
  docker cp "$container:/$name" "$work/$name"
  docker rm "$container" >/dev/null
  (cd docker/sbom && GOWORK=off go run . "$work/$name" "$version") > "dist/$name.cdx.json"
  echo "$name $digest" >> dist/digests.txt
done
