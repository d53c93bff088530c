"""Where things are: servers, programs, and the directory that everything measured is written to. run.sh sets the variables."""

import os
from pathlib import Path

KAFKA = os.environ["KAFKA"]
ELASTICSEARCH = os.environ["ES"]
PROGRAMS = Path(os.environ["PROGRAMS"])
WORK = Path(os.environ["WORK"])
# The processes of the servers, to tell their CPU time from the peers'.
SERVERS = {name: Path(os.environ[f"{name.upper()}_PIDS"]) for name in ("kafka", "elasticsearch")}

PEERS = Path(__file__).resolve().parent.parent / "peers"
RESULTS = WORK / "results.jsonl"
TABLE = WORK / "RESULTS.md"
