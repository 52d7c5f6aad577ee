#!/usr/bin/env bash
# Brings up everything on minikube (https://minikube.sigs.k8s.io): a cluster, the
# images built from this checkout, and k8s_resources. Needs minikube, kubectl,
# and Docker or buildah. MINIKUBE_PROFILE names the cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
. docker/cluster.sh

profile=${MINIKUBE_PROFILE:-camunda-autoscaler}
load() { minikube --profile "$profile" image load "$1"; }

# Room for four Camundas, each with 250m CPU and 640 MiB.
minikube --profile "$profile" status >/dev/null 2>&1 || minikube --profile "$profile" start --cpus=4 --memory=6g
up "$profile" load "minikube delete --profile $profile"
