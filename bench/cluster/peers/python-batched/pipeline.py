"""Consume up to 5,000 records at once; write files and a bulk; commit by hand once both are durable."""

import logging
import os
import signal

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from elasticsearch import Elasticsearch, OrjsonSerializer
from elasticsearch.helpers import streaming_bulk

KAFKA, TOPIC, GROUP = os.environ["KAFKA"], os.environ["TOPIC"], os.environ["GROUP"]
INDEX, OUT = os.environ["INDEX"], os.environ["OUT"]
BATCH, WAIT_SECONDS = int(os.environ.get("BATCH", 5000)), float(os.environ.get("WAIT", 0.2))
BULK = 2500


def classify(systolic, diastolic):
    if systolic > 180 or diastolic > 120:
        return "crisis"
    if systolic >= 140 or diastolic >= 90:
        return "stage2"
    if systolic >= 130 or diastolic >= 80:
        return "stage1"
    if systolic < 90 or diastolic < 60:
        return "hypotension"
    if systolic >= 120:
        return "elevated"
    return "normal"


def document_of(observation):
    """The document of an anomaly; none for a normal reading."""
    systolic = diastolic = None
    for component in observation["component"]:
        for coding in component["code"]["coding"]:
            if coding["code"] == "8480-6":
                systolic = component["valueQuantity"]["value"]
            elif coding["code"] == "8462-4":
                diastolic = component["valueQuantity"]["value"]
    if systolic is None or diastolic is None:
        raise ValueError("no systolic or no diastolic pressure")
    category = classify(systolic, diastolic)
    if category == "normal":
        return None
    return {
        "patient_id": observation["subject"]["reference"].rpartition("/")[2],
        "systolic_pressure": systolic,
        "diastolic_pressure": diastolic,
        "anomaly_type": category,
        "observation_id": observation["id"],
        "effective": observation.get("effectiveDateTime"),
    }


def end_of_topic(consumer):
    """Where each partition ends that is not empty."""
    ends = {}
    for partition in consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions:
        _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition))
        if end:
            ends[partition] = end
    return ends


def main():
    logging.basicConfig(level=logging.WARNING)
    os.makedirs(OUT, exist_ok=True)
    elasticsearch = Elasticsearch(
        os.environ["ES"], serializer=OrjsonSerializer(), retry_on_timeout=True, max_retries=10, request_timeout=60
    )
    consumer = Consumer({
        "bootstrap.servers": KAFKA, "group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "enable.auto.offset.store": False, "partition.assignment.strategy": "cooperative-sticky",
    })
    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(number))
    ends_itself = os.environ.get("EXIT_AT_END", "1") == "1"
    left = end_of_topic(consumer) if ends_itself else {}
    consumer.subscribe([TOPIC])
    normal = open(os.path.join(OUT, "normal.jsonl"), "ab", buffering=1 << 20)
    rejected = open(os.path.join(OUT, "rejected.dlq"), "ab")
    while not stop and (left or not ends_itself):
        actions, positions = [], {}
        for message in consumer.consume(BATCH, WAIT_SECONDS):
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    continue
                raise KafkaException(message.error())
            value = message.value()
            try:
                document = document_of(orjson.loads(value))
                if document is None:
                    normal.write(value + b"\n")
                else:
                    actions.append({"_index": INDEX, "_id": document["observation_id"], "_source": document})
            except Exception as error:
                letter = {"reason": repr(error), "value": value.decode("utf-8", "replace")}
                rejected.write(orjson.dumps(letter) + b"\n")
            positions[message.partition()] = message.offset() + 1
        if not positions:
            continue
        bulks = streaming_bulk(
            elasticsearch, actions, chunk_size=BULK, max_retries=8, initial_backoff=0.2, max_backoff=10, raise_on_error=False
        )
        for is_written, answer in bulks:
            if not is_written:
                rejected.write(orjson.dumps(answer) + b"\n")
        for file in (normal, rejected):
            file.flush()
            os.fsync(file.fileno())
        offsets = [TopicPartition(TOPIC, partition, offset) for partition, offset in positions.items()]
        consumer.commit(offsets=offsets, asynchronous=False)
        for partition, offset in positions.items():
            if left.get(partition, offset + 1) <= offset:
                del left[partition]
    consumer.close()


main()
