"""Quix Streams with its own sinks: anomalies to Elasticsearch, normal readings to local files."""

import os
import sys
import warnings

warnings.filterwarnings("ignore")

from confluent_kafka import Consumer, TopicPartition  # noqa: E402
from quixstreams import Application  # noqa: E402
from quixstreams.sinks.community.elasticsearch import ElasticsearchSink  # noqa: E402
from quixstreams.sinks.community.file.formats import JSONFormat  # noqa: E402
from quixstreams.sinks.community.file.local import LocalFileSink  # noqa: E402
from quixstreams.utils.json import dumps  # noqa: E402

KAFKA, TOPIC, GROUP = os.environ["KAFKA"], os.environ["TOPIC"], os.environ["GROUP"]


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


def assess(observation):
    systolic = diastolic = None
    for component in observation["component"]:
        for coding in component["code"]["coding"]:
            if coding["code"] == "8480-6":
                systolic = component["valueQuantity"]["value"]
            elif coding["code"] == "8462-4":
                diastolic = component["valueQuantity"]["value"]
    return classify(systolic, diastolic), systolic, diastolic, observation


def document_of(assessed):
    category, systolic, diastolic, observation = assessed
    return {
        "patient_id": observation["subject"]["reference"].rpartition("/")[2],
        "systolic_pressure": systolic,
        "diastolic_pressure": diastolic,
        "anomaly_type": category,
        "observation_id": observation["id"],
        "effective": observation.get("effectiveDateTime"),
    }


def records():
    """How many records the topic has now."""
    consumer = Consumer({"bootstrap.servers": KAFKA, "group.id": GROUP + "-peek"})
    ends = [
        consumer.get_watermark_offsets(TopicPartition(TOPIC, partition))
        for partition in consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
    ]
    consumer.close()
    return sum(end - begin for begin, end in ends)


ends_itself = os.environ.get("EXIT_AT_END", "1") == "1"
count = records() if ends_itself else 0
if ends_itself and not count:
    sys.exit(0)
os.makedirs(os.environ["OUT"], exist_ok=True)
os.chdir(os.environ["OUT"])
application = Application(
    KAFKA, consumer_group=GROUP, auto_offset_reset="earliest", commit_interval=float(os.environ.get("COMMIT_SECONDS", 1)),
    commit_every=int(os.environ.get("COMMIT_RECORDS", 5000)), loglevel="WARNING", auto_create_topics=False,
    processing_guarantee="at-least-once",
)
topic = application.topic(TOPIC, value_deserializer="json", key_deserializer="str")
assessed = application.dataframe(topic).apply(assess)
normal = assessed.filter(lambda it: it[0] == "normal").apply(lambda it: it[3])
normal.sink(LocalFileSink(append=True, directory="normal", format=JSONFormat(dumps=lambda value: dumps(value).decode())))
anomalies = assessed.filter(lambda it: it[0] != "normal").apply(document_of)
anomalies.sink(ElasticsearchSink(
    os.environ["ES"], os.environ["INDEX"], document_id_setter=lambda item: item.value["observation_id"], batch_size=2500,
    max_bulk_retries=8,
))
if count:
    application.run(count=count, collect=False)
else:
    application.run()
