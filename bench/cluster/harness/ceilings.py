"""What the servers give to clients that do nothing else: the most that any peer can reach."""

import json
import subprocess
import sys
import time

from . import elastic, places, results, truth
from .machine import Spent
from .peers import Run
from .rate import Seen
from .recorder import Recorder

# Bulks are also put together to this size, in bytes, should those of the peer be too small for Elasticsearch.
GATHERED = 5_000_000


def consume(topic, round_number):
    """Records a second, of a consumer in Rust and one in Python."""
    facts = topic.fill()
    for client, command in (
        ("rust", [places.PROGRAMS / "bench-count", "--kafka", places.KAFKA, "--topic", topic.name, "--group"]),
        ("python", [sys.executable, "-m", "harness.count", places.KAFKA, topic.name]),
    ):
        spent = Spent()
        answer = call([*command, f"bench-count-{time.time_ns()}"])
        if answer["records"] != facts["observations"]:
            raise RuntimeError(f"{topic.name} does not hold what was published: {answer}")
        servers = spent.until_now(0)
        results.add(
            "consume", client=client, topic=topic.name, round=round_number, observations=answer["records"],
            per_second=(answer["records"] - 1) / answer["seconds"], kafka_cpu_us=servers["kafka"] / answer["records"] * 1e6,
        )


def recording(peer):
    return places.WORK / f"bulks-{peer.name}"


def record(peer):
    """Keeps the bulks that a peer sends, exactly as it sends them. Warms Elasticsearch up, too."""
    print(f"recording what {peer.name} sends, which warms Elasticsearch up, too", flush=True)
    facts = peer.topic.fill()
    documents = sum(truth.expected(facts)[0].values())
    with Recorder(recording(peer)) as recorder:
        run = Run(peer, peer.topic.name, f"bench-{peer.name}", elasticsearch=recorder.url)
        elastic.new_index(run.index, peer.mappings)
        with run.start() as child:
            Seen(child, run.index, documents)
    elastic.remove(run.index)
    run.clean()


def bulk(peer, round_number):
    """Documents a second, of the bulks that a peer was seen to send."""
    for connections, gather in ((1, 0), (2, 0), (2, GATHERED)):
        alias = f"bench-bulk-{peer.name}"
        elastic.new_index(alias, peer.mappings)
        spent = Spent()
        answer = call([sys.executable, "-m", "harness.bare_bulk", recording(peer), alias, connections, gather])
        servers = spent.until_now(0)
        if elastic.documents(alias) != answer["documents"]:
            raise RuntimeError(f"the bare client has written {elastic.documents(alias)} documents: {answer}")
        results.add(
            "bulk", bodies=peer.name, connections=connections, gathered=gather > 0, round=round_number,
            documents=answer["documents"], per_second=answer["documents"] / answer["seconds"], bulk_bytes=answer["bulk_bytes"],
            cpu_us=answer["cpu_us"], elasticsearch_cpu_us=servers["elasticsearch"] / answer["documents"] * 1e6,
        )
        elastic.remove(alias)


def call(command):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)
