#!/usr/bin/env bash
# From `helm install` to classified readings on the lab's node, and through what happens to it there: in the end every Observation is accounted for.
# In a lab of its own, with the same downloads; no other lab's node may be up on this machine.
#
# usage: run.sh [short|eck]
#
# eck: with ECK's own operator, which runs Elasticsearch as a pod; else Elasticsearch is the lab's.
# BINARIES_DIR: a directory with the programs, as target/debug after `make test`; compiled here, for release, unless it is given.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LAB_DIST=${LAB_DIST:-$here/../../target/lab/dist}
export LAB_DATA=${LAB_DATA:-$here/../../target/lab-e2e}
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=deploy/cluster.sh
. "$root/deploy/cluster.sh"
# shellcheck source=tests/e2e/images.sh
. "$here/images.sh"
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"

readonly FORM=${1:-full} RATE=50 PARTITIONS=3
case $FORM in
full | short)
  # shellcheck source=tests/e2e/by-url.sh
  . "$here/by-url.sh"
  ;;
eck)
  # shellcheck source=tests/e2e/by-eck.sh
  . "$here/by-eck.sh"
  ;;
*) fail "usage: run.sh [short|eck]" ;;
esac
helpers=()

finish() {
  local status=$?
  ((${#helpers[@]} == 0)) || kill "${helpers[@]}" 2>/dev/null || true
  ((status == 0)) || tell_state >&2 || true
  "$root/tests/lab/down.sh" >/dev/null || true
  if ((status == 0)); then rm -rf "$lab/run"; else say "what ran is left below $lab" >&2; fi
}
tell_state() {
  kubectl get pods -A
  in_ward get bpmonitor -o wide
  in_ward describe bpmonitor "$WARD" | tail -n 40
  kubectl --namespace "$OPERATOR_NAMESPACE" logs deployment/bp-monitor-operator --tail 20
  es_state
}

# compile: as the Dockerfile does.
compile() {
  (cd "$root" && LIBZ_SYS_STATIC=1 cargo build --locked --release --features bpmonitor-local/cluster \
    -p bpmonitor-operator -p bpmonitor-producer -p bpmonitor-classifier -p bpmonitor-local)
  binaries=$root/target/release
}
# compile_strimzi: unless it is where the programs are.
compile_strimzi() {
  stand_in=$binaries/strimzi-stand-in
  [[ ! -x $stand_in ]] || return 0
  (cd "$root" && cargo build --locked --workspace --all-features --bin strimzi-stand-in)
  stand_in=$root/target/debug/strimzi-stand-in
}

lab_up() {
  "$root/tests/lab/down.sh"
  rm -rf "$lab/run"
  "$root/tests/lab/up.sh" kafka node "${ES_PARTS[@]}"
}

# content_tag: another where a program is another.
content_tag() { printf 'e2e-%s' "$(cat "$binaries"/bpmonitor{,-operator,-producer,-classifier} "$root/Dockerfile" | sha256sum | head -c 12)"; }

# previous_chart DIR: this chart as it was before, with an older definition.
previous_chart() {
  rm -rf "$1"
  cp -r "$root/charts/bp-monitor" "$1"
  sed -i 's/^version: .*/version: 0.0.9/' "$1/Chart.yaml"
  sed -i 's/description: Simulated patients$/description: Patients of before/' "$1/files/bpmonitors.bpmonitor.dev.yaml"
  grep -q 'Patients of before' "$1/files/bpmonitors.bpmonitor.dev.yaml"
}
definition_says() { [[ $(kubectl get crd bpmonitors.bpmonitor.dev -o yaml) == *"$1"* ]]; } # TEXT

# strimzi: what stands in for its operators, and a Kafka that is the lab's broker.
strimzi() {
  env KUBECONFIG="$run/kubernetes/admin.kubeconfig" "$stand_in" --namespace "$WARD_NAMESPACE" --make \
    --mtls "$BPMONITOR_TEST_KAFKA_PODS" </dev/null >"$lab/strimzi.log" 2>&1 &
  helpers+=("$!")
}
kafka_is_ready() {
  kubectl wait --namespace "$WARD_NAMESPACE" --for create kafka/bp-kafka --timeout 60s
  kubectl wait --namespace "$WARD_NAMESPACE" --for condition=Ready kafka/bp-kafka --timeout 60s
}

ward() {
  in_ward apply -f - <<YAML
apiVersion: bpmonitor.dev/v1alpha1
kind: BpMonitor
metadata: {name: $WARD}
spec:
  patients: {count: 40, history: {days: 0}}
  rate: {perSecond: $RATE}
  kafka: {topic: {partitions: $PARTITIONS}}
$(es_spec)
  kibana: {enabled: false}
YAML
}
ward_is_ready() { wait_for "$1" "$WARD_NAMESPACE" "bpmonitor/$WARD" condition=Ready; } # SECONDS

installs() {
  local began=$SECONDS
  step 'helm installs the chart, and the operator is ready' install_chart "$lab/previous-chart" --set "image.registry=localhost,image.tag=$tag"
  step 'a BpMonitor is taken' ward
  step 'it is ready' ward_is_ready 120
  say "from helm install to Ready: $((SECONDS - began)) s"
  ((SECONDS - began <= 90)) || fail "from helm install to Ready is to take 90 s at most"
}

flows() {
  eventually 60 'anomalies are in Elasticsearch' more_documents_than 20
  eventually 30 'the classifier counts readings' more_than 40 metric classifier bpmonitor_readings_total
}
readonly UNREADABLE=5
rejects() {
  step "$UNREADABLE records are published that nobody can read" publish_nonsense
  eventually 30 'and are in the dead letters' dead_letters_are "$UNREADABLE"
  eventually 30 'alerts and dashboard ask for metrics that there are' known_metrics
}
publish_nonsense() { seq -f 'nonsense %g' "$UNREADABLE" | kafka-console-producer --topic "$(topic)"; }
dead_letters_are() { [[ $(published rejected) == "$1" ]]; } # NUMBER
more_than() { (($("${@:2}") > $1)); } # NUMBER COMMAND ...

# A systolic pressure that is normal or elevated, and stage 1 once stage 1 begins there.
readonly BETWEEN='{"bool": {"filter": [{"term": {"category": "hypertension_stage1"}}, {"range": {"systolic_pressure": {"gte": 122, "lt": 130}}}, {"range": {"diastolic_pressure": {"lt": 80}}}]}}'
thresholds() {
  [[ $(documents "$BETWEEN") == 0 ]] || fail "122 to 130 is no stage 1 yet"
  step 'stage 1 is to begin at 122' patch_ward '{"spec": {"thresholds": {"stage1": {"systolic": 122}, "elevated": {"systolic": 121}}}}'
  eventually 90 'and does, for what comes then' more_documents_than 0 "$BETWEEN"
  step 'it is ready' ward_is_ready 60
}

scales() {
  step 'three classifiers are asked for' in_ward scale bpmonitor "$WARD" --replicas 3
  eventually 60 'three are ready' pods_are classifier 3
  eventually 60 'each reads a partition' each_has_a_partition classifier 3
  step 'one is asked for' in_ward scale bpmonitor "$WARD" --replicas 1
  eventually 60 'one is left' pods_are classifier 1
  step 'it is ready' ward_is_ready 60
}

pauses() {
  step 'a pause is asked for' patch_ward '{"spec": {"paused": true}}'
  eventually 60 'no producer is left' pods_are producer 0
  eventually 60 'no classifier is left' pods_are classifier 0
  eventually 30 'it says that it is paused' condition_is Paused True
  step 'it is to go on' patch_ward '{"spec": {"paused": false}}'
  step 'it is ready' ward_is_ready 60
}

kills() {
  local component pod before
  for component in classifier producer; do
    pod=$(pods_of "$component")
    step "the $component is killed" kill_container "$WARD_NAMESPACE" "$pod"
    eventually 90 'and is back' has_restarted "$WARD_NAMESPACE" "$pod"
  done
  pod=$(operator_pod)
  step 'the operator is killed' kill_container "$OPERATOR_NAMESPACE" "$pod"
  eventually 60 'and is back' has_restarted "$OPERATOR_NAMESPACE" "$pod"
  step 'the pods of the ward are deleted without a chance to end' in_ward delete pods -l "app.kubernetes.io/instance=$WARD" --force --grace-period=0
  # Its group misses the one before after 45 s.
  eventually 90 'there is another classifier' pods_are classifier 1
  eventually 60 'and another producer' pods_are producer 1
  before=$(documents)
  eventually 60 'anomalies arrive' more_documents_than "$before"
}

servers_die() {
  local part before
  for part in kafka elasticsearch-secure; do
    step "$part is killed" "$root/tests/lab/kill.sh" "$part"
    step 'and comes back' "$root/tests/lab/up.sh" "$part"
    before=$(documents)
    eventually 90 'anomalies arrive' more_documents_than "$before"
  done
  step 'it is ready' ward_is_ready 120
}

# upgrades: from the chart before to this one, and to other images.
upgrades() {
  local before
  step 'the definition is the one of before' definition_says 'Patients of before'
  step 'helm upgrades the chart, the definition and the images' install_chart "$root/charts/bp-monitor" --set "image.registry=localhost,image.tag=$tag-next"
  step 'the definition is the new one' definition_says 'Simulated patients'
  eventually 90 'the producer has the new image' image_is producer "$tag-next"
  eventually 90 'the classifier has the new image' image_is classifier "$tag-next"
  step 'it is ready' ward_is_ready 60
  before=$(documents)
  eventually 60 'anomalies arrive' more_documents_than "$before"
}
rolls_back() {
  step 'helm rolls back' helm rollback bp-monitor --namespace "$OPERATOR_NAMESPACE" --wait --timeout 3m
  step 'the definition is the one of before' definition_says 'Patients of before'
  eventually 90 'the classifier has the image of before' image_is classifier "$tag"
  eventually 90 'the producer has the image of before' image_is producer "$tag"
  step 'it is ready' ward_is_ready 60
}
image_is() { # COMPONENT TAG: of its pods, which are ready
  pods_are "$1" 1 && [[ $(in_ward get pods -l "app.kubernetes.io/component=$1" -o 'jsonpath={.items[*].spec.containers[0].image}') == "localhost/bpmonitor-$1:$2" ]]
}

# idle: what the operator takes while nothing changes.
readonly IDLE_SECONDS=20
idle() {
  local process ticks memory
  process=$(operator_process)
  ticks=$(ticks_of "$process")
  sleep "$IDLE_SECONDS"
  ticks=$(($(ticks_of "$process") - ticks))
  memory=$(awk '/^VmRSS/ { print $2 }' "/proc/$process/status")
  say "the operator with one monitor: $((memory / 1024)) MiB, and $((ticks * 1000 / $(getconf CLK_TCK))) ms of a processor in $IDLE_SECONDS s"
  ((memory < 30 * 1024)) || fail "the operator is to take less than 30 MiB"
}
ticks_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # PROCESS

# accounts: no more is published, all of it is classified, and each is where it belongs.
accounts() {
  local number
  step 'no more is to be published' patch_ward '{"spec": {"patients": {"count": 0}}}'
  eventually 60 'the producer is gone' pods_are producer 0
  number=$(published)
  eventually 90 "all $number records are classified" all_committed "$number"
  step 'a pause is asked for' patch_ward '{"spec": {"paused": true}}'
  eventually 60 'the classifier is gone' pods_are classifier 0
  step 'each is an anomaly, a normal reading or a dead letter, once' account "$number"
  tail -n 1 "$lab/e2e.log"
}

# made_again: a monitor that is deleted leaves its data, and one of its name goes on with it.
made_again() {
  local number key
  number=$(documents)
  key=$(in_ward get secret "$WARD-pseudonyms" -o 'jsonpath={.data}')
  step 'the BpMonitor is deleted' in_ward delete bpmonitor "$WARD" --timeout 60s
  step 'its index is left' test "$(documents)" = "$number"
  step 'and its topic, its archive, and its key of pseudonyms' in_ward get "kafkatopic/bp.$WARD_NAMESPACE.$WARD.observations" "persistentvolumeclaim/$WARD-archive" "secret/$WARD-pseudonyms"
  step 'it is made again' ward
  step 'it is ready' ward_is_ready 120
  step 'with the key that it had' test "$(in_ward get secret "$WARD-pseudonyms" -o 'jsonpath={.data}')" = "$key"
  eventually 60 'anomalies arrive' more_documents_than "$number"
}

# helm_tests: one observation goes through, as helm has it sent.
helm_tests() {
  step 'helm is told what to test' install_chart "$root/charts/bp-monitor" --reset-then-reuse-values --set \
    "test.monitor=$WARD,test.namespace=$WARD_NAMESPACE,test.image.tag=$tag,$(es_test_values)"
  step 'helm test sends an observation through' helm test bp-monitor --namespace "$OPERATOR_NAMESPACE" --timeout 3m
}

# troubles: of the node itself, under load.
troubles() {
  local before
  step 'the node is drained' kubectl drain "$NODE_NAME" --ignore-daemonsets --delete-emptydir-data --timeout 120s
  step 'and is to take pods again' kubectl uncordon "$NODE_NAME"
  eventually 120 'the classifier is back' pods_are classifier 1
  eventually 60 'the producer is back' pods_are producer 1
  step 'the kubelet is killed' "$root/tests/lab/kill.sh" kubelet
  step 'and is back' "$root/tests/lab/up.sh" node
  before=$(documents)
  eventually 60 'anomalies arrive' more_documents_than "$before"
  step 'it is ready' ward_is_ready 120
}

uninstalls() {
  step 'helm uninstalls the chart' helm uninstall bp-monitor --namespace "$OPERATOR_NAMESPACE" --wait --timeout 2m
  step 'definition and BpMonitor are left' in_ward get bpmonitor "$WARD"
  step 'and what runs is left' pods_are classifier 1
  step 'helm installs it again' install_chart "$root/charts/bp-monitor" --set "image.registry=localhost,image.tag=$tag"
  step 'its data goes when that is asked for' in_ward annotate bpmonitor "$WARD" bpmonitor.dev/delete-data=true
  step 'the BpMonitor is deleted' in_ward delete bpmonitor "$WARD" --timeout 120s
  ! elastic "$(index)" >/dev/null 2>&1 || fail "the index is to be gone"
}

trap finish EXIT
binaries=${BINARIES_DIR:-}
need socat socat zstd zstd python3 python3
[[ -n $binaries ]] || compile
compile_strimzi
step 'the lab comes up' lab_up
# shellcheck source=/dev/null
. "$run/ports"
set -a
# shellcheck source=/dev/null
. "$lab/env"
set +a
export PATH=$run/bin:$PATH
tag=$(content_tag)
step 'the images are built, and in the node' e2e_build "$tag" "$binaries"
step 'and have another tag besides' e2e_tag "$tag" "$tag-next"
[[ -n ${BINARIES_DIR:-} ]] || e2e_sizes "$tag"
relay "$port_kafka_pods"
namespace "$WARD_NAMESPACE"
strimzi
step "Strimzi's stand-in has a Kafka" kafka_is_ready
es_begin
previous_chart "$lab/previous-chart"

installs
flows
rejects
if [[ $FORM == eck ]]; then
  keys
  es_dies
else
  thresholds
  scales
  kills
  upgrades
fi
if [[ $FORM == full ]]; then
  pauses
  servers_die
  troubles
  rolls_back
  idle
fi
accounts
made_again
[[ $FORM != eck ]] || key_is_revoked
helm_tests
uninstalls
say "all so, in $SECONDS s"
