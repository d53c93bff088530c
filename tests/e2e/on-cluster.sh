# A cluster that is there, which KUBECONFIG names, with Strimzi's Kafka and ECK's Elasticsearch: nothing is done that needs more than kubectl. To be
# sourced by run.sh.
# shellcheck shell=bash disable=SC2034,SC2154
#
# In the environment:
#   REGISTRY       of the images bpmonitor-operator, -producer, -classifier and bpmonitor
#   TAG            of them
#   NEXT_TAG       to which is upgraded; TAG, where there is no other: then pods are not replaced
#   NAMESPACE      where Kafka and Elasticsearch are, and the ward will be (bp)
#   KAFKA          its name (bp-kafka): with a listener tls where clients authenticate by certificate, and simple authorization
#   ELASTICSEARCH  its name (bp-elasticsearch)
#
# Beside the chart it makes a ward, a KafkaUser and pods that have Kafka's tools, and removes all of it again.

# shellcheck source=tests/e2e/by-eck.sh
. "$here/by-eck.sh"

readonly WARD_NAMESPACE=${NAMESPACE:-bp} WARD=bp-monitor-e2e CLIENT=bp-monitor-e2e
readonly KAFKA=${KAFKA:-bp-kafka} ES_NAME=${ELASTICSEARCH:-bp-elasticsearch} ES_PORT=29200
registry=${REGISTRY:-} tag=${TAG:-} next_tag=${NEXT_TAG:-${TAG:-}}
helpers=()

cluster_begin() {
  [[ -n ${KUBECONFIG:-} && -n $registry && -n $tag ]] || fail 'KUBECONFIG, REGISTRY and TAG say what to test, and where'
  { command -v kubectl && command -v helm; } >/dev/null || fail 'kubectl and helm are needed'
  need zstd zstd python3 python3 curl curl
  local found
  found=$(kubectl get crd bpmonitors.bpmonitor.dev --ignore-not-found --output name) || fail 'this cluster does not say whether it has bp-monitor'
  [[ -z $found ]] || fail 'this cluster has bp-monitor already, and it would be removed'
  step 'Kafka is ready' wait_for 30 "$WARD_NAMESPACE" "kafka/$KAFKA" condition=Ready
  step 'Elasticsearch is ready' wait_for 30 "$WARD_NAMESPACE" "elasticsearch/$ES_NAME" 'jsonpath={.status.phase}=Ready'
  begun=1
  step 'Kafka has a user for the test' client_user
  step 'its tools are there' client_pod
  es_login "$lab/elasticsearch"
  forward
  eventually 30 'Elasticsearch is reached' elastic _cluster/health
}

cluster_end() { # STATUS
  ((${#helpers[@]} == 0)) || kill "${helpers[@]}" 2>/dev/null || true
  [[ -n $begun ]] || return 0
  if (($1 != 0)); then
    say "left for you to see; what was said is below $lab. To remove it all:
  kubectl -n $WARD_NAMESPACE annotate bpmonitor $WARD bpmonitor.dev/delete-data=true; kubectl -n $WARD_NAMESPACE delete bpmonitor $WARD
  kubectl -n $WARD_NAMESPACE delete kafkauser/$CLIENT secret/$CLIENT-client pod/$CLIENT
  helm -n $OPERATOR_NAMESPACE uninstall bp-monitor; kubectl delete crd/bpmonitors.bpmonitor.dev namespace/$OPERATOR_NAMESPACE" >&2
    return
  fi
  helm uninstall bp-monitor --namespace "$OPERATOR_NAMESPACE" --wait --timeout 2m >/dev/null
  in_ward delete kafkauser/"$CLIENT" "secret/$CLIENT-client" "pod/$CLIENT" --wait=false --ignore-not-found >/dev/null
  kubectl delete crd bpmonitors.bpmonitor.dev >/dev/null
  kubectl delete namespace "$OPERATOR_NAMESPACE" --wait=false >/dev/null
}
cluster_state() { in_ward describe "kafka/$KAFKA" "elasticsearch/$ES_NAME" | tail -n 40; }

# client_user: who may read and write the ward's topics, and see its group and when it has committed.
client_user() {
  in_ward apply -f - <<YAML
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: $CLIENT, labels: {strimzi.io/cluster: $KAFKA}}
spec:
  authentication: {type: tls}
  authorization:
    type: simple
    acls:
    - {resource: {type: topic, name: bp.$WARD_NAMESPACE.$WARD., patternType: prefix}, operations: [Describe, Read, Write]}
    - {resource: {type: topic, name: __consumer_offsets, patternType: literal}, operations: [Describe, Read]}
    - {resource: {type: group, name: bp.$WARD_NAMESPACE.$WARD., patternType: prefix}, operations: [Describe]}
    - {resource: {type: group, name: console-consumer-, patternType: prefix}, operations: [Describe, Read]}
YAML
  in_ward wait --for condition=Ready "kafkauser/$CLIENT" --timeout 60s
}

# client_pod: Kafka's own image, with what its tools need to be that user.
client_pod() {
  secret_entry "$KAFKA-cluster-ca-cert" ca.crt >"$lab/cluster-ca.crt"
  (umask 077 && { secret_entry "$CLIENT" user.key && echo && secret_entry "$CLIENT" user.crt; } >"$lab/user.pem")
  in_ward delete "secret/$CLIENT-client" --ignore-not-found
  in_ward create secret generic "$CLIENT-client" --from-file ca.crt="$lab/cluster-ca.crt" --from-file "$lab/user.pem" \
    --from-file client.properties=<(client_properties)
  pod_of_kafka "$CLIENT" 1001 "secret: {secretName: $CLIENT-client, defaultMode: 0440}" | in_ward apply -f -
  in_ward wait --for condition=Ready "pod/$CLIENT" --timeout 120s
}
client_properties() {
  cat <<PROPERTIES
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location=/run/volume/user.pem
ssl.truststore.type=PEM
ssl.truststore.location=/run/volume/ca.crt
PROPERTIES
}

# pod_of_kafka NAME USER VOLUME: it does nothing by itself; the volume is below /run/volume.
pod_of_kafka() {
  cat <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: $2, fsGroup: $2, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: tools
    image: $(in_ward get pods -l "strimzi.io/cluster=$KAFKA,strimzi.io/kind=Kafka" -o 'jsonpath={.items[0].spec.containers[0].image}')
    command: [sleep, infinity]
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: volume, mountPath: /run/volume, readOnly: true}]
  volumes:
  - name: volume
    $3
YAML
}

kafka_tool() { # NAME [OPTION ...]
  local servers
  servers=$(in_ward get "kafka/$KAFKA" -o 'jsonpath={.status.listeners[?(@.name=="tls")].bootstrapServers}')
  in_ward exec -i "$CLIENT" -- "/opt/kafka/bin/$1.sh" --bootstrap-server "$servers" --command-config /run/volume/client.properties "${@:2}"
}
kafka-get-offsets() { kafka_tool kafka-get-offsets "$@" </dev/null; }
kafka-consumer-groups() { kafka_tool kafka-consumer-groups "$@" </dev/null; }
kafka-console-consumer() { kafka_tool kafka-console-consumer "$@" </dev/null; }
kafka-console-producer() { kafka_tool kafka-console-producer "$@"; }

kafka_spec() { printf 'clusterRef: {name: %s}, ' "$KAFKA"; }
es_spec() { printf '  elasticsearch: {clusterRef: {name: %s}}' "$ES_NAME"; }

# forward: Elasticsearch is on this machine, by the name of its certificate.
forward() {
  es_url=$(es_of_pods)
  printf 'connect-to = "::127.0.0.1:%s"\n' "$ES_PORT" >>"$es_directory/curlrc"
  kubectl --namespace "$WARD_NAMESPACE" port-forward "service/$ES_NAME-es-http" "$ES_PORT:9200" </dev/null >"$lab/forward.log" 2>&1 &
  helpers+=("$!")
}

# archive_directory: of the ward, copied to this machine.
archive_directory() {
  local pod=$CLIENT-archive
  {
    pod_of_kafka "$pod" 65532 "persistentVolumeClaim: {claimName: $WARD-archive}" | in_ward apply -f -
    in_ward wait --for condition=Ready "pod/$pod" --timeout 120s
    rm -rf "$lab/archive"
    mkdir "$lab/archive"
    in_ward exec "$pod" -- tar -c -C /run/volume . | tar -x -C "$lab/archive"
    in_ward delete pod "$pod"
  } >&2
  printf '%s' "$lab/archive"
}
