"""Measured figures: one JSON object a line, in the order in which they were measured."""

import json
import time

from . import places


def begin():
    """A new run: what was measured before is kept beside."""
    if places.RESULTS.exists():
        places.RESULTS.rename(places.RESULTS.with_suffix(".jsonl.1"))


def add(kind, **figures):
    record = {"kind": kind, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **figures}
    with places.RESULTS.open("a") as out:
        out.write(json.dumps(record) + "\n")
    shown = ", ".join(f"{name} {shorten(value)}" for name, value in figures.items())
    print(f"{record['time'][11:19]} {kind}: {shown}", flush=True)


def shorten(value):
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,.0f}" if isinstance(value, float) else value


def read():
    return [json.loads(line) for line in places.RESULTS.read_text().splitlines()] if places.RESULTS.exists() else []
