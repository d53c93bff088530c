"""How long simulated readings took until they were durable, the time without a producer or a classifier included: from when each was due to the
time of the first commit beyond its record, as Kafka keeps it, for what is committed is durable. A classifier's own figures would lack what it
did last before it ended."""

import argparse
import bisect
import datetime
import json
import pathlib
import sys


def commits(path, group, topic):
    """Of each partition, offsets that were committed, ever higher, and when."""
    found = {}
    for record in objects(pathlib.Path(path).read_text(encoding="utf-8")):
        key, value = record["key"]["data"], (record["value"] or {}).get("data")
        if value and (key["group"], key["topic"]) == (group, topic):
            offsets, times = found.setdefault(key["partition"], ([], []))
            if not offsets or value["offset"] > offsets[-1]:
                offsets.append(value["offset"])
                times.append(value["commitTimestamp"])
    return found


def objects(text):
    """JSON objects, which Kafka's tool writes without anything between them."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        found, at = decoder.raw_decode(text, at)
        yield found


def due(observation):
    """When a simulated reading was to be published, in ms; None where it is no reading."""
    try:
        return datetime.datetime.fromisoformat(json.loads(observation)["effectiveDateTime"].replace("Z", "+00:00")).timestamp() * 1000
    except (ValueError, KeyError):
        return None


def waited(path, committed, begin, end):
    """In ms, since they were published and since they were due, of the records between two times."""
    since_published, since_due = [], []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            time, partition, offset, value = line.rstrip("\n").split("\t", 3)
            time, partition, offset = (int(field.split(":")[1]) for field in (time, partition, offset))
            if not begin <= time < end:
                continue
            offsets, times = committed[partition]
            first = bisect.bisect_right(offsets, offset)
            if first == len(offsets):
                sys.exit(f"record {offset} of partition {partition} was never committed")
            since_published.append(times[first] - time)
            was_due = due(value)
            if was_due is not None:
                since_due.append(times[first] - was_due)
    return sorted(since_published), sorted(since_due)


def percentile(waits, share):
    return waits[min(len(waits) - 1, int(len(waits) * share))]


def described(waits):
    return f"p50 {percentile(waits, 0.5):.0f} ms, p99 {percentile(waits, 0.99):.0f} ms, longest {waits[-1]:.0f} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("records", "commits", "group", "topic"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("from", "to", "rate", "limit"):
        parser.add_argument(f"--{name}", type=int, required=True)
    args = vars(parser.parse_args())
    since_published, since_due = waited(args["records"], commits(args["commits"], args["group"], args["topic"]), args["from"], args["to"])
    seconds = (args["to"] - args["from"]) / 1000
    print(f"from published to durable: {described(since_published)}")
    print(f"{len(since_due)} readings in {seconds:.0f} s, from due to durable: {described(since_due)}")
    if len(since_due) < 0.9 * args["rate"] * seconds:
        sys.exit("fewer came than were asked for")
    if percentile(since_due, 0.99) > args["limit"]:
        sys.exit("that is too long")


if __name__ == "__main__":
    main()
