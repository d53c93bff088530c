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

readonly PARTS=(kafka elasticsearch elasticsearch-secure)
readonly START_LIMIT=300 STOP_LIMIT=30
readonly MAVEN_DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
readonly PORT_NAMES=(kafka kafka_mtls kafka_scram kafka_controller elasticsearch elasticsearch_transport
  elasticsearch_secure elasticsearch_secure_transport)

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

# parts NAME ...: the parts named, or all; one a line.
parts() {
  local part
  for part in "${@:-${PARTS[@]}}"; do
    [[ " ${PARTS[*]} " == *" $part "* ]] || fail "no part $part: there are ${PARTS[*]}"
    printf '%s\n' "$part"
  done
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # PORT
port_free() { ! listening "$1"; }

# choose_ports: once; a part that starts again is where it was. Below the range that clients' own ports come from, so that no client
# sits on the port of a part that is down, and below Kubernetes' node ports.
choose_ports() {
  (
    flock 9
    [[ ! -f $run/ports ]] || exit 0
    local name port
    exec 3< <(shuf -i 20000-29999)
    for name in "${PORT_NAMES[@]}"; do
      while read -r port <&3 && listening "$port"; do :; done
      printf 'port_%s=%s\n' "$name" "$port"
    done >"$run/ports.unfinished"
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
server_certificate() { certificate "$1" "$2" "$3" extendedKeyUsage=serverAuth,clientAuth subjectAltName=DNS:localhost,IP:127.0.0.1; }
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

# dist_of PART: where what its pom.xml names is put: another pom.xml, another place.
dist_of() {
  local name=${1%-secure} sum
  sum=$(sha256sum <"$lab_scripts/$name/pom.xml")
  printf '%s/%s-%s-%s' "$dist" "$name" "$(pom_property "$name" "$name.version")" "${sum:0:8}"
}
