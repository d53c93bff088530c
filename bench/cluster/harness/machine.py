"""Processes: starting and ending them, their CPU time and memory, as /proc tells."""

import os
import signal
import subprocess
import time
from pathlib import Path

from . import places

TICKS = os.sysconf("SC_CLK_TCK")
# How long a process may take to end after SIGTERM.
PATIENCE = 30


def cpu_of(process):
    """Seconds of CPU time, user and system, of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICKS


def memory_of(process, which):
    """VmRSS or VmHWM (its peak) of a process, in MB."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(which + ":")) / 1024


def busy():
    """Seconds of CPU time that all processors have spent since the machine started."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + softirq) / TICKS


def servers_cpu():
    """Seconds of CPU time of Kafka and of Elasticsearch so far."""
    return {name: sum(cpu_of(int(line)) for line in pids.read_text().split()) for name, pids in places.SERVERS.items()}


class Spent:
    """What the servers and the whole machine spend from now on, in seconds of CPU time."""

    def __init__(self):
        self.before = servers_cpu(), busy(), time.process_time(), time.monotonic()

    def until_now(self, measured_cpu):
        servers, machine, harness, begun = self.before
        spent = {name: now - servers[name] for name, now in servers_cpu().items()}
        others = busy() - machine - sum(spent.values()) - (time.process_time() - harness) - measured_cpu
        return {**spent, "others_cores": others / (time.monotonic() - begun)}


class Child:
    """A program that is measured. Its process is its own group, so that nothing of it is left over."""

    def __init__(self, command, environment, log):
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                list(map(str, command)), env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, cwd=places.WORK,
            )
        self.log = log
        self.begun = time.time()
        self.usage = None

    def has_ended(self):
        if self.usage is None:
            process, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if process:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                self.usage = usage
        return self.usage is not None

    def memory(self):
        return memory_of(self.process.pid, "VmRSS")

    def peak_memory(self):
        return memory_of(self.process.pid, "VmHWM")

    def cpu(self):
        """Seconds of CPU time so far, or in all once it has ended."""
        return self.usage.ru_utime + self.usage.ru_stime if self.usage else cpu_of(self.process.pid)

    def wait(self, limit):
        """Whether it ends by itself within so many seconds."""
        until = time.monotonic() + limit
        while not self.has_ended():
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def stop(self):
        """By SIGTERM; by SIGKILL where that does not help."""
        if not self.has_ended():
            os.kill(self.process.pid, signal.SIGTERM)
            if not self.wait(PATIENCE):
                print(f"did not end within {PATIENCE} s of SIGTERM, so it is killed: see {self.log}", flush=True)
        self.kill()

    def kill(self):
        """All of it, by SIGKILL."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
