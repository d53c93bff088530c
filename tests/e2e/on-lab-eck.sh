# Elasticsearch for a ward that says nothing of it, and so means bp-elasticsearch: a pod of the lab's node, which ECK's own operator runs.
# To be sourced by run.sh.
# shellcheck shell=bash disable=SC2034,SC2154

# shellcheck source=tests/e2e/eck/images.sh
. "$here/eck/images.sh"
# shellcheck source=tests/e2e/by-eck.sh
. "$here/by-eck.sh"

readonly ES_PARTS=() ECK_NAMESPACE=elastic-system
readonly ES_NAME=bp-elasticsearch ES_POD=bp-elasticsearch-es-default-0 ES_SERVICE=10.96.0.20

es_begin() {
  es_url=https://$ES_SERVICE:9200
  fetch elasticsearch
  fetch eck
  step "ECK's images are in the node" node_take "$(dist_of eck)"/images/*.tar
  namespace "$ECK_NAMESPACE"
  step "ECK's chart is installed, and its operator runs" eck_install
  step 'an Elasticsearch is taken' es_resource
  step 'ECK has it ready' wait_for 240 "$WARD_NAMESPACE" "elasticsearch/$ES_NAME" 'jsonpath={.status.phase}=Ready'
  es_login "$run/eck"
}

# eck_install: as anybody does, but for where images and definitions come from; and pods have to be restricted here.
eck_install() {
  local target image
  target=$(dist_of eck)
  image=$(eck_image eck-operator "$target")
  helm upgrade --install eck "$target/chart" --namespace "$ECK_NAMESPACE" --wait --timeout 3m \
    --set "image.repository=${image%:*},image.tag=${image##*:},installCRDs=false,webhook.enabled=false,telemetry.disabled=true" \
    --set podSecurityContext.seccompProfile.type=RuntimeDefault
}

# One node alone: with its transport on the loopback, what else must hold only warns, as the number of open files, which root may be unable to raise.
es_resource() {
  in_ward apply -f - <<YAML
apiVersion: elasticsearch.k8s.elastic.co/v1
kind: Elasticsearch
metadata: {name: $ES_NAME}
spec:
  version: $(elasticsearch_version)
  image: $(eck_image elasticsearch "$(dist_of eck)")
  http:
    service: {spec: {clusterIP: $ES_SERVICE}}
    tls: {selfSignedCertificate: {subjectAltNames: [{ip: $ES_SERVICE}]}}
  nodeSets:
  - name: default
    count: 1
    config:
      node.store.allow_mmap: false
      transport.host: 127.0.0.1
$(elasticsearch_watermarks | sed 's/^/      /')
    podTemplate:
      spec:
        containers:
        - name: elasticsearch
          env: [{name: ES_JAVA_OPTS, value: -Xms1g -Xmx1g}]
          resources: {requests: {cpu: 200m, memory: 2Gi}, limits: {memory: 2Gi}}
    volumeClaimTemplates:
    - metadata: {name: elasticsearch-data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
YAML
}

es_spec() { :; }

es_state() {
  in_ward describe "elasticsearch/$ES_NAME" "pod/$ES_POD" | tail -n 40
  in_ward logs "$ES_POD" --all-containers --tail 20
  kubectl --namespace "$ECK_NAMESPACE" logs statefulset/elastic-operator --tail 20
}
es_dies() {
  pod_dies Elasticsearch "$ES_POD"
  step 'the ward is ready' ward_is_ready 120
}
