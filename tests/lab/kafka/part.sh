# Kafka, one node that is broker and controller: how it is got, set up, started and asked. To be sourced by lab.sh.
# shellcheck shell=bash disable=SC2154

readonly KAFKA_TOOLS=(
  kafka-acls=org.apache.kafka.tools.AclCommand
  kafka-configs=kafka.admin.ConfigCommand
  kafka-console-consumer=org.apache.kafka.tools.consumer.ConsoleConsumer
  kafka-console-producer=org.apache.kafka.tools.ConsoleProducer
  kafka-consumer-groups=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand
  kafka-consumer-perf-test=org.apache.kafka.tools.ConsumerPerformance
  kafka-delete-records=org.apache.kafka.tools.DeleteRecordsCommand
  kafka-get-offsets=org.apache.kafka.tools.GetOffsetShell
  kafka-producer-perf-test=org.apache.kafka.tools.ProducerPerformance
  kafka-storage=kafka.tools.StorageTool
  kafka-topics=org.apache.kafka.tools.TopicCommand
)

kafka_version() { pom_property kafka kafka.version; }
kafka_pins() { cat "$lab_scripts/kafka/pom.xml"; }

kafka_fetch() { # DIR
  need java default-jre-headless mvn maven
  quietly "$dist/maven.log" mvn -B -C -f "$lab_scripts/kafka/pom.xml" "$MAVEN_DEPENDENCY_PLUGIN:copy-dependencies" \
    -DincludeScope=runtime -DoutputDirectory="$1"
}

# Metadata, version 1, of no topic; answered with one broker that takes requests. Spoken by hand, for a tool takes two seconds to start.
kafka_serves() {
  local answer
  answer=$({
    exec 3<>"/dev/tcp/127.0.0.1/$port_kafka"
    printf '\0\0\0\x0e\0\x03\0\x01\0\0\0\x07\xff\xff\0\0\0\0' >&3
    timeout 3 head -c 12 <&3 | od -An -v -tx1 | tr -d ' \n'
  } 2>/dev/null) || return 1
  [[ $answer == ????????0000000700000001 ]]
}

kafka_env() {
  cat <<ENV
BPMONITOR_TEST_KAFKA=127.0.0.1:$port_kafka
BPMONITOR_TEST_KAFKA_MTLS=127.0.0.1:$port_kafka_mtls
BPMONITOR_TEST_KAFKA_SCRAM=127.0.0.1:$port_kafka_scram
BPMONITOR_TEST_KAFKA_PKI=$run/kafka/pki
BPMONITOR_TEST_KAFKA_SCRAM_PASSWORD_FILE=$run/kafka/scram/pipeline
BPMONITOR_TEST_KAFKA_SCRAM_STRANGER_PASSWORD_FILE=$run/kafka/scram/stranger
BPMONITOR_TEST_KAFKA_TOOLS=$run/bin
ENV
}

# The foreign CA has the name of the right one, for a client does not even show a certificate of a CA that the broker does not name.
kafka_pki() {
  authority ca "/O=lab/CN=cluster-ca"
  authority clients-ca "/O=lab/CN=clients-ca"
  authority foreign-ca "/O=lab/CN=clients-ca"
  server_certificate server "/O=lab/CN=kafka" ca
  client_certificate pipeline "/CN=pipeline" clients-ca
  client_certificate stranger "/CN=stranger" clients-ca
  client_certificate foreign "/CN=pipeline" foreign-ca
  cat server.key server.crt >server.pem
}

kafka_properties() {
  cat <<PROPERTIES
controller.quorum.voters=1@127.0.0.1:$port_kafka_controller
listeners=PLAINTEXT://127.0.0.1:$port_kafka,SSL://127.0.0.1:$port_kafka_mtls,SASL_SSL://127.0.0.1:$port_kafka_scram,CONTROLLER://127.0.0.1:$port_kafka_controller
log.dirs=$run/kafka/data
PROPERTIES
  kafka_settings "$run/kafka/pki"
}

# kafka_settings PKI: all but where it listens and has its data. SSL is the listener that asks for client certificates.
kafka_settings() {
  cat <<PROPERTIES
process.roles=broker,controller
node.id=1
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT

ssl.keystore.type=PEM
ssl.keystore.location=$1/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$1/clients-ca.crt
listener.name.ssl.ssl.client.auth=required
listener.name.sasl_ssl.ssl.client.auth=none
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;

# who comes by the plaintext listener may do all: it is how tests set up topics and ACLs
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=false

auto.create.topics.enable=false
num.partitions=3
message.max.bytes=33554432
replica.fetch.max.bytes=33554432

# one node, which is back soon after a kill: it waits until its former self has timed out, and has few partitions of its own
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# what is past its retention goes at once, not within minutes: a test that leans on it staying fails each time, not now and then
log.initial.task.delay.ms=1000
log.retention.check.interval.ms=1000

# tests wait for no member, and have short sessions
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=100
PROPERTIES
}

kafka_log4j() { # LEVEL TARGET
  cat <<LOG4J
Configuration:
  Appenders:
    Console:
      name: console
      target: $2
      PatternLayout: {pattern: "[%d] %p %m (%c)%n"}
  Loggers:
    Root: {level: $1, AppenderRef: [{ref: console}]}
LOG4J
}

# kafka_tools DIST SERVER: the tools, for this broker unless they are told another, and quick to start.
kafka_tools() {
  local tool
  mkdir -p "$run"/{bin,kafka}
  kafka_log4j WARN SYSTEM_ERR >"$run/kafka/log4j2-tools.yaml"
  for tool in "${KAFKA_TOOLS[@]}"; do
    cat >"$run/bin/${tool%=*}.unfinished" <<TOOL
#!/usr/bin/env bash
# ${tool%=*} of the lab's Kafka. Written by tests/lab/up.sh.
server=(--bootstrap-server $2)
[[ \${0##*/} != kafka-storage && " \$* " != *" --bootstrap-"* && " \$* " != *" --version "* ]] || server=()
exec java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=$run/kafka/log4j2-tools.yaml \\
  -cp '$1/*' ${tool#*=} "\${server[@]}" "\$@"
TOOL
    chmod +x "$run/bin/${tool%=*}.unfinished"
    mv "$run/bin/${tool%=*}.unfinished" "$run/bin/${tool%=*}"
  done
}

kafka_format() {
  rm -rf "$run/kafka/data"
  quietly "$run/kafka/format.log" "$run/bin/kafka-storage" format --config "$run/kafka/server.properties" \
    --cluster-id "$("$run/bin/kafka-storage" random-uuid)" \
    --add-scram "SCRAM-SHA-512=[name=pipeline,password=$(<"$run/kafka/scram/pipeline")]" \
    --add-scram "SCRAM-SHA-512=[name=stranger,password=$(<"$run/kafka/scram/stranger")]"
  touch "$run/kafka/.formatted"
}

kafka_prepare() { # PART DIST
  need_java
  mkdir -p "$run/kafka/scram"
  make_pki "$run/kafka/pki" kafka_pki
  secret "$run/kafka/scram/pipeline"
  secret "$run/kafka/scram/stranger"
  kafka_properties >"$run/kafka/server.properties"
  kafka_log4j INFO SYSTEM_OUT >"$run/kafka/log4j2.yaml"
  kafka_tools "$2" "127.0.0.1:$port_kafka"
  [[ -f $run/kafka/.formatted ]] || kafka_format
}

kafka_log() { printf '%s' "$run/kafka/kafka.log"; } # PART

kafka_asked_heap() { printf '%s' "${LAB_KAFKA_HEAP:-}"; } # PART

kafka_start() { # PART DIST
  cd "$run/kafka" || return
  [[ ! -f kafka.log ]] || mv kafka.log kafka.log.1
  ulimit -n "$(ulimit -Hn)"
  setsid java -Xms512m "-Xmx${LAB_KAFKA_HEAP:-1g}" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Djava.awt.headless=true \
    "$(marker kafka)" "-Dlog4j2.configurationFile=$run/kafka/log4j2.yaml" -cp "$2/*" \
    kafka.Kafka "$run/kafka/server.properties" </dev/null >"$(kafka_log)" 2>&1 9>&- &
  await 30 shows kafka "$!"
}
