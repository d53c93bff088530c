# Kafka for the lab's node: a pod, and what stands in for Strimzi's operators, as a process beside it. To be sourced by on-lab.sh.
# shellcheck shell=bash disable=SC2154

# shellcheck source=tests/e2e/kafka/images.sh
. "$here/kafka/images.sh"

readonly KAFKA=bp-kafka KAFKA_POD=bp-kafka-all-0 KAFKA_SERVICE=10.96.0.30

kafka_begin() {
  fetch kafka
  fetch broker
  need_java
  step "Kafka's image is in the node" node_take "$(dist_of broker)"/images/*.tar
  kafka_tools "$(dist_of kafka)" "$KAFKA_SERVICE:9092"
  make_pki "$run/kafka/pki" pod_pki
  step 'a Kafka is made' kafka_resources
  step 'its pod is ready' in_ward rollout status "statefulset/${KAFKA_POD%-0}" --timeout 120s
  strimzi
  step "Strimzi's stand-in has it" kafka_is_ready
}

# pod_pki: as Strimzi signs a broker's certificate, for the names of the Services.
pod_pki() {
  local name names=()
  for name in "$KAFKA-kafka-bootstrap" "*.$KAFKA-kafka-brokers"; do
    names+=("DNS:$name.$WARD_NAMESPACE.svc" "DNS:$name.$WARD_NAMESPACE.svc.cluster.local")
  done
  authority ca "/O=lab/CN=cluster-ca"
  authority clients-ca "/O=lab/CN=clients-ca"
  certificate server "/O=lab/CN=$KAFKA-kafka" ca extendedKeyUsage=serverAuth "subjectAltName=$(IFS=, && printf '%s' "${names[*]}")"
  cat server.key server.crt >server.pem
}

# pod_properties: clients find the broker by its own name, as they do Strimzi's; by the Service's address what comes in plain text from this machine.
pod_properties() {
  local host=$KAFKA_POD.$KAFKA-kafka-brokers.$WARD_NAMESPACE.svc
  cat <<PROPERTIES
controller.quorum.voters=1@127.0.0.1:9090
listeners=PLAINTEXT://:9092,SSL://:9093,SASL_SSL://:9094,CONTROLLER://127.0.0.1:9090
advertised.listeners=PLAINTEXT://$KAFKA_SERVICE:9092,SSL://$host:9093,SASL_SSL://$host:9094
log.dirs=/var/lib/kafka/data/log
PROPERTIES
  kafka_settings /run/pki
}

kafka_resources() {
  in_ward create secret generic "$KAFKA-pki" --from-file "$run/kafka/pki/server.pem" --from-file "$run/kafka/pki/clients-ca.crt"
  in_ward create configmap "$KAFKA-config" --from-file server.properties=<(pod_properties) --from-file log4j2.yaml=<(kafka_log4j INFO SYSTEM_OUT)
  kafka_pod "strimzi.io/cluster: $KAFKA, strimzi.io/kind: Kafka" | in_ward apply -f -
}

kafka_pod() { # LABELS: of the pod
  cat <<YAML
apiVersion: v1
kind: Service
metadata: {name: $KAFKA-kafka-bootstrap}
spec:
  clusterIP: $KAFKA_SERVICE
  selector: {$1}
  ports: [{name: plain, port: 9092}, {name: tls, port: 9093}, {name: scram, port: 9094}]
---
apiVersion: v1
kind: Service
metadata: {name: $KAFKA-kafka-brokers}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {$1}
  ports: [{name: tls, port: 9093}, {name: scram, port: 9094}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ${KAFKA_POD%-0}}
spec:
  serviceName: $KAFKA-kafka-brokers
  selector: {matchLabels: {$1}}
  template:
    metadata: {labels: {$1}}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext: {runAsNonRoot: true, runAsUser: 1001, fsGroup: 1001, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: kafka
        image: $(broker_image "$(dist_of broker)")
        readinessProbe: {tcpSocket: {port: 9092}, periodSeconds: 1}
        resources: {requests: {cpu: 200m, memory: 1Gi}, limits: {memory: 1Gi}}
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        volumeMounts:
        - {name: data, mountPath: /var/lib/kafka/data}
        - {name: config, mountPath: /etc/kafka, readOnly: true}
        - {name: pki, mountPath: /run/pki, readOnly: true}
        - {name: tmp, mountPath: /tmp}
      volumes:
      - {name: config, configMap: {name: $KAFKA-config}}
      - {name: pki, secret: {secretName: $KAFKA-pki, defaultMode: 0440}}
      - {name: tmp, emptyDir: {}}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
YAML
}

# strimzi: what stands in for its operators.
strimzi() {
  local servers=$KAFKA-kafka-bootstrap.$WARD_NAMESPACE.svc
  env KUBECONFIG="$run/kubernetes/admin.kubeconfig" BPMONITOR_TEST_KAFKA="$KAFKA_SERVICE:9092" BPMONITOR_TEST_KAFKA_PKI="$run/kafka/pki" \
    BPMONITOR_TEST_KAFKA_MTLS="$servers:9093" BPMONITOR_TEST_KAFKA_SCRAM="$servers:9094" \
    "$stand_in" --namespace "$WARD_NAMESPACE" --cluster "$KAFKA" --make </dev/null >"$lab/strimzi.log" 2>&1 &
  helpers+=("$!")
}
kafka_is_ready() {
  in_ward wait --for create "kafka/$KAFKA" --timeout 60s
  in_ward wait --for condition=Ready "kafka/$KAFKA" --timeout 60s
}

kafka_state() { in_ward logs "$KAFKA_POD" --tail 20; }
kafka_dies() { pod_dies Kafka "$KAFKA_POD"; }
