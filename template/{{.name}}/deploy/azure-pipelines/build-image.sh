#!/usr/bin/env bash
# Has the container registry build the image of the service, and writes its digest to the file DIGEST.
set -euo pipefail
usage="usage: $0 REPOSITORY BASE TAG PLACE, such as levelfive.azurecr.io/levelfive-serving python@sha256:... 42 azure_ml"
repository=${1:?"$usage"} base=${2:?"$usage"} tag=${3:?"$usage"} place=${4:?"$usage"}
case $place in
  azure_ml) target=azure-ml requirements=requirements/serving-azure-ml.txt ;;
  kubernetes) target=service requirements=requirements/serving.txt ;;
  *) echo "PLACE is azure_ml or kubernetes, got '$place'" >&2; exit 1 ;;
esac
registry=${repository%%.azurecr.io/*} name=${repository#*/}
[[ $base =~ @sha256:[0-9a-f]{64}$ ]] || { echo "BASE is an image by its digest, got '$base'" >&2; exit 1; }
az acr build --registry "$registry" --image "$name:$tag" --file deploy/kubernetes/Containerfile --target "$target" \
  --build-arg "BASE=$base" --build-arg "REQUIREMENTS=$requirements" .
digest=$(az acr repository show --name "$registry" --image "$name:$tag" --query digest --output tsv)
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "$repository:$tag has no digest, got '$digest'" >&2; exit 1; }
echo "$digest" > DIGEST
