#!/usr/bin/env bash
# Builds the programs for the platforms of a release, and packs each with its licences into dist/archives, with checksums.
#   docker/dist.sh [VERSION]
# The same commit and Go give the same bytes. Needs GNU tar.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:-$(cat VERSION)}
REVISION=${REVISION:-$(git rev-parse HEAD)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
v=github.com/prometheus/common/version
export CGO_ENABLED=0 GOWORK=off # as in the Dockerfiles

archives=$PWD/dist/archives
rm -rf "$archives"
mkdir -p "$archives"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd docker/notices && go build -o "$work/notices" .)
for main in exporter/cmd/* scaler/cmd/* starter/cmd/*; do
  name=${main##*/}
  for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do
    export GOOS=${platform%/*} GOARCH=${platform#*/}
    folder=$name-$version.$GOOS-$GOARCH
    mkdir "$work/$folder"
    (cd "${main%%/*}" &&
      go build -trimpath -buildvcs=false -o "$work/$folder/$name" \
        -ldflags "-s -w -buildid= -X $v.Version=$version -X $v.Revision=$REVISION" "./cmd/$name" &&
      "$work/notices" "./cmd/$name" > "$work/$folder/THIRD_PARTY_NOTICES.txt")
    cp LICENSE "$work/$folder/"
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" -cf - "$folder" |
      gzip -9n > "$archives/$folder.tar.gz"
    echo "dist/archives/$folder.tar.gz"
  done
done
cd "$archives" && sha256sum -- *.tar.gz > checksums.txt
