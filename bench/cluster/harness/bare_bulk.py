"""A bare client: sends recorded bulks as they are, over so many connections. Nothing that sends them can be faster.

usage: python -m harness.bare_bulk FILE INDEX CONNECTIONS [GATHER]      (GATHER: bulks are put together up to so many bytes)
"""

import json
import sys
import threading
import time
from pathlib import Path

from . import elastic, recorder


def gather(bodies, size):
    """Puts bulks together up to a size."""
    together = bytearray()
    for body in bodies:
        if together and len(together) + len(body) > size:
            yield bytes(together)
            together.clear()
        together += body
    if together:
        yield bytes(together)


def send(bodies, index, connections):
    """Sends all, and gives how long it took, in seconds."""
    left, lock, failed = iter(bodies), threading.Lock(), []

    def work():
        connection = elastic.connect()
        while True:
            with lock:
                body = next(left, None)
            if body is None:
                return
            connection.request("POST", f"/{index}/_bulk?filter_path=errors", body, {"Content-Type": "application/x-ndjson"})
            answer = connection.getresponse().read()
            if b'"errors":false' not in answer:
                failed.append(answer[:300])
                return

    threads = [threading.Thread(target=work) for _ in range(connections)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(f"Elasticsearch did not take a bulk: {failed[0]!r}")
    return time.monotonic() - begun


def main(path, index, connections, size=0):
    bodies = list(gather(recorder.bodies(Path(path)), int(size)))
    # Two lines a document.
    documents = sum(body.count(b"\n") for body in bodies) // 2
    cpu = time.process_time()
    seconds = send(bodies, index, int(connections))
    print(json.dumps({
        "documents": documents, "seconds": seconds, "cpu_us": (time.process_time() - cpu) / documents * 1e6,
        "bulk_bytes": sum(map(len, bodies)) / len(bodies),
    }))


if __name__ == "__main__":
    main(*sys.argv[1:])
