"""A librdkafka consumer that only counts, from Python: usage: python -m harness.count KAFKA TOPIC GROUP"""

import json
import sys
import time

from confluent_kafka import Consumer, TopicPartition


def main(kafka, topic, group):
    consumer = Consumer({
        "bootstrap.servers": kafka, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
    })
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    expected = sum(consumer.get_watermark_offsets(TopicPartition(topic, number))[1] for number in partitions)
    consumer.subscribe([topic])
    count = size = 0
    begun = None
    while count < expected:
        messages = consumer.consume(5000, 0.5)
        if messages and begun is None:
            begun = time.monotonic()
        count += len(messages)
        size += sum(len(message.value()) for message in messages)
    print(json.dumps({"records": count, "bytes": size, "seconds": time.monotonic() - begun}))
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
