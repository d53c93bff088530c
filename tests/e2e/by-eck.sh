# Elasticsearch for a ward that says nothing of it, and so means bp-elasticsearch: a pod, which ECK's own operator runs. To be sourced by run.sh.
# shellcheck shell=bash disable=SC2034,SC2154

# shellcheck source=tests/e2e/eck/images.sh
. "$here/eck/images.sh"

readonly ES_PARTS=() ECK_NAMESPACE=elastic-system
readonly ES_NAME=bp-elasticsearch ES_POD=bp-elasticsearch-es-default-0 ES_SERVICE=10.96.0.20

es_begin() {
  es_url=https://$ES_SERVICE:9200
  es_directory=$run/eck
  fetch elasticsearch
  fetch eck
  step "ECK's images are in the node" eck_import
  namespace "$ECK_NAMESPACE"
  step "ECK's chart is installed, and its operator runs" eck_install
  step 'an Elasticsearch is taken' es_resource
  step 'ECK has it ready' wait_for 240 "$WARD_NAMESPACE" "elasticsearch/$ES_NAME" 'jsonpath={.status.phase}=Ready'
  es_login
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

secret_entry() { in_ward get secret "$1" -o "go-template={{index .data \"$2\" | base64decode}}"; } # SECRET ENTRY
es_login() {
  mkdir -p "$es_directory/pki"
  secret_entry "$ES_NAME-es-http-certs-public" ca.crt >"$es_directory/pki/ca.crt"
  (umask 077 && secret_entry "$ES_NAME-es-elastic-user" elastic >"$es_directory/password")
  elasticsearch_curlrc "$es_directory"
}

es_spec() { :; }
es_test_values() { printf 'test.elasticsearch.url=%s' "$(es_of_pods)"; }
es_of_pods() { printf 'https://%s-es-http.%s.svc:9200' "$ES_NAME" "$WARD_NAMESPACE"; }

es_state() {
  in_ward describe "elasticsearch/$ES_NAME" "pod/$ES_POD" | tail -n 40
  in_ward logs "$ES_POD" --all-containers --tail 20
  kubectl --namespace "$ECK_NAMESPACE" logs statefulset/elastic-operator --tail 20
}

# keys: the classifier writes over TLS, by a key that the operator has made for it, and that is good for no more.
keys() {
  key=$(secret_entry "$WARD-elasticsearch" api-key)
  step 'the classifier is told to come over TLS' classifier_is_told "$(es_of_pods)"
  step 'its key is good for its index' key_is_answered 200 "$(index)/_count"
  step 'and for nothing else' key_is_answered 403 _cluster/health
}
classifier_is_told() { [[ $(in_ward get deployment "$WARD-classifier" -o json) == *"\"$1\""* ]]; } # URL
key_is_answered() { # STATUS PATH
  [[ $(curl -q -s -o /dev/null -w '%{http_code}' --max-time 20 --cacert "$es_directory/pki/ca.crt" -H "Authorization: ApiKey $key" "$es_url/$2") == "$1" ]]
}
key_is_revoked() { step 'the key of before is good for nothing' key_is_answered 401 "$(index)/_count"; }

# es_dies: its process, and then its pod.
es_dies() {
  local before
  step 'Elasticsearch is killed' kill_container "$WARD_NAMESPACE" "$ES_POD"
  eventually 120 'and is back' has_restarted "$WARD_NAMESPACE" "$ES_POD"
  es_takes_more
  before=$(in_ward get pod "$ES_POD" -o 'jsonpath={.metadata.uid}')
  step 'its pod is deleted without a chance to end' in_ward delete pod "$ES_POD" --force --grace-period=0
  eventually 180 'there is another, which is ready' another_is_ready "$before"
  es_takes_more
  step 'the ward is ready' ward_is_ready 120
}
another_is_ready() { # UID: than the pod that has it
  local uid ready
  read -r uid ready <<<"$(in_ward get pod "$ES_POD" -o 'jsonpath={.metadata.uid} {.status.containerStatuses[0].ready}')"
  [[ $uid != "$1" && $ready == true ]]
}
es_takes_more() {
  local before
  eventually 60 'it has its documents' documents
  before=$(documents)
  eventually 90 'anomalies arrive' more_documents_than "$before"
}
