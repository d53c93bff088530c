"""What the project promises of these figures, and whether it holds. Every ratio is of figures from the same round."""

import statistics
from dataclasses import dataclass

FASTER_THAN_THE_BEST = 2.0
CPU_OF_THE_BEST = 0.4
OF_A_BARE_BULK_CLIENT = 0.8
OF_A_COUNTING_CONSUMER = 0.4
P50_MS, P99_MS = 5, 25
MEMORY_MB = 128
MEMORY_GROWTH = 1.1
CRASH_FAULTS = ("lost_documents", "doubled_documents", "wrong_documents", "lost_lines", "repeated_lines", "wrong_lines", "torn_lines")


@dataclass
class Promise:
    what: str
    measured: str
    promised: str
    is_kept: bool


def check(records, ours, others):
    """Those promises whose figures were measured."""
    by_kind = {}
    for record in records:
        by_kind.setdefault(record["kind"], []).append(record)
    rates, latencies = by_kind.get("rate", []), by_kind.get("latency", [])
    found = [
        *throughput(rates, others), *bulk(rates, by_kind.get("bulk", [])),
        *archive(by_kind.get("archive", []), by_kind.get("consume", [])), *latency(latencies),
        *memory(rates, by_kind.get("archive", []), by_kind.get("memory", []), ours), *right(rates, ours),
        *crash(by_kind.get("crash", []), ours),
    ]
    return [promise for promise in found if promise]


def of(records, **wanted):
    return [record for record in records if all(record.get(name) == value for name, value in wanted.items())]


def ratios(upper, lower, best=max):
    """For each round that has both: the figure of the one, by the best figure of the others."""
    found = []
    for round_number, value in upper:
        values = [other for number, other in lower if number == round_number]
        if values:
            found.append(value / best(values))
    return found


def figures(records, name):
    return [(record["round"], record[name]) for record in records]


def ratio(what, values, promised, is_kept):
    if not values:
        return None
    middle = statistics.median(values)
    measured = f"{middle:.2f}" if len(values) == 1 else f"{middle:.2f} ({min(values):.2f} to {max(values):.2f})"
    return Promise(what, measured, promised, is_kept(middle))


def throughput(rates, others):
    six = of(rates, peer="bpmonitor-six")
    # Who loses or invents documents is nobody to be compared with.
    peers = [record for record in rates if record["peer"] in others and record["is_as_its_rule"]]
    speed, cpu = "per_second_after_first", "cpu_us"
    yield ratio(
        "six fields: throughput, of the best peer's", ratios(figures(six, speed), figures(peers, speed)),
        f"at least {FASTER_THAN_THE_BEST}", lambda value: value >= FASTER_THAN_THE_BEST,
    )
    yield ratio(
        "six fields: CPU an observation, of the best peer's", ratios(figures(six, cpu), figures(peers, cpu), min),
        f"at most {CPU_OF_THE_BEST}", lambda value: value <= CPU_OF_THE_BEST,
    )
    for name in others:
        peer = of(peers, peer=name)
        faster = ratios(figures(six, speed), figures(peer, speed))
        cheaper = ratios(figures(six, cpu), figures(peer, cpu))
        if faster:
            is_behind = min(faster) > 1 > max(cheaper)
            yield Promise(
                f"{name} is behind in every round", f"{statistics.median(faster):.1f} x, {statistics.median(cheaper):.2f} of its CPU",
                "both", is_behind,
            )


def bulk(rates, bulks):
    # Where each observation becomes a document: a normal one costs work that the bare client does not have.
    peer = "bpmonitor-anomalies"
    ours = figures(of(rates, peer=peer), "documents_per_second")
    yield ratio(
        "whole document: documents a second, of a bare bulk client's", ratios(ours, figures(of(bulks, bodies=peer), "per_second")),
        f"at least {OF_A_BARE_BULK_CLIENT}", lambda value: value >= OF_A_BARE_BULK_CLIENT,
    )


def archive(archives, consumes):
    topics = {record["topic"] for record in consumes if "normal" in record["topic"]}
    counted = [record for record in consumes if record["topic"] in topics]
    yield ratio(
        "archive alone: records a second, of a consumer that counts",
        ratios(figures(archives, "per_second_after_first"), figures(counted, "per_second")),
        f"at least {OF_A_COUNTING_CONSUMER}", lambda value: value >= OF_A_COUNTING_CONSUMER,
    )
    if archives:
        is_whole = all(record["lines"] == record["observations"] for record in archives)
        yield Promise("archive alone: every line is there", "yes" if is_whole else "no", "yes", is_whole)


def latency(latencies):
    ours = of(latencies, peer="bpmonitor")
    for name, limit in (("p50_ms", P50_MS), ("p99_ms", P99_MS)):
        if ours:
            middle = statistics.median(record[name] for record in ours)
            what = f"at {ours[0]['per_second']} a second: {name[:3]} to Elasticsearch"
            yield Promise(what, f"{middle:.0f} ms", f"at most {limit} ms", middle <= limit)
    yield ratio(
        "at that rate: CPU an observation, of python-batched's",
        ratios(figures(ours, "cpu_us"), figures(of(latencies, peer="python-batched"), "cpu_us")), "at most 1", lambda value: value <= 1,
    )


def memory(rates, archives, long, ours):
    peaks = [record["peak_mb"] for record in [*rates, *archives, *long] if record["peer"] in ours]
    if peaks:
        yield Promise("peak of resident memory at full load", f"{max(peaks):.0f} MB", f"below {MEMORY_MB} MB", max(peaks) < MEMORY_MB)
    for record in long:
        growth = record["late_mb"] / record["early_mb"]
        yield Promise(
            f"memory over {record['observations']:,} observations: at the end, of what it was near the start", f"{growth:.2f}",
            f"at most {MEMORY_GROWTH}", growth <= MEMORY_GROWTH,
        )


def right(rates, ours):
    mine = [record for record in rates if record["peer"] in ours]
    if mine:
        is_right = all(record["is_right"] and record["is_as_its_rule"] for record in mine)
        yield Promise("every category's documents and every normal line are there", "yes" if is_right else "no", "yes", is_right)


def crash(crashes, ours):
    mine = [record for record in crashes if record["peer"] in ours]
    if mine:
        faults = sum(record[name] for record in mine for name in CRASH_FAULTS)
        yield Promise(f"kill -9, {len(mine)} times: lost, doubled, repeated or torn", str(faults), "0", faults == 0)
