# What the end-to-end test asks the cluster, Kafka and Elasticsearch, and does to them. To be sourced after tests/lab/lab.sh.
# shellcheck shell=bash disable=SC2154

readonly WARD_NAMESPACE=wards WARD=ward-3

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

# metric COMPONENT NAME: the sum over its pods.
metric() {
  local address
  for address in $(in_ward get pods -l "app.kubernetes.io/component=$1" -o 'jsonpath={.items[*].status.podIP}'); do
    curl -q -s -f --max-time 3 "http://$address:8080/metrics" || true
  done | awk -v name="$2" '$1 == name || index($1, name "{") == 1 { sum += $2 } END { printf "%d", sum }'
}
each_has_a_partition() { # COMPONENT NUMBER
  local address found=0
  for address in $(in_ward get pods -l "app.kubernetes.io/component=$1" -o 'jsonpath={.items[*].status.podIP}'); do
    [[ $(curl -q -s -f --max-time 3 "http://$address:8080/metrics") != *$'\nbpmonitor_partitions '[1-9]* ]] || ((found += 1))
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

topic() { printf 'bp.%s.%s.%s' "$WARD_NAMESPACE" "$WARD" "${1:-observations}"; } # [WHICH]
published() { kafka-get-offsets --topic "$(topic "$@")" | awk -F : '{ sum += $3 } END { printf "%d", sum }'; }
committed() { kafka-consumer-groups --group "bp.$WARD_NAMESPACE.$WARD.classifier" --describe 2>/dev/null | awk '$4 ~ /^[0-9]+$/ { sum += $4 } END { printf "%d", sum }'; }
all_committed() { [[ $(committed) == "$1" ]]; } # NUMBER

# kill_container NAMESPACE POD: its process, from outside and without a warning.
kill_container() {
  local id process
  id=$(kubectl --namespace "$1" get pod "$2" -o 'jsonpath={.status.containerStatuses[0].containerID}')
  process=$(node_ctr tasks list | awk -v id="${id#containerd://}" '$1 == id { print $2 }')
  kill -KILL "$process"
}
has_restarted() { # NAMESPACE POD: and is ready
  [[ $(kubectl --namespace "$1" get pod "$2" -o 'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}') == [1-9]*' true' ]]
}
operator_pod() { kubectl --namespace "$OPERATOR_NAMESPACE" get pods -l app.kubernetes.io/component=operator --field-selector status.phase=Running -o 'jsonpath={.items[0].metadata.name}'; }
operator_process() {
  local id
  id=$(kubectl --namespace "$OPERATOR_NAMESPACE" get pod "$(operator_pod)" -o 'jsonpath={.status.containerStatuses[0].containerID}')
  node_ctr tasks list | awk -v id="${id#containerd://}" '$1 == id { print $2 }'
}

# exposed: the names of all metrics of the operator and the ward.
exposed() {
  local address
  for address in $(kubectl get pods -A -l app.kubernetes.io/name=bp-monitor -o 'jsonpath={.items[*].status.podIP}'); do
    curl -q -s -f --max-time 3 "http://$address:8080/metrics"
  done | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort -u
}
# known_metrics: what alerts and dashboard ask for is there.
known_metrics() {
  local unknown
  unknown=$(grep -ohE 'bpmonitor_[a-z_]+' "$root"/charts/bp-monitor/files/{alerts.yaml,dashboard.json} | sed -E 's/_(total|bucket)$//' | sort -u | comm -23 - <(exposed))
  [[ -z $unknown ]] || fail "nobody exposes $unknown"
}

# relay PORT: what listens on 127.0.0.1, on the node's address too, where pods find it.
relay() {
  socat "TCP-LISTEN:$1,bind=$NODE_ADDRESS,reuseaddr,fork" "TCP:127.0.0.1:$1" </dev/null >>"$lab/relay.log" 2>&1 &
  helpers+=("$!")
}

# archive_directory: of the ward, on this machine.
archive_directory() {
  local volume
  volume=$(in_ward get persistentvolumeclaim "$WARD-archive" -o 'jsonpath={.spec.volumeName}')
  kubectl get persistentvolume "$volume" -o 'jsonpath={.spec.hostPath.path}{.spec.local.path}'
}

# account NUMBER: each of so many records is an anomaly in Elasticsearch, a normal reading in the archive or a dead letter, and once.
account() {
  kafka-console-consumer --topic "$(topic)" --from-beginning --max-messages "$1" --timeout-ms 60000 >"$lab/observations.ndjson" 2>"$lab/consumer.log"
  elastic "$(index)/_refresh" -X POST >/dev/null
  python3 "$here/account.py" --observations "$lab/observations.ndjson" --archive "$(archive_directory)" \
    --elasticsearch "$es_url" --ca "$es_directory/pki/ca.crt" --password-file "$es_directory/password" \
    --index "$(index)" --dead-letters "$(published rejected)"
}
