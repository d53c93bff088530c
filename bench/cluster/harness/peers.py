"""The pipelines that are measured. To add one: a folder with a run.sh below peers/, and an entry here."""

import json
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import Callable

from . import kafka, machine, places, truth

SIX_FIELDS = {
    "dynamic": False,
    "properties": {
        "patient_id": {"type": "keyword"}, "systolic_pressure": {"type": "float"}, "diastolic_pressure": {"type": "float"},
        "anomaly_type": {"type": "keyword"}, "observation_id": {"type": "keyword"}, "effective": {"type": "date"},
    },
}
WHOLE_DOCUMENT = json.loads(subprocess.run([places.PROGRAMS / "bench-mappings"], stdout=subprocess.PIPE, check=True).stdout)


@dataclass
class Peer:
    name: str
    # How many observations it is measured with: some need minutes for what others do in seconds.
    observations: int
    durability: str
    folder: str = ""
    variables: dict = field(default_factory=dict)
    # Ends by itself at the end of the topic as it was at the start.
    ends_itself: bool = True
    rule: Callable = truth.category
    mappings: dict = field(default_factory=lambda: SIX_FIELDS)
    category_field: str = "anomaly_type"
    is_ours: bool = False
    mix: str = "ward"
    # Is there for its throughput alone.
    rates_only: bool = False

    def category_of(self, stored):
        return truth.LONG_NAMES[stored] if self.category_field == "category" else stored

    @property
    def topic(self):
        return kafka.Topic(self.observations, mix=self.mix)


COMMITS_AFTER = "nothing lost or doubled: offset committed after bulk and synced archive, in one step with the archive's end"
PEERS = {
    peer.name: peer
    for peer in (
        Peer("bpmonitor", 2_000_000, COMMITS_AFTER, ends_itself=False, mappings=WHOLE_DOCUMENT, category_field="category",
             variables={"PROGRAM": "bpmonitor-classifier"}, is_ours=True),
        Peer("bpmonitor-six", 2_000_000, "the same", folder="bpmonitor", ends_itself=False,
             variables={"PROGRAM": "bpmonitor-six"}, is_ours=True),
        Peer("bpmonitor-anomalies", 1_000_000, "the same", folder="bpmonitor", ends_itself=False, mappings=WHOLE_DOCUMENT,
             category_field="category", variables={"PROGRAM": "bpmonitor-classifier"}, is_ours=True, mix="anomalous", rates_only=True),
        Peer("python-batched", 2_000_000, "at least once: offset committed after bulk and sync"),
        Peer("flink", 1_000_000, "at least once: checkpoint every 5 s"),
        Peer("quix", 500_000, "at least once: checkpoint every 1 s"),
        Peer("rsyslog-mem", 500_000, "a crash loses what is queued, up to 100,000", folder="rsyslog", ends_itself=False,
             variables={"QUEUE": "LinkedList", "SYNC": "off"}),
        Peer("rsyslog-disk", 200_000, "small window of loss: offset committed by a timer", folder="rsyslog", ends_itself=False,
             variables={"QUEUE": "Disk", "SYNC": "on"}),
        Peer("python-demo", 20_000, "weak: offset committed by a timer, failed writes dropped, random ids", ends_itself=False,
             rule=truth.demo_category),
    )
}
OURS = [name for name, peer in PEERS.items() if peer.is_ours]
OTHERS = [name for name, peer in PEERS.items() if not peer.is_ours]


@dataclass
class Run:
    """One run of a peer, or several of the same group and output."""

    peer: Peer
    topic: str
    index: str
    elasticsearch: str = places.ELASTICSEARCH
    variables: dict = field(default_factory=dict)

    def __post_init__(self):
        self.group = f"bench-{self.peer.name}-{time.time_ns()}"
        self.out = places.WORK / "out" / self.peer.name
        self.clean()
        self.out.mkdir(parents=True)

    def clean(self):
        """Removes its output, and what it has put beside it."""
        for path in self.out.parent.glob(f"{self.peer.name}*"):
            if path == self.out or path.name.startswith(self.peer.name + "."):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def start(self, ends_itself=True):
        folder = self.peer.folder or self.peer.name
        environment = {
            "ES": self.elasticsearch, "TOPIC": self.topic, "GROUP": self.group, "OUT": str(self.out), "INDEX": self.index,
            "EXIT_AT_END": "1" if ends_itself else "0", **self.peer.variables, **self.variables,
        }
        log = places.WORK / "logs" / f"{self.peer.name}.log"
        log.parent.mkdir(exist_ok=True)
        return machine.Child(["bash", places.PEERS / folder / "run.sh"], environment, log)

    def files(self):
        """What it has written of normal readings: not its own state, rejections, or copies that were not finished."""
        for path in sorted(self.out.rglob("*")):
            is_other = "state" in path.relative_to(self.out).parts or path.suffix in (".dlq", ".part")
            if path.is_file() and not is_other:
                yield path

    def lines(self):
        """How many lines of normal readings there are."""
        count = 0
        for path in self.files():
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    count += block.count(b"\n")
        return count
