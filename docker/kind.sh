#!/usr/bin/env bash
# Brings up everything on kind (https://kind.sigs.k8s.io): a cluster, the images
# built from this checkout, and k8s_resources. Needs kind, kubectl, and Docker
# or buildah. KIND_CLUSTER names the cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
. docker/cluster.sh

cluster=${KIND_CLUSTER:-camunda-autoscaler}
load() { kind load image-archive --name "$cluster" "$1"; }

kind get clusters | grep -qx "$cluster" || kind create cluster --name "$cluster" --wait 2m
up "kind-$cluster" load "kind delete cluster --name $cluster"
