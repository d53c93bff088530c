"""The tables: what was measured, as Markdown."""

import os
import platform
import statistics

from . import peers, places, promises, results
from .promises import of


def write():
    """Writes the tables, and gives whether every promise is kept."""
    records = results.read()
    if not records:
        print("nothing was measured", flush=True)
        return False
    checked = promises.check(records, peers.OURS, peers.OTHERS)
    parts = [
        "# bp-monitor's classifier beside other pipelines", conditions(records), kept(checked), rates(records), ceilings(records),
        archives(records), latencies(records), crashes(records), memory(records),
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    places.TABLE.write_text(text)
    print(f"\n{text}\nwritten to {places.TABLE}; the figures of each run: {places.RESULTS}", flush=True)
    return all(promise.is_kept for promise in checked)


def conditions(records):
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    times = [record["time"] for record in records]
    return (
        f"Measured {times[0]} to {times[-1]} on one machine of {os.cpu_count()} processors and {memory:.0f} GiB, "
        f"{platform.machine()}, which the peer, Kafka and Elasticsearch share. Every figure is the median of its rounds, with the "
        "least and the greatest in parentheses."
    )


def table(title, heads, rows):
    if not rows:
        return ""
    lines = [heads, ["---"] * len(heads), *rows]
    return f"## {title}\n\n" + "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def spread(records, name, digits=0):
    values = [record[name] for record in records]
    middle = f"{statistics.median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def kept(checked):
    rows = [(promise.what, promise.measured, promise.promised, "kept" if promise.is_kept else "**MISSED**") for promise in checked]
    return table("What is promised", ("", "measured", "promised", ""), rows)


def rates(records):
    rows = []
    for name, peer in peers.PEERS.items():
        runs = of(records, kind="rate", peer=name)
        if runs:
            rows.append((
                name, f"{runs[0]['observations']:,}", len(runs), spread(runs, "per_second_after_first"), spread(runs, "per_second"),
                spread(runs, "cpu_us", 1), spread(runs, "peak_mb"), spread(runs, "elasticsearch_cpu_us", 1),
                spread(runs, "kafka_cpu_us", 1), correctness(runs), peer.durability,
            ))
    heads = (
        "peer", "observations", "rounds", "a second, first to last document", "a second, with the program's start", "CPU us each",
        "peak MB", "Elasticsearch's CPU us each", "Kafka's CPU us each", "right", "durability",
    )
    return table("Throughput", heads, rows)


def correctness(runs):
    if all(run["is_right"] and run["is_as_its_rule"] for run in runs):
        return "yes"
    if all(run["is_as_its_rule"] for run in runs):
        return "no: as its own rule has it"
    return "no: " + "; ".join(f"{run['categories']}, {run['lines']} of {run['lines_expected']} lines" for run in runs)


def ceilings(records):
    rows = []
    for client in ("rust", "python"):
        for topic in sorted({record["topic"] for record in of(records, kind="consume", client=client)}):
            runs = of(records, kind="consume", client=client, topic=topic)
            what = f"consumer that counts, {client}, {topic}"
            rows.append((what, spread(runs, "per_second") + " records", "", spread(runs, "kafka_cpu_us", 1)))
    kinds = sorted({(record["bodies"], record["connections"], record["gathered"]) for record in of(records, kind="bulk")})
    for bodies, connections, gathered in kinds:
        runs = of(records, kind="bulk", bodies=bodies, connections=connections, gathered=gathered)
        size = f"bulks of {spread(runs, 'bulk_bytes')} B{', put together' if gathered else ''}"
        what = f"bare bulk client, what {bodies} sends, {size}, {connections} connection(s)"
        rows.append((what, spread(runs, "per_second") + " documents", spread(runs, "elasticsearch_cpu_us", 1), ""))
    return table("What the servers give", ("client", "a second", "Elasticsearch's CPU us each", "Kafka's CPU us each"), rows)


def archives(records):
    runs = of(records, kind="archive")
    rows = [(
        f"{runs[0]['observations']:,}", len(runs), spread(runs, "per_second_after_first"), spread(runs, "per_second"),
        spread(runs, "cpu_us", 2), spread(runs, "peak_mb"), spread(runs, "bytes_a_line", 1),
    )] if runs else []
    heads = (
        "observations", "rounds", "a second, first to last commit", "a second, with the program's start", "CPU us each", "peak MB",
        "bytes a line (zstd)",
    )
    return table("bp-monitor's archive alone: all readings normal", heads, rows)


def latencies(records):
    rows = []
    for name in peers.PEERS:
        runs = of(records, kind="latency", peer=name)
        if runs:
            rows.append((
                name, len(runs), spread(runs, "p50_ms"), spread(runs, "p99_ms"), spread(runs, "most_ms"), spread(runs, "cpu_us"),
                "yes" if all(run["is_complete"] for run in runs) else "no",
            ))
    runs = of(records, kind="latency")
    title = f"From the producer to Elasticsearch, at {runs[0]['per_second']} a second" if runs else ""
    return table(title, ("peer", "rounds", "p50 ms", "p99 ms", "most ms", "CPU us each", "all arrived"), rows)


def crashes(records):
    names, rows = promises.CRASH_FAULTS, []
    for name in peers.PEERS:
        runs = of(records, kind="crash", peer=name)
        if runs:
            rows.append((name, f"{runs[0]['observations']:,}", len(runs), *(spread(runs, each) for each in names)))
    heads = ("peer", "observations", "kills", *(each.replace("_", " ") for each in names))
    return table("Killed by kill -9 at about a third, and started again", heads, rows)


def memory(records):
    rows = [
        (f"{run['observations']:,}", f"{run['early_mb']:.0f}", f"{run['late_mb']:.0f}", f"{run['peak_mb']:.0f}")
        for run in of(records, kind="memory")
    ]
    return table("bp-monitor's resident memory over a long run", ("observations", "MB at 10 to 30 %", "MB from 80 % on", "peak MB"), rows)
