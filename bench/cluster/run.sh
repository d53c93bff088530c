#!/usr/bin/env bash
# Measures bp-monitor's classifier beside other pipelines that do the same, on a lab of its own. Gets what that needs.
#
# usage: run.sh [--quick | --long] [--only PART] [--peers NAME,...] [--rounds N]
#   --quick   bp-monitor and python-batched, one round, fewer observations: 4 minutes
#   --long    also what takes long: every peer killed and timed in each round, ten million observations
#   --only    rates, archive, latency, crashes or memory alone; its figures are added to those that are there
#   --peers   only these, separated by commas: see README.md
#   --rounds  3 unless given
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/lib.sh
. "$root/tests/lib.sh"

export WORK=$root/target/bench-cluster VENV=$root/target/bench-cluster/venv PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
PROGRAMS=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")/release
export PROGRAMS FLINK=$WORK/flink
mkdir -p "$WORK"

get_rsyslog() {
  need rsyslogd rsyslog
  local module
  for module in kafka elasticsearch; do
    # A module is no command: it is asked for by a name that none has.
    compgen -G "/usr/lib/*/rsyslog/?m$module.so" >/dev/null || need "rsyslog's $module" "rsyslog-$module"
  done
}

get_python() {
  need python3 python3-venv
  cmp -s "$here/requirements.txt" "$VENV/requirements.txt" && return
  say "getting the Python packages"
  python3 -m venv --clear "$VENV"
  quietly "$WORK/pip.log" "$VENV/bin/pip" install -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$VENV/requirements.txt"
}

get_flink() {
  need java default-jre-headless javac default-jdk-headless mvn maven
  local source
  source=$(cat "$here"/peers/flink/{pom.xml,src/main/java/*.java} | sha256sum)
  [[ -f $FLINK/source && $(<"$FLINK/source") == "$source" ]] && return
  say "building the Flink peer"
  rm -rf "$FLINK"
  quietly "$WORK/maven.log" mvn -B -f "$here/peers/flink/pom.xml" -DbuildDirectory="$FLINK" compile \
    dependency:copy-dependencies -DoutputDirectory="$FLINK/lib"
  printf '%s' "$source" >"$FLINK/source"
}

# Kafka and Elasticsearch of our own, so that no test disturbs them or is disturbed.
bring_up_lab() {
  export LAB_DATA=$root/target/lab-bench LAB_DIST=${LAB_DIST:-$root/target/lab/dist} LAB_ES_HEAP=2g LAB_KAFKA_HEAP=1g
  "$root/tests/lab/up.sh" kafka elasticsearch
  # shellcheck source=/dev/null
  . "$LAB_DATA/env"
  export KAFKA=$BPMONITOR_TEST_KAFKA ES=$BPMONITOR_TEST_ELASTICSEARCH
  export KAFKA_PIDS=$LAB_DATA/run/kafka/pid ELASTICSEARCH_PIDS=$LAB_DATA/run/elasticsearch/pid
}

arguments=" $* "
# wants NAME: whether peers of that name are to be measured: by default all, but for --quick.
wants() {
  case $arguments in
  *" --peers "*) [[ $arguments =~ " --peers "[^[:space:]]*"$1" ]] ;;
  *" --quick "*) false ;;
  esac
}

if [[ $arguments == *" --help "* || $arguments == *" -h "* ]]; then
  sed -n '/^# /s/^# //p; /^set/q' "${BASH_SOURCE[0]}"
  exit
fi
"${CARGO:-cargo}" build --locked --release -p bpmonitor-classifier -p bpmonitor-bench --features bpmonitor-bench/cluster
need openssl openssl
get_python
quietly "$WORK/test.log" "$VENV/bin/python" "$here/test_promises.py"
! wants rsyslog || get_rsyslog
! wants flink || get_flink
bring_up_lab
trap '"$root/tests/lab/down.sh" kafka elasticsearch' EXIT
"$VENV/bin/python" -m harness "$@"
