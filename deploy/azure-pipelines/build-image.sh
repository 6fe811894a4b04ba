#!/usr/bin/env bash
# Has the container registry build the image of the service, and writes its digest to the file DIGEST.
set -euo pipefail
usage="usage: $0 REPOSITORY BASE TAG, such as levelfive.azurecr.io/levelfive-serving python@sha256:... 42"
repository=${1:?"$usage"} base=${2:?"$usage"} tag=${3:?"$usage"}
registry=${repository%%.azurecr.io/*} name=${repository#*/}
[[ $base =~ @sha256:[0-9a-f]{64}$ ]] || { echo "BASE is an image by its digest, got '$base'" >&2; exit 1; }
az acr build --registry "$registry" --image "$name:$tag" --file deploy/kubernetes/Containerfile --target azure-ml \
  --build-arg "BASE=$base" --build-arg REQUIREMENTS=requirements/serving-azure-ml.txt .
digest=$(az acr repository show --name "$registry" --image "$name:$tag" --query digest --output tsv)
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "$repository:$tag has no digest, got '$digest'" >&2; exit 1; }
echo "$digest" > DIGEST
