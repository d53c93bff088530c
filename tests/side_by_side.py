#!/usr/bin/env python3
"""Builds the workspace's test programs and runs several at once: most of what they do is wait for servers.

usage: side_by_side.py [CARGO TEST OPTIONS ...]      which tests, which features: as for `cargo test`

Says what each program said when it ends; the longest of the last run begin first. BPMONITOR_TEST_PROGRAMS: how many at once (3).
"""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

AT_ONCE = int(os.environ.get("BPMONITOR_TEST_PROGRAMS", "3"))
# A program that takes longer hangs, in seconds.
LIMIT = 1800
# Those that measure time or memory: nothing may run beside them.
ALONE = {("bpmonitor-local", "live"), ("bpmonitor-producer", "kafka_ward"), ("bpmonitor-operator", "scale")}
ROOT = pathlib.Path(__file__).resolve().parent.parent
CARGO = os.environ.get("CARGO", "cargo")


def programs(options):
    """Builds all; gives package, kind and name of each, its directory, and its executable."""
    build = subprocess.run(
        [CARGO, "test", "--no-run", "--message-format", "json-render-diagnostics", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if build.returncode:
        sys.exit(build.returncode)
    for line in build.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]:
            directory = pathlib.Path(message["manifest_path"]).parent
            target = message["target"]
            yield (named(message["package_id"]), target["kind"][0], target["name"]), directory, message["executable"]


def named(package_id):
    """A package's name: the id ends in `name@version`, or in `directory#version` where the directory is named so."""
    name = package_id.rsplit("#", 1)[-1].split("@")[0]
    return name if not name[0].isdigit() else package_id.rsplit("#", 1)[0].rsplit("/", 1)[-1]


def run(command, directory, environment):
    """Runs to the end, or to the limit; gives the exit code, what it said, and how many seconds it took."""
    begun = time.monotonic()
    process = subprocess.Popen(
        command, cwd=directory, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, code = process.communicate(timeout=LIMIT)[0], process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, code = process.communicate()[0] + f"\nended after {LIMIT} s: it hangs\n".encode(), 1
    return code, said.decode(errors="replace"), time.monotonic() - begun


def main(options):
    times_file = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "test-times.json"
    times = json.loads(times_file.read_text()) if times_file.exists() else {}
    jobs, alone = {}, {}
    for (package, kind, name), directory, executable in programs(options):
        place = alone if (package, name) in ALONE else jobs
        place[f"{package} {kind} {name}"] = ([executable], directory, {"CARGO_MANIFEST_DIR": str(directory)})
    if "--test" not in options:
        jobs["documentation"] = ([CARGO, "test", "--doc", *options], ROOT, {})
    failed = []

    def ended(name, future):
        code, said, seconds = future.result()
        times[name] = seconds
        print(f"--- {name}: {'passed' if code == 0 else 'FAILED'} in {seconds:.0f} s\n{said}", flush=True)
        if code:
            failed.append(name)

    for together, at_once in ((jobs, AT_ONCE), (alone, 1)):
        order = sorted(together, key=lambda name: -times.get(name, LIMIT))
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            running = {pool.submit(run, *together[name]): name for name in order}
            for future in concurrent.futures.as_completed(running):
                ended(running[future], future)
    times_file.write_text(json.dumps(times, indent=1, sort_keys=True))
    print(f"{len(jobs) + len(alone)} test programs, failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
