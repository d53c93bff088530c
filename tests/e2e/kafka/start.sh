#!/bin/sh
# Kafka in its container: with /etc/kafka, on the volume where its properties have the data. Formatted once.
set -eu
data=$(sed -n 's/^log.dirs=//p' /etc/kafka/server.properties)
[ -f "$data/meta.properties" ] ||
  /opt/kafka/bin/kafka-storage.sh format --config /etc/kafka/server.properties --cluster-id bpmonitor-e2e-the-podA
exec java -Xms512m -Xmx512m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Djava.awt.headless=true \
  -Dlog4j2.configurationFile=/etc/kafka/log4j2.yaml -cp '/opt/kafka/libs/*' kafka.Kafka /etc/kafka/server.properties
