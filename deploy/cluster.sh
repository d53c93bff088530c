# What is done on any cluster, kind's and the lab's: installing the chart, applying a ward, waiting for it. To be sourced after tests/lib.sh.
# shellcheck shell=bash
#
# kubectl and helm are those on the PATH, for the cluster that KUBECONFIG names.

readonly OPERATOR_NAMESPACE=bp-monitor

# wait_for SECONDS NAMESPACE OBJECT CONDITION: says what it waits for; where it does not come, shows what the cluster says of it.
wait_for() {
  say "waiting for $3, for at most $1 s"
  kubectl --namespace "$2" wait "$3" --for "$4" --timeout "$1s" >/dev/null || {
    kubectl --namespace "$2" describe "$3" >&2 || true
    kubectl --namespace "$2" get pods >&2 || true
    fail "$3 is not ready within $1 s: see above; run this again to go on"
  }
}

# namespace NAME: where pods must be restricted, as Kubernetes' own standard has it.
namespace() {
  kubectl apply --server-side --field-manager bp-monitor-setup -f - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: $1
  labels: {pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/enforce-version: latest}
YAML
}

# install_chart CHART [HELM-ARGUMENT ...]: installs or upgrades, and waits until the operator is ready.
install_chart() {
  local chart=$1
  shift
  namespace "$OPERATOR_NAMESPACE"
  helm upgrade --install bp-monitor "$chart" --namespace "$OPERATOR_NAMESPACE" --wait --timeout 3m "$@" >/dev/null || {
    kubectl --namespace "$OPERATOR_NAMESPACE" describe pods >&2 || true
    kubectl --namespace "$OPERATOR_NAMESPACE" logs deployment/bp-monitor-operator --tail 20 >&2 || true
    fail "the chart did not install: see above"
  }
}
