"""The command: what is measured, in which order."""

import argparse
import dataclasses
import signal
import sys
from functools import partial

from . import archive, ceilings, crash, kafka, latency, memory, rate, report, results
from .peers import OURS, PEERS

QUICK_OBSERVATIONS = 400_000
QUICK_ARCHIVE = 1_000_000


def main():
    parser = argparse.ArgumentParser(prog="run.sh", usage="run.sh --help")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true")
    size.add_argument("--long", action="store_true")
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--peers")
    parser.add_argument("--rounds", type=int)
    given = parser.parse_args()
    names = (given.peers or ",".join([*OURS, "python-batched"] if given.quick else PEERS)).split(",")
    unknown = sorted(set(names) - PEERS.keys())
    if unknown:
        parser.error(f"there is no peer {', '.join(unknown)}: there are {', '.join(PEERS)}")
    peers = [PEERS[name] for name in names]
    if given.quick:
        peers = [dataclasses.replace(peer, observations=min(peer.observations, QUICK_OBSERVATIONS)) for peer in peers]
        archive.OBSERVATIONS = QUICK_ARCHIVE
    plan = Plan(peers, given.rounds or (1 if given.quick else 3), given.quick, given.long)
    if given.only:
        PARTS[given.only](plan)
    else:
        results.begin()
        for part in PARTS.values():
            part(plan)
    sys.exit(0 if report.write() else 1)


@dataclasses.dataclass
class Plan:
    peers: list
    rounds: int
    is_quick: bool
    is_long: bool

    @property
    def ours(self):
        return [peer for peer in self.peers if peer.is_ours]

    @property
    def pipelines(self):
        """Those that are not there for their throughput alone."""
        return [peer for peer in self.peers if not peer.rates_only]

    def compared(self, names=("bpmonitor", "python-batched")):
        """Those on whose figures a promise rests."""
        return [peer for peer in self.peers if peer.name in names]


def rotated(steps, round_number):
    """The same steps, each round another one first."""
    at = (round_number - 1) % len(steps) if steps else 0
    return steps[at:] + steps[:at]


def measure_rates(plan):
    """Each peer, and beside each of bp-monitor's two what a bare client makes of the same documents."""
    for peer in plan.ours:
        ceilings.record(peer)
    for number in range(1, plan.rounds + 1):
        steps = []
        for peer in plan.peers:
            steps.append(partial(rate.measure, peer, number))
            if peer.is_ours:
                steps.append(partial(ceilings.bulk, peer, number))
        if plan.ours:
            steps.append(partial(ceilings.consume, plan.ours[0].topic, number))
        for step in rotated(steps, number):
            step()


def measure_archive(plan):
    if not plan.compared(["bpmonitor"]):
        return
    for number in range(1, plan.rounds + 1):
        for step in rotated([partial(archive.measure, number), partial(ceilings.consume, archive.topic(), number)], number):
            step()


def measure_latency(plan):
    """Those compared in every round, the others once; in the long form all of them."""
    for number in range(1, plan.rounds + 1):
        for peer in rotated(plan.pipelines if number == 1 or plan.is_long else plan.compared(), number):
            latency.measure(peer, number)


def measure_crashes(plan):
    """Ours in every round, the one that it is compared with once; in the long form all of them, in the quick one only ours."""
    for number in range(1, plan.rounds + 1):
        for peer in plan.pipelines if plan.is_long else plan.compared():
            if peer.is_ours or plan.is_long or (number == 1 and not plan.is_quick):
                crash.measure(peer, number)


def measure_memory(plan):
    if plan.is_long:
        memory.measure()


PARTS = {
    "rates": measure_rates, "archive": measure_archive, "latency": measure_latency, "crashes": measure_crashes,
    "memory": measure_memory,
}


if __name__ == "__main__":
    # So that whatever is running is ended first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kafka.make("bench-rejected")
    main()
