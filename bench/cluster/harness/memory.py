"""Whether bp-monitor's memory stays where it is over ten million observations at full load."""

import statistics
import time

from . import elastic, kafka, results, truth
from .peers import PEERS, Run

OBSERVATIONS = 10_000_000
LIMIT = 1800
LOOK_EVERY = 1


def measure():
    topic = kafka.Topic(OBSERVATIONS)
    documents = sum(truth.expected(topic.fill())[0].values())
    peer = PEERS["bpmonitor"]
    run = Run(peer, topic.name, "bench-memory")
    elastic.new_index(run.index, peer.mappings)
    looks = []
    with run.start() as child:
        while (count := elastic.indexed(run.index)) < documents:
            looks.append((count / documents, child.memory()))
            if child.has_ended() or time.time() - child.begun > LIMIT:
                raise RuntimeError(f"only {count} of {documents} documents came: see {child.log}")
            time.sleep(LOOK_EVERY)
        peak = child.peak_memory()
    early = [memory for share, memory in looks if 0.1 <= share < 0.3]
    late = [memory for share, memory in looks if share >= 0.8]
    results.add(
        "memory", peer=peer.name, observations=OBSERVATIONS, peak_mb=peak,
        early_mb=statistics.median(early), late_mb=statistics.median(late),
    )
    elastic.remove(run.index)
    run.clean()
    # 12 GB.
    kafka.remove(topic.name)
    topic.facts.unlink()
