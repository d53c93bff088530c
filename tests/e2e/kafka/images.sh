# The image of a Kafka that runs as a pod, of the lab's. To be sourced after tests/e2e/images.sh.
# shellcheck shell=bash disable=SC2154

broker_version() { kafka_version; }
broker_pins() {
  kafka_pins
  cat "$here"/kafka/*
}

broker_fetch() { # DIR
  local tool
  mkdir "$1"/{images,kafka,kafka/bin}
  for tool in "${KAFKA_TOOLS[@]}"; do
    # shellcheck disable=SC2016 # the tool's own $@
    printf '#!/bin/sh\nexec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "/opt/kafka/libs/*" %s "$@"\n' "${tool#*=}" \
      >"$1/kafka/bin/${tool%=*}.sh"
  done
  chmod +x "$1"/kafka/bin/*
  cp -r "$(dist_of kafka)" "$1/kafka/libs"
  cp "$here/kafka/start.sh" "$1/kafka"
  buildah_tool
  java_image
  image "$(broker_image "${1%.unfinished}")" "$here/kafka/kafka.Dockerfile" "$1/kafka" "$1/images/kafka.tar"
  rm -r "$1/kafka"
}
broker_image() { printf 'localhost/lab/kafka:%s' "${1##*/}"; } # DIST
