# What is done to a chart and a ward on whatever cluster, and what must hold then. To be sourced by run.sh.
# shellcheck shell=bash disable=SC2154

# previous_chart DIR: this chart as it was before, with an older definition.
previous_chart() {
  rm -rf "$1"
  cp -r "$root/charts/bp-monitor" "$1"
  sed -i 's/^version: .*/version: 0.0.9/' "$1/Chart.yaml"
  sed -i 's/description: Simulated patients$/description: Patients of before/' "$1/files/bpmonitors.bpmonitor.dev.yaml"
  grep -q 'Patients of before' "$1/files/bpmonitors.bpmonitor.dev.yaml"
}
definition_says() { [[ $(kubectl get crd bpmonitors.bpmonitor.dev -o yaml) == *"$1"* ]]; } # TEXT

ward() {
  in_ward apply -f - <<YAML
apiVersion: bpmonitor.dev/v1alpha1
kind: BpMonitor
metadata: {name: $WARD}
spec:
  patients: {count: 40, history: {days: 0}}
  rate: {perSecond: $RATE}
  kafka: {$(kafka_spec)topic: {partitions: $PARTITIONS}}
$(es_spec)
  kibana: {enabled: false}
YAML
}
ward_is_ready() { wait_for "$1" "$WARD_NAMESPACE" "bpmonitor/$WARD" condition=Ready; } # SECONDS

images_of() { printf 'image.registry=%s,image.tag=%s' "$registry" "$1"; } # TAG: for helm
installs() {
  local began=$SECONDS
  step 'helm installs the chart, and the operator is ready' install_chart "$lab/previous-chart" --set "$(images_of "$tag")"
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

pods_go() {
  step 'the pods of the ward are deleted without a chance to end' in_ward delete pods -l "app.kubernetes.io/instance=$WARD" --force --grace-period=0
  # Its group misses the one before after 45 s.
  eventually 90 'there is another classifier' pods_are classifier 1
  eventually 60 'and another producer' pods_are producer 1
  anomalies_arrive
}

# upgrades: from the chart before to this one, and to other images.
upgrades() {
  step 'the definition is the one of before' definition_says 'Patients of before'
  step 'helm upgrades the chart, the definition and the images' install_chart "$root/charts/bp-monitor" --set "$(images_of "$next_tag")"
  step 'the definition is the new one' definition_says 'Simulated patients'
  eventually 90 'the producer has the new image' image_is producer "$next_tag"
  eventually 90 'the classifier has the new image' image_is classifier "$next_tag"
  step 'it is ready' ward_is_ready 60
}
rolls_back() {
  step 'helm rolls back' helm rollback bp-monitor --namespace "$OPERATOR_NAMESPACE" --wait --timeout 3m
  step 'the definition is the one of before' definition_says 'Patients of before'
  eventually 90 'the classifier has the image of before' image_is classifier "$tag"
  eventually 90 'the producer has the image of before' image_is producer "$tag"
  step 'it is ready' ward_is_ready 60
}
image_is() { # COMPONENT TAG: of its pods, which are ready
  pods_are "$1" 1 && [[ $(in_ward get pods -l "app.kubernetes.io/component=$1" -o 'jsonpath={.items[*].spec.containers[0].image}') == "$registry/bpmonitor-$1:$2" ]]
}

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
  anomalies_arrive
}

# helm_tests: one observation goes through, as helm has it sent.
helm_tests() {
  step 'helm is told what to test' install_chart "$root/charts/bp-monitor" --reset-then-reuse-values --set \
    "test.monitor=$WARD,test.namespace=$WARD_NAMESPACE,test.image.tag=$tag,$(es_test_values)"
  step 'helm test sends an observation through' helm test bp-monitor --namespace "$OPERATOR_NAMESPACE" --timeout 3m
}

uninstalls() {
  step 'helm uninstalls the chart' helm uninstall bp-monitor --namespace "$OPERATOR_NAMESPACE" --wait --timeout 2m
  step 'definition and BpMonitor are left' in_ward get bpmonitor "$WARD"
  step 'and what runs is left' pods_are classifier 1
  step 'helm installs it again' install_chart "$root/charts/bp-monitor" --set "$(images_of "$tag")"
  step 'its data goes when that is asked for' in_ward annotate bpmonitor "$WARD" bpmonitor.dev/delete-data=true
  step 'the BpMonitor is deleted' in_ward delete bpmonitor "$WARD" --timeout 120s
  ! elastic "$(index)" >/dev/null 2>&1 || fail "the index is to be gone"
}
