# What the end-to-end test asks the cluster, Kafka and Elasticsearch. To be sourced after tests/lab/lab.sh.
# shellcheck shell=bash disable=SC2154

# step WHAT COMMAND ...: it succeeds; what it said is shown where it does not. In a shell of its own, in which it may fail().
step() {
  local what=$1 began=$SECONDS
  shift
  ("$@") >"$lab/e2e.log" 2>&1 || {
    tail -n 40 "$lab/e2e.log" >&2
    fail "not so: $what"
  }
  say "ok: $what ($((SECONDS - began)) s)"
}

# eventually SECONDS WHAT COMMAND ...: it succeeds at last.
eventually() { step "$2" await_or_tell "$1" "${@:3}"; }
await_or_tell() {
  await "$@" && return
  # With what it says, once more.
  set -x
  "${@:2}"
}

in_ward() { kubectl --namespace "$WARD_NAMESPACE" "$@"; }
of_ward() { in_ward get bpmonitor "$WARD" -o "jsonpath={$1}"; } # PATH
patch_ward() { in_ward patch bpmonitor "$WARD" --type merge --patch "$1"; } # JSON
condition() { of_ward ".status.conditions[?(@.type==\"$1\")].$2"; } # TYPE FIELD
condition_is() { [[ $(condition "$1" status) == "$2" && $(condition "$1" observedGeneration) == "$(of_ward .metadata.generation)" ]]; } # TYPE STATUS

pods_of() { in_ward get pods -l "app.kubernetes.io/component=$1" --field-selector status.phase=Running -o "jsonpath={.items[*].metadata.name}"; } # COMPONENT
pods_are() { # COMPONENT NUMBER: that many are there, and all are ready
  local ready
  ready=$(in_ward get pods -l "app.kubernetes.io/component=$1" -o 'jsonpath={range .items[*]}{.status.containerStatuses[0].ready}{"\n"}{end}')
  if (($2 == 0)); then [[ -z $ready ]]; else [[ $(sort <<<"$ready" | uniq -c | tr -s ' ') == " $2 true" ]]; fi
}

# metrics NAMESPACE POD: by way of the API server, which reaches pods from anywhere.
metrics() { kubectl get --raw "/api/v1/namespaces/$1/pods/$2:8080/proxy/metrics"; }
# metric COMPONENT NAME: the sum over its pods.
metric() {
  local pod
  for pod in $(pods_of "$1"); do
    metrics "$WARD_NAMESPACE" "$pod" || true
  done | awk -v name="$2" '$1 == name || index($1, name "{") == 1 { sum += $2 } END { printf "%d", sum }'
}
each_has_a_partition() { # COMPONENT NUMBER
  local pod found=0
  for pod in $(pods_of "$1"); do
    [[ $(metrics "$WARD_NAMESPACE" "$pod") != *$'\nbpmonitor_partitions '[1-9]* ]] || ((found += 1))
  done
  ((found == $2))
}

elastic() { curl -q -s -S -f --max-time 20 -K "$es_directory/curlrc" -H 'Content-Type: application/json' "$es_url/$1" "${@:2}"; } # PATH [OPTION ...]
index() { printf 'bp.%s.%s.anomalies' "$WARD_NAMESPACE" "$WARD"; }
documents() { # [QUERY]: how many there are
  elastic "$(index)/_refresh" -X POST >/dev/null
  elastic "$(index)/_count" -d "{\"query\": ${1:-{\"match_all\": {\}\}}}" | sed 's/.*"count":\([0-9]*\).*/\1/'
}
more_documents_than() { (($(documents "${2:-}") > $1)); } # NUMBER [QUERY]
# anomalies_arrive: more than there are, once Elasticsearch can be asked.
anomalies_arrive() {
  local before
  eventually 60 'Elasticsearch has its documents' documents
  before=$(documents)
  eventually 90 'anomalies arrive' more_documents_than "$before"
}

topic() { printf 'bp.%s.%s.%s' "$WARD_NAMESPACE" "$WARD" "${1:-observations}"; } # [WHICH]
published() { records_of "$(topic "$@")"; } # [WHICH]
records_of() { kafka-get-offsets --topic "$1" | awk -F : '{ sum += $3 } END { printf "%d", sum }'; } # TOPIC
committed() { kafka-consumer-groups --group "bp.$WARD_NAMESPACE.$WARD.classifier" --describe 2>/dev/null | awk '$4 ~ /^[0-9]+$/ { sum += $4 } END { printf "%d", sum }'; }
all_committed() { [[ $(committed) == "$1" ]]; } # NUMBER

operator_pod() { kubectl --namespace "$OPERATOR_NAMESPACE" get pods -l app.kubernetes.io/component=operator --field-selector status.phase=Running -o 'jsonpath={.items[0].metadata.name}'; }

# exposed: the names of all metrics of the operator and the ward.
exposed() {
  local pods namespace pod
  pods=$(kubectl get pods -A -l app.kubernetes.io/name=bp-monitor -o 'jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{"\n"}{end}')
  while read -r namespace pod; do
    metrics "$namespace" "$pod"
  done <<<"$pods" | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort -u
}
# known_metrics: what alerts and dashboard ask for is there.
known_metrics() {
  local unknown
  unknown=$(grep -ohE 'bpmonitor_[a-z_]+' "$root"/charts/bp-monitor/files/{alerts.yaml,dashboard.json} | sed -E 's/_(total|bucket)$//' | sort -u | comm -23 - <(exposed))
  [[ -z $unknown ]] || fail "nobody exposes $unknown"
}

# account NUMBER: each of so many records is an anomaly in Elasticsearch, a normal reading in the archive or a dead letter, and once.
account() {
  local archive
  archive=$(archive_directory)
  kafka-console-consumer --topic "$(topic)" --from-beginning --max-messages "$1" --timeout-ms 60000 --formatter-property print.timestamp=true \
    --formatter-property print.partition=true --formatter-property print.offset=true >"$lab/records" 2>"$lab/consumer.log"
  elastic "$(index)/_refresh" -X POST >/dev/null
  python3 "$here/account.py" --records "$lab/records" --archive "$archive" \
    --elasticsearch "$es_url" --curlrc "$es_directory/curlrc" --index "$(index)" --dead-letters "$(published rejected)"
}
