"""Accounts for every record of a topic: an Observation is one document in Elasticsearch or one line in the archive, what cannot be
read is one dead letter, and nothing else is there."""

import argparse
import base64
import collections
import json
import pathlib
import ssl
import subprocess
import sys
import urllib.request


def published(path):
    """The ids of the Observations as Kafka has them, and how many records are none."""
    ids, unreadable = [], 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            try:
                ids.append(json.loads(line)["id"])
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
    """Asks as the user elastic."""

    def __init__(self, url, ca, password):
        self.url = url
        self.context = ssl.create_default_context(cafile=ca)
        self.authorization = "Basic " + base64.b64encode(f"elastic:{password}".encode()).decode()

    def ask(self, path, body):
        headers = {"Content-Type": "application/json", "Authorization": self.authorization}
        request = urllib.request.Request(f"{self.url}/{path}", data=json.dumps(body).encode(), headers=headers)
        with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
            return json.load(answer)

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
    for name in ("observations", "archive", "elasticsearch", "ca", "password-file", "index"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    password = pathlib.Path(args.password_file).read_text(encoding="utf-8").strip()
    sent, unreadable = published(args.observations)
    normal = archived(args.archive)
    anomalies = Elasticsearch(args.elasticsearch, args.ca, password).ids(args.index)
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
