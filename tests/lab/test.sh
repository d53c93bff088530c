#!/usr/bin/env bash
# Proves the lab: its parts come up, come back after a kill with their data, let in whom they should, and end. In a lab of its own beside
# the one that others use, with the same downloads.
#
# usage: test.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly others_lab=${LAB_DATA:-$here/../../target/lab}
export LAB_DIST=${LAB_DIST:-$others_lab/dist}
export LAB_DATA=$here/../../target/lab-test LAB_KAFKA_HEAP=512m LAB_ES_HEAP=512m LAB_ES_SECURE_HEAP=512m
export ES_JAVA_OPTS=-XX:TieredStopAtLevel=1 # starts in half the time, and there is no load to compile for
# shellcheck source=tests/lab/lab.sh
. "$here/lab.sh"
# shellcheck source=tests/lab/check.sh
. "$here/check.sh"

all_processes() {
  local part
  for part in "${ALL_PARTS[@]}"; do
    processes "$part"
  done
}
same_processes() { [[ $(all_processes) == "$before" ]]; }
one_process_each() {
  local part
  for part in "${PARTS[@]}"; do
    [[ $(processes "$part") =~ ^[0-9]+$ ]] || return 1
  done
}
two_ups() {
  "$here/up.sh" &
  "$here/up.sh" && wait "$!"
}
hangs() { ! kafka_serves kafka; }
has_all_values() {
  local name
  for name in KAFKA KAFKA_MTLS KAFKA_SCRAM KAFKA_PKI KAFKA_SCRAM_PASSWORD_FILE KAFKA_SCRAM_STRANGER_PASSWORD_FILE KAFKA_TOOLS \
    ELASTICSEARCH ELASTICSEARCH_SECURE ELASTICSEARCH_CA ELASTICSEARCH_PASSWORD_FILE KUBECONFIG KUBERNETES_TOOLS CRDS; do
    [[ -n $(value "BPMONITOR_TEST_$name") ]] || return 1
  done
}

tool() { "$run/bin/$1" "${@:2}"; }
send() { printf '%s\n' "$1" | tool kafka-console-producer --topic proof; }
fill_kafka() {
  tool kafka-topics --create --topic proof --partitions 1 --config max.message.bytes=33554432 &&
    tool kafka-acls --add --allow-principal User:CN=pipeline --allow-principal User:pipeline --operation Describe --operation DescribeConfigs --topic proof &&
    send one
}

# describe PORT PROPERTY ...: the topic, as who the properties say.
describe() {
  local port=$1
  shift
  printf '%s\n' ssl.truststore.type=PEM "ssl.truststore.location=$run/kafka/pki/ca.crt" request.timeout.ms=20000 default.api.timeout.ms=20000 "$@" >"$lab/client"
  tool kafka-topics --bootstrap-server "127.0.0.1:$port" --command-config "$lab/client" --describe --topic proof
}
by_certificate() { # [NAME]
  local properties=(security.protocol=SSL)
  if (($# > 0)); then
    cat "$run/kafka/pki/$1.key" "$run/kafka/pki/$1.crt" >"$lab/$1.pem"
    properties+=(ssl.keystore.type=PEM "ssl.keystore.location=$lab/$1.pem")
  fi
  describe "$port_kafka_mtls" "${properties[@]}"
}
by_password() { # NAME PASSWORD
  describe "$port_kafka_scram" security.protocol=SASL_SSL sasl.mechanism=SCRAM-SHA-512 \
    "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"$1\" password=\"$2\";"
}

plain() { curl -q -sS -f --max-time 20 -H 'Content-Type: application/json' "$(elasticsearch_url elasticsearch)/$1" "${@:2}"; }
secure() { curl -q -sS -f --max-time 20 -H 'Content-Type: application/json' "$(elasticsearch_url elasticsearch-secure)/$1" "${@:2}"; }
as_elastic() { secure "$1" -K "$run/elasticsearch-secure/curlrc" "${@:2}"; }
with_api_key() {
  local key
  key=$(as_elastic _security/api_key -d '{"name": "proof"}' | sed -n 's/.*"encoded":"\([^"]*\)".*/\1/p')
  secure _security/_authenticate --cacert "$run/elasticsearch-secure/pki/ca.crt" -H "Authorization: ApiKey $key"
}

pod_is_made() { [[ $(kubectl get pods -l app=proof -o name) == pod/* ]]; }
pod_is_gone() { [[ -z $(kubectl get pods -l app=proof -o name) ]]; }
fill_kubernetes() { kubectl create configmap proof --from-literal proof=1 && kubectl create deployment proof --image none; }
whoami() { kubectl --kubeconfig /dev/null --server "https://127.0.0.1:$port_kube_apiserver" "$@" auth whoami -o 'jsonpath={.status.userInfo.username}'; }
by_token() { whoami --certificate-authority "$run/kubernetes/pki/ca.crt" --token "$(kubectl create token default)"; }
no_strimzi() { ! kubectl get kafkas; }
would_apply() { kubectl apply --server-side --dry-run=server -f "$(value BPMONITOR_TEST_CRDS)/$1"; } # DIR
other_processes() { comm -23 <(all_processes | sort) <(processes kube-apiserver | sort); }

kept() { "$here/up.sh" etcd kube-apiserver && kubectl get configmap proof && "$here/down.sh" kubernetes; }

others() { # the processes of the lab that this one must leave alone
  local run
  run=$(absolute "$others_lab")/run
  all_processes
}

"$here/down.sh" >/dev/null
rm -rf "$run"
others_before=$(others)
sleep 600 &
stranger=$!

check 'all parts come up' "$here/up.sh"
# shellcheck source=/dev/null
. "$run/ports"
check 'the file of addresses has every one' has_all_values
before=$(all_processes)
started=$SECONDS
check 'up again leaves them running' "$here/up.sh"
check 'and takes no time' test $((SECONDS - started)) -le 5
check 'they are the same processes' same_processes

check 'Kafka takes a topic, an ACL and a record' fill_kafka
check 'Elasticsearch takes a document' plain proof/_doc/1 -X PUT -d '{"proof": 1}'
check 'so does the secured one' as_elastic proof/_doc/1 -X PUT -d '{"proof": 1}'
check 'Kubernetes takes a ConfigMap and a Deployment' fill_kubernetes
check 'and makes its pod' await 30 pod_is_made
ports=$(<"$run/ports")
for part in "${PARTS[@]}"; do
  check "$part: killed" "$here/kill.sh" "$part"
done
check 'two ups at the same time bring all back' two_ups
check 'one process each' one_process_each
check 'on the same ports' test "$ports" == "$(<"$run/ports")"
check 'Kafka has its record' says proof:0:1 tool kafka-get-offsets --topic proof
check 'Elasticsearch has its document' plain proof/_doc/1
check 'so has the secured one' as_elastic proof/_doc/1
check 'Kubernetes has its ConfigMap' kubectl get configmap proof

check 'mTLS: pipeline is let in' says 'Topic: proof' by_certificate pipeline
refused 'mTLS: a stranger may not see the topic' 'does not exist as expected' by_certificate stranger
refused 'mTLS: refused without a certificate' SslAuthenticationException by_certificate
refused "mTLS: refused with another CA's certificate" SslAuthenticationException by_certificate foreign
check 'SCRAM: pipeline is let in' says 'Topic: proof' by_password pipeline "$(<"$run/kafka/scram/pipeline")"
refused 'SCRAM: a stranger may not see the topic' 'does not exist as expected' by_password stranger "$(<"$run/kafka/scram/stranger")"
refused 'SCRAM: a wrong password is refused' SaslAuthenticationException by_password pipeline wrong

refused 'Elasticsearch, secured: refused without credentials' 401 secure '' --cacert "$run/elasticsearch-secure/pki/ca.crt"
refused 'Elasticsearch, secured: a wrong password is refused' 401 secure '' --cacert "$run/elasticsearch-secure/pki/ca.crt" -u elastic:wrong
refused 'Elasticsearch, secured: another CA does not vouch for it' certificate secure '' --cacert "$run/kafka/pki/ca.crt"
check 'Elasticsearch, secured: answers the user elastic' as_elastic ''
check 'Elasticsearch, secured: makes an API key, and answers to it' says '"authentication_type":"api_key"' with_api_key

check 'Kubernetes: a service account is known by its token' says system:serviceaccount:default:default by_token
refused 'Kubernetes: a wrong token is refused' Unauthorized whoami --certificate-authority "$run/kubernetes/pki/ca.crt" --token wrong
refused 'Kubernetes: another CA does not vouch for it' certificate whoami --certificate-authority "$run/kafka/pki/ca.crt" --token wrong
check 'Kubernetes: takes away the pods of a Deployment that is deleted' kubectl delete deployment proof
check 'and does so soon' await 30 pod_is_gone
check 'Kubernetes: knows what Strimzi and ECK manage' kubectl get kafkas,kafkatopics,kafkausers,elasticsearches,kibanas
check 'Kubernetes: would take what the Prometheus operator manages' would_apply prometheus-operator
check 'Kubernetes: would take what KEDA manages' would_apply keda
check 'Kubernetes: Strimzi taken away' kubectl delete -f "$(value BPMONITOR_TEST_CRDS)/strimzi"
check 'Kubernetes: it is away' no_strimzi
check 'Kubernetes: up brings it back' "$here/up.sh" kubernetes
check 'Kubernetes: it is back' kubectl get kafkas

before=$(other_processes)
check 'the API server alone: killed' "$here/kill.sh" kube-apiserver
check 'up brings it back' "$here/up.sh" kubernetes
check 'and has left the others running' test "$before" == "$(other_processes)"
check 'Kubernetes has its ConfigMap still' kubectl get configmap proof

check 'Kafka: hangs' "$here/kill.sh" kafka STOP
check 'Kafka: does not answer then' hangs
check 'Kafka: up lets it run on' says 'kafka: up' "$here/up.sh" kafka

printf '%s\n' "$stranger" >"$run/kafka/pid"
check 'down ends all' "$here/down.sh"
check 'none is left' test -z "$(all_processes)"
check 'down has killed no stranger' kill -0 "$stranger"
check "nor another lab's processes" test "$others_before" == "$(others)"
check 'down again has nothing to do' says 'kafka: not up' "$here/down.sh"
check 'but forgets nothing' says proof kept
say "all so, in $SECONDS s"
