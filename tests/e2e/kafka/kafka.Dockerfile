# The lab's Kafka, with its tools where Strimzi's images have them.
FROM localhost/lab/java:1
COPY . /opt/kafka
RUN useradd --uid 1001 --gid 0 --home-dir /opt/kafka --no-create-home kafka
USER 1001:0
ENTRYPOINT ["/opt/kafka/start.sh"]
