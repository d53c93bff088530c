"""How fast a peer empties a topic, at which cost, and whether what comes out is right."""

import time

from . import elastic, kafka, results, truth
from .machine import Spent
from .peers import Run

# How often the count of documents is looked at, in seconds. An error of that size is in each time.
LOOK_EVERY = 0.1
# How long a peer may take, in seconds.
LIMIT = 600
# How long it may take to commit, or to end by itself, once its last document is there.
FINISH = 30


def measure(peer, round_number, **variables):
    """One run on a new group and a new index."""
    facts = peer.topic.fill()
    observations = facts["observations"]
    categories, normal = truth.expected(facts, peer.rule)
    documents = sum(categories.values())
    run = Run(peer, peer.topic.name, f"bench-{peer.name}", variables=variables)
    elastic.new_index(run.index, peer.mappings)
    spent = Spent()
    with run.start() as child, kafka.Group(run.group, run.topic) as group:
        seen = Seen(child, run.index, documents)
        servers = spent.until_now(child.cpu())
        finish(peer, child, group, observations)
        peak = max(seen.peak, child.peak_memory())
        child.stop()
        committed = group.committed()
    found, lines = stored(run.index, peer), run.lines()
    results.add(
        "rate", peer=peer.name, round=round_number, observations=observations, documents=documents,
        per_second=seen.share * observations / (seen.last - child.begun), per_second_after_first=seen.rate() * observations,
        documents_per_second=seen.rate() * documents, first_seconds=seen.first - child.begun, seconds=seen.last - child.begun,
        cpu_us=child.cpu() / observations * 1e6, peak_mb=peak,
        elasticsearch_cpu_us=servers["elasticsearch"] / observations * 1e6, kafka_cpu_us=servers["kafka"] / observations * 1e6,
        others_cores=servers["others_cores"], is_right=found == truth.expected(facts)[0],
        is_as_its_rule=found == categories and lines == normal, categories=found, lines=lines, lines_expected=normal,
        committed=committed, exit=child.process.returncode,
    )
    elastic.remove(run.index)
    run.clean()


class Seen:
    """When the first and the last of the documents arrived. Waits for the last."""

    def __init__(self, child, index, documents):
        self.documents, self.first, self.count_at_first, self.peak = documents, None, 0, 0
        while True:
            has_ended = child.has_ended()
            count, self.last = elastic.indexed(index), time.time()
            self.peak = max(self.peak, child.peak_memory())
            if count and not self.first:
                self.first, self.count_at_first = self.last, count
            if count >= documents and elastic.documents(index) >= documents:
                break
            if has_ended or self.last - child.begun > LIMIT:
                print(f"only {count} of {documents} documents came: see {child.log}", flush=True)
                break
            time.sleep(LOOK_EVERY)
        self.first = self.first or self.last
        self.share = min(1, count / documents)

    def rate(self):
        """Which share of all was done each second, from the first document on: the start of the program is left out."""
        rest = self.share - self.count_at_first / self.documents
        return rest / (self.last - self.first) if self.last > self.first else 0.0


def finish(peer, child, group, observations):
    """Lets it commit and, where it does so, end by itself."""
    if peer.ends_itself:
        child.wait(FINISH)
        return
    until = time.monotonic() + FINISH
    while group.committed() < observations and time.monotonic() < until and not child.has_ended():
        time.sleep(LOOK_EVERY)


def stored(index, peer):
    """How many documents of each category there are, by the names of truth.py."""
    elastic.documents(index)
    found = elastic.categories(index, peer.category_field)
    return {peer.category_of(name): count for name, count in found.items()}
