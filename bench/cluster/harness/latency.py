"""How long a document takes from the producer's call to its arrival in Elasticsearch, where readings come evenly, and the CPU it costs."""

import json
import time

from confluent_kafka import Producer

from . import elastic, kafka, places, results, truth
from .peers import Run

PER_SECOND = 500
SECONDS = 20
# So many seconds before them are not measured.
WARM_UP = 2
# How long a peer may take to be ready, and to be done with the last.
LIMIT = 60
# Elasticsearch writes into each document when it came, in milliseconds, before it acknowledges it.
STAMP = {"script": {"source": "ctx.arrived = metadata().now.toInstant().toEpochMilli()"}}


def measure(peer, round_number):
    run = Run(peer, f"bench-latency-{peer.name}", f"bench-latency-{peer.name}")
    kafka.remove(run.topic)
    kafka.make(run.topic)
    elastic.ask("PUT", "/_ingest/pipeline/bench-arrived", {"processors": [STAMP]})
    mappings = {**peer.mappings, "properties": {**peer.mappings["properties"], "arrived": {"type": "long"}}}
    elastic.new_index(run.index, mappings, pipeline="bench-arrived")
    first, *observations = observations_of(1 + PER_SECOND * (WARM_UP + SECONDS))
    producer = Producer({"bootstrap.servers": places.KAFKA, "acks": "all", "linger.ms": 0})
    with run.start(ends_itself=False) as child:
        publish(producer, run.topic, first)
        documents = is_document(peer, first)
        await_documents(run.index, documents, child)
        cpu = child.cpu()
        sent, late = publish_evenly(producer, run.topic, observations)
        documents += sum(is_document(peer, observation) for observation in observations)
        await_documents(run.index, documents, child)
        cpu = child.cpu() - cpu
    delays = sorted(
        source["arrived"] - sent[source["observation_id"]] * 1000
        for source in elastic.sources(run.index, ["observation_id", "arrived"]) if source["observation_id"] in sent
    )
    results.add(
        "latency", peer=peer.name, round=round_number, per_second=PER_SECOND, seconds=SECONDS, documents=len(delays),
        p50_ms=percentile(delays, 50), p99_ms=percentile(delays, 99), most_ms=delays[-1],
        cpu_us=cpu / len(observations) * 1e6, late_seconds=late, is_complete=elastic.documents(run.index) == documents,
    )
    elastic.remove(run.index)
    kafka.remove(run.topic)
    run.clean()


def observations_of(count):
    """Observations, the first of them an anomaly to every peer: it shows that a peer is ready."""
    path = places.WORK / "observations.ndjson"
    kafka.Topic(count + 100, seed=7).write(path)
    lines = path.read_bytes().splitlines()
    path.unlink()
    found = [(json.loads(line), line) for line in lines]
    first = next(number for number, (observation, _) in enumerate(found) if truth.category(*truth.pressures(observation)) == "stage2")
    return found[first:first + count]


def is_document(peer, observation):
    return peer.rule(*truth.pressures(observation[0])) != "normal"


def publish(producer, topic, observation):
    resource, line = observation
    producer.produce(topic, line, key=resource["subject"]["reference"].rpartition("/")[2])
    producer.poll(0)


def publish_evenly(producer, topic, observations):
    """Gives when each was sent, but for those of the warm-up, and how late the last one was, in seconds."""
    sent, begun = {}, time.time()
    for number, observation in enumerate(observations):
        wait = begun + number / PER_SECOND - time.time()
        if wait > 0:
            time.sleep(wait)
        if number >= WARM_UP * PER_SECOND:
            sent[observation[0]["id"]] = time.time()
        publish(producer, topic, observation)
    late = time.time() - begun - len(observations) / PER_SECOND
    producer.flush(LIMIT)
    return sent, max(late, 0.0)


def await_documents(index, documents, child):
    until = time.monotonic() + LIMIT
    while elastic.indexed(index) < documents:
        if child.has_ended() or time.monotonic() > until:
            print(f"only {elastic.indexed(index)} of {documents} documents came: see {child.log}", flush=True)
            return
        time.sleep(0.1)


def percentile(ordered, percent):
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
