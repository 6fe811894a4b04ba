#!/usr/bin/env bash
# Installs the Databricks CLI of a version, after comparing it with the release's own list of hashes.
set -euo pipefail
version=${1:?"usage: $0 VERSION [FOLDER]"}
folder=${2:-$HOME/.local/databricks-cli}
release=https://github.com/databricks/cli/releases/download/v$version
archive=databricks_cli_${version}_linux_amd64.tar.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl -fsSL --retry 3 --output-dir "$work" -O "$release/$archive" -O "$release/databricks_cli_${version}_SHA256SUMS"
(cd "$work" && grep -F "  $archive" "databricks_cli_${version}_SHA256SUMS" | sha256sum --check --strict)
mkdir -p "$folder"
tar -xzf "$work/$archive" -C "$folder" databricks
"$folder/databricks" version
echo "##vso[task.prependpath]$folder" # tells Azure DevOps; by hand, put the folder on the PATH
