"""Kafka: topics full of observations, and how far a group has come in them."""

import json
import subprocess
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from . import places

PARTITIONS = 3
TIMEOUT = 60


def make(topic):
    """An empty topic; one that is there is kept."""
    admin = AdminClient({"bootstrap.servers": places.KAFKA})
    configuration = {"retention.ms": "-1"}
    try:
        admin.create_topics([NewTopic(topic, PARTITIONS, 1, config=configuration)])[topic].result(TIMEOUT)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
    until = time.monotonic() + TIMEOUT
    while not has_leaders(admin, topic):
        if time.monotonic() > until:
            raise TimeoutError(f"{topic} has no leaders")
        time.sleep(0.05)


def has_leaders(admin, topic):
    found = admin.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions
    return len(found) == PARTITIONS and all(partition.leader >= 0 for partition in found.values())


def remove(topic):
    """Waits until it is gone."""
    admin = AdminClient({"bootstrap.servers": places.KAFKA})
    try:
        admin.delete_topics([topic])[topic].result(TIMEOUT)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise
    until = time.monotonic() + TIMEOUT
    while topic in admin.list_topics(timeout=TIMEOUT).topics:
        if time.monotonic() > until:
            raise TimeoutError(f"{topic} is not gone")
        time.sleep(0.05)


class Group:
    """What a consumer group has committed in a topic. It is looked at without being a member."""

    def __init__(self, group, topic):
        self.consumer = Consumer({"bootstrap.servers": places.KAFKA, "group.id": group, "enable.auto.commit": False})
        self.partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]

    def committed(self):
        """How many records lie before the committed offsets, of all partitions."""
        return sum(max(partition.offset, 0) for partition in self.consumer.committed(self.partitions, timeout=TIMEOUT))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.consumer.close()


def records(topic):
    """How many records a topic has."""
    consumer = Consumer({"bootstrap.servers": places.KAFKA, "group.id": "bench-records", "enable.auto.commit": False})
    try:
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=TIMEOUT) for number in range(PARTITIONS)]
    except KafkaException as error:
        if error.args[0].code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC):
            return 0
        raise
    finally:
        consumer.close()
    return sum(high - low for low, high in ends)


class Topic:
    """A topic of observations, kept from run to run."""

    def __init__(self, observations, mix="ward", seed=1):
        self.observations, self.mix, self.seed = observations, mix, seed
        self.name = f"bench-{mix}-{observations}"
        self.facts = places.WORK / f"topic-{self.name}.json"

    def fill(self):
        """Sees to it that the observations are there, and reads how often each pressure occurs among them."""
        if not self.facts.exists() or records(self.name) != self.observations:
            print(f"publishing {self.observations:,} observations to {self.name}", flush=True)
            self.facts.unlink(missing_ok=True)
            remove(self.name)
            make(self.name)
            self.facts.write_text(self.generate("--kafka", places.KAFKA, "--topic", self.name))
        return json.loads(self.facts.read_text())

    def write(self, path):
        """The same observations in a file, one a line."""
        self.generate("--file", path)

    def generate(self, *where):
        command = [places.PROGRAMS / "bench-observations", "--count", self.observations, "--seed", self.seed, "--mix", self.mix, *where]
        return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True).stdout
