# The lab as the cluster: it brings it up with images, Kafka and Elasticsearch, and does to it what only who has the node can. To be sourced by run.sh.
# shellcheck shell=bash disable=SC2034,SC2154

# shellcheck source=tests/e2e/images.sh
. "$here/images.sh"
# shellcheck source=tests/e2e/on-lab-kafka.sh
. "$here/on-lab-kafka.sh"

readonly WARD_NAMESPACE=wards WARD=ward-3 registry=localhost
helpers=()

cluster_begin() {
  need socat socat zstd zstd python3 python3
  compile_strimzi
  step 'the lab comes up' lab_up
  begun=1
  # shellcheck source=/dev/null
  . "$run/ports"
  export PATH=$run/bin:$PATH
  tag=$(content_tag)
  next_tag=$tag-next
  step 'the images are built, and in the node' e2e_build "$tag" "${BINARIES_DIR:-}"
  step 'and have another tag besides' e2e_tag "$tag" "$next_tag"
  [[ -n ${BINARIES_DIR:-} ]] || (e2e_sizes "$tag")
  namespace "$WARD_NAMESPACE"
  kafka_begin
  es_begin
}
lab_up() {
  "$root/tests/lab/down.sh"
  rm -rf "$lab/run"
  "$root/tests/lab/up.sh" node "${ES_PARTS[@]}"
}

cluster_end() { # STATUS
  ((${#helpers[@]} == 0)) || kill "${helpers[@]}" 2>/dev/null || true
  "$root/tests/lab/down.sh" >/dev/null || true
  if (($1 == 0)); then rm -rf "$lab/run"; else say "what ran is left below $lab" >&2; fi
}
cluster_state() {
  kafka_state
  es_state
}

# compile_strimzi: unless it is where the programs are.
compile_strimzi() {
  stand_in=${BINARIES_DIR:-}/strimzi-stand-in
  [[ -z ${BINARIES_DIR:-} || ! -x $stand_in ]] || return 0
  (cd "$root" && cargo build --locked --workspace --all-features --bin strimzi-stand-in)
  stand_in=$root/target/debug/strimzi-stand-in
}

# content_tag: another where a program is another, or what it is made of.
content_tag() { printf 'e2e-%s' "$(content | sha256sum | head -c 12)"; }
content() {
  if [[ -n ${BINARIES_DIR:-} ]]; then
    cat "$BINARIES_DIR"/bpmonitor{,-operator,-producer,-classifier} "$root/Dockerfile"
  else
    (cd "$root" && git ls-files -z | xargs -0 sha256sum)
  fi
}

# relay PORT: what listens on 127.0.0.1, on the node's address too, where pods find it.
relay() {
  socat "TCP-LISTEN:$1,bind=$NODE_ADDRESS,reuseaddr,fork" "TCP:127.0.0.1:$1" </dev/null >>"$lab/relay.log" 2>&1 &
  helpers+=("$!")
}

kafka_spec() { :; }

# archive_directory: of the ward, on this machine.
archive_directory() {
  local volume
  volume=$(in_ward get persistentvolumeclaim "$WARD-archive" -o 'jsonpath={.spec.volumeName}')
  kubectl get persistentvolume "$volume" -o 'jsonpath={.spec.hostPath.path}{.spec.local.path}'
}

# process_of NAMESPACE POD: of its container, on this machine.
process_of() {
  local id
  id=$(kubectl --namespace "$1" get pod "$2" -o 'jsonpath={.status.containerStatuses[0].containerID}')
  node_ctr tasks list | awk -v id="${id#containerd://}" '$1 == id { print $2 }'
}
kill_container() { kill -KILL "$(process_of "$@")"; } # NAMESPACE POD: without a warning
has_restarted() { # NAMESPACE POD: and is ready
  [[ $(kubectl --namespace "$1" get pod "$2" -o 'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}') == [1-9]*' true' ]]
}

kills() {
  local component pod
  for component in classifier producer; do
    pod=$(pods_of "$component")
    step "the $component is killed" kill_container "$WARD_NAMESPACE" "$pod"
    eventually 90 'and is back' has_restarted "$WARD_NAMESPACE" "$pod"
  done
  pod=$(operator_pod)
  step 'the operator is killed' kill_container "$OPERATOR_NAMESPACE" "$pod"
  eventually 60 'and is back' has_restarted "$OPERATOR_NAMESPACE" "$pod"
}

# pod_dies WHAT POD: a server's process, and then its pod.
pod_dies() {
  local before
  step "$1 is killed" kill_container "$WARD_NAMESPACE" "$2"
  eventually 120 'and is back' has_restarted "$WARD_NAMESPACE" "$2"
  anomalies_arrive
  before=$(in_ward get pod "$2" -o 'jsonpath={.metadata.uid}')
  step 'its pod is deleted without a chance to end' in_ward delete pod "$2" --force --grace-period=0
  eventually 180 'there is another, which is ready' another_is_ready "$2" "$before"
  anomalies_arrive
}
another_is_ready() { # POD UID: than the one that has it
  local uid ready
  read -r uid ready <<<"$(in_ward get pod "$1" -o 'jsonpath={.metadata.uid} {.status.containerStatuses[0].ready}')"
  [[ $uid != "$2" && $ready == true ]]
}

# troubles: of the node itself, under load.
troubles() {
  step 'the node is drained' kubectl drain "$NODE_NAME" --ignore-daemonsets --delete-emptydir-data --timeout 120s
  step 'and is to take pods again' kubectl uncordon "$NODE_NAME"
  eventually 120 'the classifier is back' pods_are classifier 1
  eventually 60 'the producer is back' pods_are producer 1
  step 'the kubelet is killed' "$root/tests/lab/kill.sh" kubelet
  step 'and is back' "$root/tests/lab/up.sh" node
  anomalies_arrive
  step 'it is ready' ward_is_ready 120
}

# idle: what the operator takes while nothing changes.
readonly IDLE_SECONDS=20
idle() {
  local process ticks memory
  process=$(process_of "$OPERATOR_NAMESPACE" "$(operator_pod)")
  ticks=$(ticks_of "$process")
  sleep "$IDLE_SECONDS"
  ticks=$(($(ticks_of "$process") - ticks))
  memory=$(awk '/^VmRSS/ { print $2 }' "/proc/$process/status")
  say "the operator with one monitor: $((memory / 1024)) MiB, and $((ticks * 1000 / $(getconf CLK_TCK))) ms of a processor in $IDLE_SECONDS s"
  ((memory < 30 * 1024)) || fail "the operator is to take less than 30 MiB"
}
ticks_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # PROCESS
