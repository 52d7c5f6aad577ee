#!/usr/bin/env bash
# Makes a local image by the name golang:1.26 out of Debian and the Go that runs
# here, so that buildah can build the Dockerfiles where no registry is in reach.
# For tests only. As root, on Debian, with buildah and mmdebstrap.
set -euo pipefail
name=golang:1.26
version=$(go env GOVERSION)
if [ "$(buildah inspect --type image --format '{{.OCIv1.Config.Labels.go}}' "$name" 2>/dev/null)" = "$version" ]; then exit 0; fi
work=$(mktemp -d)
container=
trap 'rm -rf "$work"; [ -z "$container" ] || buildah rm "$container" >/dev/null' EXIT
# shellcheck disable=SC2016 # $1 is for mmdebstrap's shell
mmdebstrap --quiet --mode=root --variant=minbase --include=ca-certificates \
  --aptopt='Acquire::Languages "none"' \
  --customize-hook='rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*' \
  bookworm "$work/root.tar"
container=$(buildah from scratch)
buildah add --quiet "$container" "$work/root.tar" / >/dev/null
buildah copy --quiet "$container" "$(go env GOROOT)" /usr/local/go >/dev/null
# Certificates of this machine, for a module proxy that only it trusts.
buildah copy --quiet "$container" "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" /etc/ssl/certs/ca-certificates.crt >/dev/null
buildah config --env PATH=/usr/local/go/bin:/usr/bin:/bin --env GOPATH=/go --env GOTOOLCHAIN=local \
  --label "go=$version" "$container"
buildah commit --quiet "$container" "$name" >/dev/null
