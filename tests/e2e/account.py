"""Accounts for every record of a topic: an Observation is one document in Elasticsearch or one line in the archive, what cannot be
read is one dead letter, and nothing else is there."""

import argparse
import collections
import json
import pathlib
import subprocess
import sys


def published(path):
    """The ids of the Observations as Kafka's tool writes them, after time, partition and offset; and how many records are none."""
    ids, unreadable = [], 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            try:
                ids.append(json.loads(line.split("\t", 3)[3])["id"])
            except ValueError:
                unreadable += 1
    return ids, unreadable


def archived(directory):
    """The ids of normal readings; a line without a reading takes one back, and a simulated ward takes none back."""
    ids = []
    for segment in sorted(pathlib.Path(directory).rglob("*.jsonl.zst*")):
        text = subprocess.run(["zstdcat", "--format=zstd", str(segment)], check=True, capture_output=True).stdout
        for line in text.splitlines():
            reading = json.loads(line)["reading"]
            if reading is None:
                sys.exit(f"{segment}: a reading was taken back, which nobody did")
            ids.append(reading["observation_id"])
    return ids


class Elasticsearch:
    """Asks with curl, as the rest of the test does."""

    def __init__(self, url, curlrc):
        self.url = url
        self.curl = ["curl", "-q", "-s", "-S", "-f", "--max-time", "60", "-K", curlrc, "-H", "Content-Type: application/json"]

    def ask(self, path, body):
        answer = subprocess.run([*self.curl, f"{self.url}/{path}", "-d", json.dumps(body)], check=True, capture_output=True)
        return json.loads(answer.stdout)

    def ids(self, index):
        """The Observations' ids of all documents."""
        query = {"size": 5000, "_source": ["observation_id", "withdrawn"], "sort": ["_doc"]}
        page = self.ask(f"{index}/_search?scroll=1m", query)
        ids = []
        while page["hits"]["hits"]:
            for hit in page["hits"]["hits"]:
                if hit["_source"].get("withdrawn"):
                    sys.exit(f"{hit['_id']} was withdrawn, which nobody did")
                ids.append(hit["_source"]["observation_id"])
            page = self.ask("_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        return ids


def twice(ids):
    """The ids that are there more than once."""
    return [name for name, times in collections.Counter(ids).items() if times > 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dead-letters", type=int, required=True)
    for name in ("records", "archive", "elasticsearch", "curlrc", "index"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    sent, unreadable = published(args.records)
    normal = archived(args.archive)
    anomalies = Elasticsearch(args.elasticsearch, args.curlrc).ids(args.index)
    print(f"{len(sent)} Observations published: {len(anomalies)} anomalies indexed, {len(normal)} normal readings archived; "
          f"{unreadable} records that nobody can read, {args.dead_letters} dead letters")
    found = set(normal) | set(anomalies)
    wrong = {
        "published twice": twice(sent),
        "archived twice": twice(normal),
        "indexed twice": twice(anomalies),
        "both normal and an anomaly": sorted(set(normal) & set(anomalies)),
        "lost": sorted(set(sent) - found),
        "of nobody": sorted(found - set(sent)),
    }
    for what, ids in wrong.items():
        if ids:
            print(f"{len(ids)} {what}, as {', '.join(ids[:5])}")
    if any(wrong.values()) or not sent or unreadable != args.dead_letters:
        sys.exit(1)


if __name__ == "__main__":
    main()
