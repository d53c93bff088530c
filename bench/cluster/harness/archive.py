"""How fast bp-monitor archives where every reading is normal, so that Elasticsearch has nothing to do."""

import io
import time

import zstandard

from . import elastic, kafka, results
from .machine import Spent
from .peers import PEERS, Run

OBSERVATIONS = 5_000_000
LIMIT = 600
LOOK_EVERY = 0.1


def topic():
    return kafka.Topic(OBSERVATIONS, mix="normal")


def measure(round_number):
    """With what the product does unless told otherwise: lines in zstd frames, each synced before its offset is committed."""
    normal = topic()
    normal.fill()
    peer = PEERS["bpmonitor"]
    run = Run(peer, normal.name, "bench-archive", variables={"COMPRESSION": "zstd"})
    elastic.new_index(run.index, peer.mappings)
    spent = Spent()
    with run.start() as child, kafka.Group(run.group, run.topic) as group:
        first, at_first, last = await_commits(group, child)
        servers = spent.until_now(child.cpu())
        peak = child.peak_memory()
        child.stop()
    lines, size = lines_of(run)
    results.add(
        "archive", peer=peer.name, round=round_number, observations=OBSERVATIONS,
        per_second=OBSERVATIONS / (last - child.begun), per_second_after_first=(OBSERVATIONS - at_first) / (last - first),
        cpu_us=child.cpu() / OBSERVATIONS * 1e6, peak_mb=peak, lines=lines, bytes_a_line=size / max(lines, 1),
        others_cores=servers["others_cores"],
    )
    elastic.remove(run.index)
    run.clean()


def await_commits(group, child):
    """When the first commit was seen and how many records it held, and when all were committed."""
    first, at_first = None, 0
    while True:
        committed, now = group.committed(), time.time()
        if committed and first is None:
            first, at_first = now, committed
        if committed >= OBSERVATIONS:
            return first, at_first, now
        if child.has_ended() or now - child.begun > LIMIT:
            raise RuntimeError(f"only {committed} of {OBSERVATIONS} records are committed: see {child.log}")
        time.sleep(LOOK_EVERY)


def lines_of(run):
    """How many lines there are in the segments, and how many bytes the segments have."""
    lines = size = 0
    for path in run.files():
        size += path.stat().st_size
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
            reader = io.BufferedReader(stream, 1 << 20)
            while block := reader.read(1 << 20):
                lines += block.count(b"\n")
    return lines, size
