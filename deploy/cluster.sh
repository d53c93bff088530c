# What is done on any cluster, kind's and the lab's: installing the chart, applying a ward, waiting for it. To be sourced after tests/lib.sh.
# shellcheck shell=bash
#
# kubectl and helm are those on the PATH, for the cluster that KUBECONFIG names.

readonly OPERATOR_NAMESPACE=bp-monitor

# wait_for SECONDS WHAT KUBECTL-ARGUMENT ...: says what it waits for; where it does not come, says what the cluster says of it.
wait_for() {
  local limit=$1 what=$2
  shift 2
  say "waiting for $what, for at most $limit s"
  kubectl wait "$@" --timeout "${limit}s" >/dev/null || {
    kubectl describe "${@:1:2}" "${@:3:1}" >&2 || true
    fail "$what: not within $limit s: see above; run this again to go on"
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

# ward_ready NAMESPACE NAME SECONDS: waits until a BpMonitor works as a whole.
ward_ready() {
  say "waiting for the BpMonitor $1/$2, for at most $3 s"
  kubectl --namespace "$1" wait --for condition=Ready "bpmonitor/$2" --timeout "$3s" >/dev/null || {
    kubectl --namespace "$1" describe "bpmonitor/$2" >&2 || true
    kubectl --namespace "$1" get pods >&2 || true
    fail "the BpMonitor $1/$2 is not ready: its conditions above say why, and docs/operator.md what to do"
  }
}
