#!/usr/bin/env bash
# Has a cluster run the image of the file DIGEST as an overlay says; where it does not start, the one of before goes on.
set -euo pipefail
usage="usage: $0 OVERLAY CLUSTER DEPLOYMENT, such as qa levelfive-qa flight-delay-serving; CLUSTER names its resource group and namespace too"
overlay=deploy/kubernetes/overlays/${1:?"$usage"} cluster=${2:?"$usage"} deployment=deployment/${3:?"$usage"}
digest=$(cat DIGEST) file=$overlay/kustomization.yaml
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "DIGEST holds no digest, got '$digest'" >&2; exit 1; }
[ "$(grep -c 'digest: sha256:' "$file")" = 1 ] || { echo "$file has to name one image by its digest" >&2; exit 1; }
sed -i "s/digest: sha256:[0-9a-f]*/digest: $digest/" "$file"
export KUBECONFIG=$PWD/kubeconfig
az aks get-credentials --resource-group "$cluster" --name "$cluster" --file "$KUBECONFIG" --overwrite-existing
kubelogin convert-kubeconfig --login azurecli
kubectl apply --kustomize "$overlay"
kubectl rollout status "$deployment" --namespace "$cluster" --timeout 15m && exit
echo "the image of before is taken again: read what the new one said (kubectl logs $deployment -n $cluster)" >&2
kubectl rollout undo "$deployment" --namespace "$cluster"
exit 1
