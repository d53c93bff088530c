#!/usr/bin/env bash
# Removes the cluster of `make kind-up`, with everything in it.
#
# usage: down.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/lib.sh
. "$root/tests/lib.sh"
# shellcheck source=deploy/kind/requirements.sh
. "$root/deploy/kind/requirements.sh"

readonly CLUSTER=bp

command -v kind >/dev/null || fail "kind is not installed, so there is no cluster of it to remove"
[[ $(container_tool) != podman ]] || export KIND_EXPERIMENTAL_PROVIDER=podman
kind delete cluster --name "$CLUSTER"
rm -f "$root/target/kind.kubeconfig"
