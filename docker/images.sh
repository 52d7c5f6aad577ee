#!/usr/bin/env bash
# Builds the three images with Docker or, where there is none, buildah.
#   docker/images.sh [VERSION [OPTION...]]
# Options go to the builder as they are. From the environment:
#   REGISTRY           the first part of the images' names; that of the charts if it is not set
#   PLATFORM           such as linux/arm64; this machine's if it is not set
#   BUILDER            docker or buildah
#   REVISION           and
#   SOURCE_DATE_EPOCH  the commit and its time, where the source is no Git checkout
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:-$(cat VERSION)}
[ $# -eq 0 ] || shift
registry=${REGISTRY:-ghcr.io}
REVISION=${REVISION:-$(git rev-parse HEAD)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

if [ -z "${BUILDER:-}" ]; then
  if docker info >/dev/null 2>&1; then BUILDER=docker; else BUILDER=buildah; fi
fi
case $BUILDER in
  docker)
    build=(docker build)
    [ -z "${PLATFORM:-}" ] || build+=(--platform "$PLATFORM") ;;
  buildah)
    command -v buildah >/dev/null || { echo "images: a running Docker, or buildah, is needed" >&2; exit 1; }
    # Some versions know none of the platforms by themselves.
    native=linux/$(buildah info --format '{{.host.arch}}')
    build=(buildah bud --timestamp "$SOURCE_DATE_EPOCH" --platform "${PLATFORM:-$native}" --build-arg "BUILDPLATFORM=$native") ;;
  *) echo "images: BUILDER is docker or buildah, not $BUILDER" >&2; exit 1 ;;
esac

for service in exporter:camunda-exporter scaler:camunda-scaler starter:camunda-process-starter; do
  "${build[@]}" --build-arg "VERSION=$version" --build-arg "REVISION=$REVISION" \
    --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" "$@" \
    -f "docker/${service%%:*}.Dockerfile" -t "$registry/camunda-autoscaler/${service##*:}:$version" .
done
