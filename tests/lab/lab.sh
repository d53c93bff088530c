# What the lab's scripts share: where its things are, its ports, its processes, certificates and secrets. To be sourced.
# shellcheck shell=bash

lab_scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$lab_scripts/../.." && pwd)
# shellcheck source=tests/lib.sh
. "$root/tests/lib.sh"
# shellcheck source=tests/lab/kafka/part.sh
. "$lab_scripts/kafka/part.sh"
# shellcheck source=tests/lab/elasticsearch/part.sh
. "$lab_scripts/elasticsearch/part.sh"
# shellcheck source=tests/lab/kubernetes/go.sh
. "$lab_scripts/kubernetes/go.sh"
# shellcheck source=tests/lab/kubernetes/part.sh
. "$lab_scripts/kubernetes/part.sh"
# shellcheck source=tests/lab/kubernetes/crds.sh
. "$lab_scripts/kubernetes/crds.sh"
# shellcheck source=tests/lab/kubernetes/images.sh
. "$lab_scripts/kubernetes/images.sh"
# shellcheck source=tests/lab/kubernetes/node.sh
. "$lab_scripts/kubernetes/node.sh"
# shellcheck source=tests/lab/kubernetes/node-files.sh
. "$lab_scripts/kubernetes/node-files.sh"

# what comes up unless others are named; and all that there are
readonly PARTS=(kafka elasticsearch elasticsearch-secure "${CONTROL_PLANE[@]}")
readonly ALL_PARTS=("${PARTS[@]}" "${NODE[@]}")
readonly START_LIMIT=300 STOP_LIMIT=30
readonly MAVEN_DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
readonly PORT_NAMES=(kafka kafka_mtls kafka_scram kafka_controller elasticsearch elasticsearch_transport
  elasticsearch_secure elasticsearch_secure_transport etcd etcd_peer kube_apiserver kube_controller_manager kube_scheduler
  kubelet kubelet_health kube_proxy_health kube_proxy_metrics)

absolute() { mkdir -p "$1" && cd "$1" && pwd; }
lab=$(absolute "${LAB_DATA:-$root/target/lab}")
dist=$(absolute "${LAB_DIST:-$lab/dist}")
run=$(absolute "$lab/run")
[[ $lab$dist != *[[:space:]]* ]] || fail "Elasticsearch's start scripts cannot have white space in a path: $lab"

# await SECONDS COMMAND ...: polls until it succeeds, and fails past the limit.
await() {
  local limit=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < limit)) || return 1
    sleep 0.1
  done
}

# parts NAME ...: the parts named, one a line; kubernetes and node are names for several.
parts() {
  local name
  for name in "$@"; do
    case " ${ALL_PARTS[*]} " in
    *" $name "*) printf '%s\n' "$name" ;;
    *) case $name in
      kubernetes) printf '%s\n' "${CONTROL_PLANE[@]}" ;;
      node) printf '%s\n' "${NODE[@]}" ;;
      *) fail "no part $name: there are ${ALL_PARTS[*]}; kubernetes, which is the control plane's four; and node, which is ${NODE[*]}" ;;
      esac ;;
    esac
  done
}

# kind_of PART: whose functions get, start and ask it.
kind_of() {
  case $1 in
  etcd | kube-apiserver | kube-controller-manager | kube-scheduler) printf kubernetes ;;
  containerd | kubelet | kube-proxy | api-relay) printf node ;;
  *) printf '%s' "${1%-secure}" ;;
  esac
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # PORT
port_free() { ! listening "$1"; }

# choose_ports: each once; a part that starts again is where it was. Below the range that clients' own ports come from, so that no client
# sits on the port of a part that is down, and below Kubernetes' node ports.
choose_ports() {
  (
    flock 9
    local name port chosen=
    [[ ! -f $run/ports ]] || chosen=$(<"$run/ports")
    exec 3< <(shuf -i 20000-29999)
    for name in "${PORT_NAMES[@]}"; do
      [[ $'\n'$chosen != *$'\n'port_"$name"=* ]] || continue
      while read -r port <&3 && { listening "$port" || [[ $chosen == *"=$port"* ]]; }; do :; done
      chosen+=${chosen:+$'\n'}port_$name=$port
    done
    printf '%s\n' "$chosen" >"$run/ports.unfinished"
    mv "$run/ports.unfinished" "$run/ports"
  ) 9>"$lab/ports.lock"
}

# marker PART: the argument by which the part's processes are known, of this lab and no other.
marker() { printf -- '-Dbpmonitor.lab=%s' "$run/$1"; }

# processes PART: their ids. The marker goes through a file, for grep is a process with arguments too.
processes() {
  grep -lszxF -f <(marker "$1") /proc/[0-9]*/cmdline | cut -d / -f 3 || true
}
runs() { [[ -n $(processes "$1") ]]; }
gone() { ! runs "$1"; }
# shows PART ID: the new process is itself by now, and known by its marker; or it has ended at once. What becomes it has the marker too, and
# for the moment between them there is none: whoever asked then would take the part for gone.
shows() {
  local name
  { read -r name <"/proc/$2/comm"; } 2>/dev/null || return 0
  [[ $name != @(setsid|bash) ]] && runs "$1"
}

# launch_marked PART LOG PROGRAM OPTION ...: what takes no option that it does not know has the marker for the name that it is called by.
launch_marked() {
  ulimit -n "$(ulimit -Hn)"
  # shellcheck disable=SC2016
  setsid bash -c 'exec -a "$0" "$@"' "$(marker "$1")" "${@:3}" </dev/null >>"$2" 2>&1 9>&- &
  await 30 shows "$1" "$!"
}

# await_parts PART ...: that a part which starts at the same time cannot do without.
await_parts() {
  local part
  for part in "$@"; do
    await 60 "$(kind_of "$part")_serves" "$part" || { say "$part does not answer: bring it up too" && return 1; }
  done
}

signal() { # SIGNAL ID ...
  (($# == 1)) || kill -s "$@" 2>/dev/null || true
}

# ended ID ...: with its files and ports too, which a process keeps a moment longer than its arguments.
ended() {
  local id state
  for id in "$@"; do
    state=$(sed -n 's/^State:[[:space:]]*//p' "/proc/$id/status" 2>/dev/null || true)
    [[ -z $state || $state == Z* ]] || return 1
  done
}

# stop PART: by TERM, past the limit by KILL. One that a test has stopped must run on to see either.
stop() {
  local ids
  mapfile -t ids < <(processes "$1")
  signal TERM "${ids[@]}"
  signal CONT "${ids[@]}"
  if ! await "$STOP_LIMIT" ended "${ids[@]}"; then
    say "$1: did not end within $STOP_LIMIT s, so it is killed"
    signal KILL "${ids[@]}"
    await 10 ended "${ids[@]}" || fail "$1: process ${ids[*]} does not end, even killed"
  fi
}

# locked PART COMMAND ...: one at a time starts or ends a part. A command that leaves a process behind closes 9 for it.
locked() {
  local part=$1
  shift
  (
    flock -w 600 9 || fail "$part: another has started or ended it for 600 s and is not done"
    "$@"
  ) 9>"$lab/$part.lock"
}

# wait_all JOB ...: fails when one has failed, but waits for the others too.
wait_all() {
  local job failed=0
  for job in "$@"; do
    wait "$job" || failed=1
  done
  return "$failed"
}

# secret FILE: made up once; no newline at its end.
secret() {
  [[ -s $1 ]] || (
    umask 077
    printf '%s' "$(openssl rand -hex 20)" >"$1.unfinished"
    mv "$1.unfinished" "$1"
  )
}

new_key() { # NAME SUBJECT OPTION ...
  local name=$1 subject=$2
  shift 2
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$name.key" -subj "$subject" "$@" 2>>openssl.log
}

# authority NAME SUBJECT: a CA, NAME.crt and NAME.key in the current directory.
authority() { new_key "$1" "$2" -x509 -days 3650 -out "$1.crt" -addext keyUsage=critical,keyCertSign,cRLSign; }

# certificate NAME SUBJECT AUTHORITY EXTENSION ...
certificate() {
  local name=$1 subject=$2 authority=$3
  shift 3
  new_key "$name" "$subject" -out "$name.csr"
  # with extensions: without any it would be of version 1, which rustls refuses
  openssl x509 -req -in "$name.csr" -CA "$authority.crt" -CAkey "$authority.key" -CAcreateserial -days 3650 -out "$name.crt" \
    -extfile <(printf '%s\n' basicConstraints=critical,CA:false keyUsage=critical,digitalSignature "$@") 2>>openssl.log
  rm "$name.csr"
}
server_certificate() { # NAME SUBJECT AUTHORITY [ADDRESS]
  certificate "$1" "$2" "$3" extendedKeyUsage=serverAuth,clientAuth "subjectAltName=DNS:localhost,IP:127.0.0.1${4:+,IP:$4}"
}
client_certificate() { certificate "$1" "$2" "$3" extendedKeyUsage=clientAuth; }

# make_pki DIR FUNCTION: runs FUNCTION where the certificates are to be, unless they are there.
make_pki() {
  [[ ! -d $1 ]] || return 0
  rm -rf "$1.unfinished"
  mkdir "$1.unfinished"
  (cd "$1.unfinished" && "$2") || fail "no certificates: see $1.unfinished/openssl.log"
  mv "$1.unfinished" "$1"
}

pom_property() { sed -n "s:.*<$2>\(.*\)</$2>.*:\1:p" "$lab_scripts/$1/pom.xml"; } # PART NAME

# dist_of PART: where what it is made of is put: another version or way of making it, another place.
dist_of() {
  local kind sum
  kind=$(kind_of "$1")
  sum=$("${kind}_pins" | sha256sum)
  printf '%s/%s-%s-%s' "$dist" "$kind" "$("${kind}_version")" "${sum:0:8}"
}

# fetch PART: gets or builds what it is made of, unless it is there; one at a time does.
fetch() {
  local target
  [[ $1 != kube-apiserver ]] || fetch crds
  target=$(dist_of "$1")
  [[ ! -d $target ]] || return 0
  (
    flock 8
    [[ ! -d $target ]] || exit 0
    say "getting $(basename "$target")"
    rm -rf "$target.unfinished"
    mkdir "$target.unfinished"
    "$(kind_of "$1")_fetch" "$target.unfinished"
    mv "$target.unfinished" "$target"
  ) 8>"$dist/lock"
}

java_version() { "$1" -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p'; } # JAVA

# need_java: what Kafka and Elasticsearch run on.
need_java() {
  need java default-jre-headless
  (($(java_version java) >= 17)) || fail "the java on the PATH is $(java_version java): 17 or newer is needed"
}
