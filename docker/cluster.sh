# shellcheck shell=bash
# What kind.sh and minikube.sh have in common: the images of this checkout, k8s_resources, and what to do next.

# up CONTEXT LOAD REMOVE builds the images, has the command LOAD load each from an archive, applies k8s_resources, and
# waits until everything is up. REMOVE is the command that removes the cluster again.
up() {
  local context=$1 load=$2 remove=$3 version archive image builder
  version=$(cat VERSION) # what k8s_resources name
  export REGISTRY=ghcr.io
  builder=buildah
  if docker info >/dev/null 2>&1; then builder=docker; fi
  # The nodes' containerd cannot import an image whose provenance is missing in the archive.
  BUILDX_NO_DEFAULT_ATTESTATIONS=1 BUILDER=$builder docker/images.sh "$version"

  archive=$(mktemp -d)/image.tar
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '${archive%/*}'" EXIT
  for image in camunda-exporter camunda-scaler camunda-process-starter; do
    image=$REGISTRY/camunda-autoscaler/$image:$version
    rm -f "$archive" # buildah does not write over it
    case $builder in
      docker) docker save --output "$archive" "$image" ;;
      buildah) buildah push --quiet "$image" "docker-archive:$archive:$image" ;;
    esac
    $load "$archive"
  done

  kubectl --context "$context" apply -f k8s_resources
  kubectl --context "$context" rollout status statefulset/db --timeout=10m
  kubectl --context "$context" wait --for=condition=Available --timeout=10m deployment --all
  cat <<TEXT

It is up, with 5 process starts in 10 seconds and one Camunda. Raise the load, and see Camunda scale to 3:
  kubectl --context $context set env deployment/camunda-process-starter N_PROCESS_STARTED=120
  kubectl --context $context get deployment camunda-deployment --watch
Every decision is a line in the log:
  kubectl --context $context logs --selector app.kubernetes.io/component=scaler --prefix --follow
Remove everything:
  $remove
TEXT
}
