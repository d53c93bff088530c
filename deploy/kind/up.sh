#!/usr/bin/env bash
# A whole bp-monitor on this machine: a cluster of kind, Kafka by Strimzi, Elasticsearch and Kibana by ECK, the chart, and the example ward.
# What is there already stays; where it was interrupted, run it again.
#
# usage: up.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/lib.sh
. "$root/tests/lib.sh"
# shellcheck source=deploy/cluster.sh
. "$root/deploy/cluster.sh"
# shellcheck source=deploy/kind/requirements.sh
. "$here/requirements.sh"

readonly CLUSTER=bp NAMESPACE=bp WARD=ward-3
readonly STRIMZI_CHART=oci://quay.io/strimzi-helm/strimzi-kafka-operator STRIMZI_VERSION=1.2.0
readonly ECK_REPOSITORY=https://helm.elastic.co ECK_VERSION=3.5.0

cluster() {
  if kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
    say "the cluster is there"
  else
    say "making the cluster: the node's image is fetched the first time (some minutes)"
    kind create cluster --config "$root/kind-config.yaml" --wait 180s
  fi
  kind export kubeconfig --name "$CLUSTER" --kubeconfig "$kubeconfig" >/dev/null 2>&1
}

# operators: of Kafka, which sees to our namespace, and of Elasticsearch and Kibana.
operators() {
  say "installing Strimzi $STRIMZI_VERSION and ECK $ECK_VERSION"
  kubectl create namespace "$NAMESPACE" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
  helm upgrade --install strimzi "$STRIMZI_CHART" --version "$STRIMZI_VERSION" --namespace strimzi --create-namespace \
    --set "watchNamespaces={$NAMESPACE}" --wait --timeout 10m >/dev/null
  helm upgrade --install eck eck-operator --repo "$ECK_REPOSITORY" --version "$ECK_VERSION" --namespace elastic-system \
    --create-namespace --set config.metricsPort=0 --wait --timeout 10m >/dev/null
}

servers() {
  kubectl --namespace "$NAMESPACE" apply -f "$here/kafka.yaml" -f "$here/elasticsearch.yaml" >/dev/null
}

servers_ready() {
  wait_for 900 "$NAMESPACE" kafka/bp-kafka condition=Ready
  wait_for 900 "$NAMESPACE" elasticsearch/bp-elasticsearch 'jsonpath={.status.phase}=Ready'
  wait_for 900 "$NAMESPACE" kibana/bp-kibana 'jsonpath={.status.health}=green'
}

# source_tag: another one where what the images are made of is another, so that pods are replaced just then.
source_tag() {
  local made_of=(Cargo.lock Cargo.toml Dockerfile crds kibana operator services)
  printf 'dev-%s' "$( (cd "$root" && git ls-files -s -- "${made_of[@]}" && git diff HEAD -- "${made_of[@]}") | sha256sum | head -c 12)"
}

images() {
  local name names=() archive
  TOOL=$tool TAG=$tag REGISTRY=localhost "$root/deploy/images.sh" operator producer classifier
  for name in operator producer classifier; do
    names+=("localhost/bpmonitor-$name:$tag")
  done
  say "loading the images into the cluster"
  if [[ $tool == docker ]]; then
    kind load docker-image --name "$CLUSTER" "${names[@]}"
  else
    archive=$(mktemp)
    "$tool" save --multi-image-archive --output "$archive" "${names[@]}"
    kind load image-archive --name "$CLUSTER" "$archive"
    rm "$archive"
  fi
}

ward() {
  kubectl --namespace "$NAMESPACE" apply -f "$root/examples/ward.yaml" >/dev/null
  wait_for 300 "$NAMESPACE" "bpmonitor/$WARD" condition=Ready
}

told() {
  local password
  password=$(kubectl --namespace "$NAMESPACE" get secret bp-elasticsearch-es-elastic-user -o 'go-template={{.data.elastic | base64decode}}')
  cat <<TOLD

$WARD runs. It is decision support on a stream, not a medical device; its patients are made up.

  Kibana          https://localhost:5601    user elastic, password $password
  Elasticsearch   https://localhost:9200    the same; anomalies: /bp.$NAMESPACE.$WARD/_search
  kubectl         export KUBECONFIG=$kubeconfig
                  kubectl -n $NAMESPACE get bpm

Your browser does not know the certificates' authority: go on past its warning. make kind-down removes everything.
TOLD
}

requirements
mkdir -p "$root/target"
kubeconfig=$root/target/kind.kubeconfig
export KUBECONFIG=$kubeconfig
tag=$(source_tag)
cluster
operators
servers
images
install_chart "$root/charts/bp-monitor" --set "image.registry=localhost,image.tag=$tag"
servers_ready
ward
told
