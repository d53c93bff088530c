#!/usr/bin/env bash
# From `helm install` to classified readings on a node, and through what happens to it there: in the end every Observation is accounted for.
#
# usage: run.sh [short|eck|external]
#
# On the lab's node, in a lab of its own with the same downloads; no other lab's node may be up on this machine.
#   eck: with ECK's own operator, which runs Elasticsearch as a pod; else Elasticsearch is the lab's
#   BINARIES_DIR: a directory with the programs, as target/debug after `make test`; the Dockerfile compiles them unless it is given
# external: on the cluster that KUBECONFIG names; see on-cluster.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LAB_DIST=${LAB_DIST:-$here/../../target/lab/dist}
export LAB_DATA=${LAB_DATA:-$here/../../target/lab-e2e}
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=deploy/cluster.sh
. "$root/deploy/cluster.sh"
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/e2e/steps.sh
. "$here/steps.sh"

readonly FORM=${1:-full} RATE=50 PARTITIONS=3
case $FORM in
full | short)
  # shellcheck source=tests/e2e/on-lab.sh
  . "$here/on-lab.sh"
  # shellcheck source=tests/e2e/by-url.sh
  . "$here/by-url.sh"
  ;;
eck)
  # shellcheck source=tests/e2e/on-lab.sh
  . "$here/on-lab.sh"
  # shellcheck source=tests/e2e/on-lab-eck.sh
  . "$here/on-lab-eck.sh"
  ;;
external)
  # shellcheck source=tests/e2e/on-cluster.sh
  . "$here/on-cluster.sh"
  ;;
*) fail "usage: run.sh [short|eck|external]" ;;
esac
# shellcheck source=tests/e2e/load.sh
. "$here/load.sh"

# begun: there is something to tell of, and on a cluster of others something to remove.
begun=''
finish() {
  local status=$?
  ((status == 0)) || [[ -z $begun ]] || tell_state >&2 || true
  cluster_end "$status"
}
tell_state() {
  kubectl get pods -A
  in_ward get bpmonitor -o wide
  in_ward describe bpmonitor "$WARD" | tail -n 40
  kubectl --namespace "$OPERATOR_NAMESPACE" logs deployment/bp-monitor-operator --tail 20
  in_ward logs pod/bp-monitor-test 2>/dev/null || true # there only where helm's test has failed
  cluster_state
}

what_happens() {
  case $FORM in
  short)
    thresholds
    scales
    kills
    pods_go
    upgrades
    anomalies_arrive
    ;;
  full)
    thresholds
    scales
    kills
    pods_go
    upgrades_under_load
    pauses
    servers_die
    troubles
    rolls_back
    idle
    ;;
  eck)
    keys
    es_dies
    ;;
  external)
    keys
    thresholds
    scales
    pods_go
    pauses
    upgrades_under_load
    rolls_back
    ;;
  esac
}
servers_die() {
  kafka_dies
  es_dies
  step 'it is ready' ward_is_ready 120
}

trap finish EXIT
cluster_begin
previous_chart "$lab/previous-chart"
installs
flows
rejects
what_happens
accounts
[[ -z $load_began ]] || was_in_time
made_again
[[ -z ${api_key:-} ]] || key_is_revoked
helm_tests
uninstalls
say "all so, in $SECONDS s"
