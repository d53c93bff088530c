"""What a kill -9 loses, doubles and tears: killed at about a third of the work, then started again until it is done."""

import collections
import json
import time

from . import elastic, kafka, places, results, truth
from .peers import Run

KILL_AT = 0.35
# At most so many observations: what a peer does until the kill must last longer than a look at it.
OBSERVATIONS = 500_000
# How long nothing may change until a peer is taken for done, in seconds: the group waits 45 s for the member that was killed.
QUIET = 75
# How long it may go on once all seems to be done.
SETTLE = 6
LIMIT = 600


def measure(peer, round_number):
    topic = kafka.Topic(min(peer.observations, OBSERVATIONS))
    topic.fill()
    anomalies, normal = ids(topic, peer.rule)
    run = Run(peer, topic.name, f"bench-crash-{peer.name}")
    elastic.new_index(run.index, peer.mappings)
    with kafka.Group(run.group, run.topic) as group:
        with run.start(ends_itself=False) as child:
            await_share(run.index, KILL_AT * len(anomalies), child)
            child.kill()
        killed_at, committed = elastic.indexed(run.index), group.committed()
        with run.start(ends_itself=False) as child:
            await_end(run.index, len(anomalies), group, topic.observations, child)
        written = elastic.indexed(run.index)
    documents = collections.Counter(source["observation_id"] for source in elastic.sources(run.index, ["observation_id"]))
    lines, torn = archived(run)
    results.add(
        "crash", peer=peer.name, round=round_number, observations=topic.observations, documents=len(anomalies),
        killed_at=killed_at, committed_at_kill=committed, written_again=written - len(documents),
        lost_documents=len(anomalies - documents.keys()), doubled_documents=documents.total() - len(documents),
        wrong_documents=len(documents.keys() - anomalies), lost_lines=len(normal - lines.keys()),
        repeated_lines=lines.total() - len(lines), wrong_lines=len(lines.keys() - normal), torn_lines=torn,
    )
    elastic.remove(run.index)
    run.clean()


def ids(topic, rule):
    """The ids that must become documents, and those that must become lines."""
    path = places.WORK / "observations.ndjson"
    topic.write(path)
    anomalies, normal = set(), set()
    with path.open("rb") as lines:
        for line in lines:
            observation = json.loads(line)
            is_normal = rule(*truth.pressures(observation)) == "normal"
            (normal if is_normal else anomalies).add(observation["id"])
    path.unlink()
    return anomalies, normal


def await_share(index, documents, child):
    until = time.monotonic() + LIMIT
    while elastic.indexed(index) < documents:
        if child.has_ended() or time.monotonic() > until:
            raise RuntimeError(f"it did not come as far as to be killed: see {child.log}")
        time.sleep(0.01)


def await_end(index, documents, group, observations, child):
    """Until all is committed and written and has been so for a moment, or until nothing has changed for a while."""
    seen, since, until = None, time.monotonic(), time.monotonic() + LIMIT
    while time.monotonic() < until and not child.has_ended():
        now = elastic.indexed(index), group.committed()
        if now != seen:
            seen, since = now, time.monotonic()
        is_done = now[0] >= documents and now[1] >= observations
        if time.monotonic() - since > (SETTLE if is_done else QUIET):
            return
        time.sleep(0.5)


def archived(run):
    """How often each id occurs in the lines of normal readings, and how many lines cannot be read."""
    found, torn = collections.Counter(), 0
    for path in run.files():
        for line in path.read_bytes().splitlines():
            try:
                found[id_of(json.loads(line))] += 1
            except (ValueError, KeyError, TypeError):
                torn += 1
    return found, torn


def id_of(line):
    """The id of an Observation as it was received, of one that quix wrapped, or of one of bp-monitor's lines."""
    if "reading" in line:
        return line["reading"]["observation_id"]
    return line.get("_value", line)["id"]
