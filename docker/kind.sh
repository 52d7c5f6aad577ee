#!/usr/bin/env bash
# Brings up everything on kind (https://kind.sigs.k8s.io): a cluster, the images
# built from this checkout, and k8s_resources. Needs kind, kubectl, and Docker
# or buildah. KIND_CLUSTER names the cluster.
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=${KIND_CLUSTER:-camunda-autoscaler}
version=$(cat VERSION) # what k8s_resources name
images=()
for image in camunda-exporter camunda-scaler camunda-process-starter; do
  images+=("docker.io/camunda-autoscaler/$image:$version")
done

docker/images.sh "$version"
kind get clusters | grep -qx "$cluster" || kind create cluster --name "$cluster"
if docker info >/dev/null 2>&1; then
  kind load docker-image --name "$cluster" "${images[@]}"
else
  archive=$(mktemp)
  trap 'rm -f "$archive"' EXIT
  for image in "${images[@]}"; do
    rm -f "$archive" # buildah does not write over it
    buildah push "$image" "docker-archive:$archive:$image"
    kind load image-archive --name "$cluster" "$archive"
  done
fi
kubectl --context "kind-$cluster" apply -f k8s_resources
kubectl --context "kind-$cluster" wait --for=condition=Available --timeout=10m deployment --all
cat <<TEXT
It is up. What next:
  kubectl --context kind-$cluster get deployment camunda-deployment --watch
  kubectl --context kind-$cluster logs -f deployment/camunda-autoscaler-scaler
  kind delete cluster --name $cluster
TEXT
