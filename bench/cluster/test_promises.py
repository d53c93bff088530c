"""Tests of harness/promises.py: figures that keep every promise, then each promise broken by one figure."""

import sys
import unittest

sys.dont_write_bytecode = True
from harness import promises  # noqa: E402

OURS, OTHERS = ["bpmonitor", "bpmonitor-six", "bpmonitor-anomalies"], ["python-batched", "quix"]


def rate(peer, round_number, per_second, cpu_us):
    return {
        "kind": "rate", "peer": peer, "round": round_number, "per_second_after_first": per_second, "cpu_us": cpu_us,
        "documents_per_second": per_second / 2, "peak_mb": 60, "is_right": True, "is_as_its_rule": True,
    }


def kept():
    """Figures with nothing to spare in the second of three rounds, which is the median."""
    records = []
    for number, factor in ((1, 1.3), (2, 1.0), (3, 0.9)):
        records += [
            rate("bpmonitor-six", number, 2000 * factor, 4 / factor), rate("bpmonitor", number, 1600 * factor, 5),
            rate("bpmonitor-anomalies", number, 1600 * factor, 5),
            rate("python-batched", number, 1000, 10), rate("quix", number, 300, 40),
            {"kind": "bulk", "bodies": "bpmonitor-anomalies", "round": number, "per_second": 900},
            {"kind": "bulk", "bodies": "bpmonitor-anomalies", "round": number, "per_second": 1000},
            {"kind": "bulk", "bodies": "bpmonitor", "round": number, "per_second": 9999},
            {
                "kind": "archive", "peer": "bpmonitor", "round": number, "per_second_after_first": 400 * factor, "peak_mb": 60,
                "lines": 9, "observations": 9,
            },
            {"kind": "consume", "topic": "bench-normal-9", "round": number, "per_second": 1000},
            {"kind": "consume", "topic": "bench-ward-9", "round": number, "per_second": 9999},
            {"kind": "latency", "peer": "bpmonitor", "round": number, "per_second": 500, "p50_ms": 5, "p99_ms": 25, "cpu_us": 100},
            {"kind": "latency", "peer": "python-batched", "round": number, "per_second": 500, "p50_ms": 99, "p99_ms": 99, "cpu_us": 100},
            {"kind": "crash", "peer": "bpmonitor", "round": number, **dict.fromkeys(promises.CRASH_FAULTS, 0)},
        ]
    records.append({"kind": "crash", "peer": "quix", "round": 1, **dict.fromkeys(promises.CRASH_FAULTS, 7)})
    records.append({"kind": "memory", "peer": "bpmonitor", "observations": 9, "early_mb": 50, "late_mb": 55, "peak_mb": 60})
    return records


def missed(records):
    return [promise.what for promise in promises.check(records, OURS, OTHERS) if not promise.is_kept]


class Promises(unittest.TestCase):
    def test_kept(self):
        self.assertEqual(missed(kept()), [])
        self.assertEqual(len(promises.check(kept(), OURS, OTHERS)), 14)

    def test_what_was_not_measured_is_not_missed(self):
        self.assertEqual(promises.check([], OURS, OTHERS), [])

    def test_each_figure_can_miss_its_promise(self):
        for wanted, name, value in (
            ({"kind": "rate", "peer": "bpmonitor-six", "round": 2}, "per_second_after_first", 1990),
            ({"kind": "rate", "peer": "bpmonitor-six", "round": 2}, "cpu_us", 4.1),
            ({"kind": "rate", "peer": "quix", "round": 3}, "per_second_after_first", 1801),
            ({"kind": "rate", "peer": "quix", "round": 3}, "cpu_us", 4.4),
            ({"kind": "rate", "peer": "bpmonitor-anomalies", "round": 2}, "documents_per_second", 790),
            ({"kind": "rate", "peer": "bpmonitor", "round": 1}, "peak_mb", 128),
            ({"kind": "rate", "peer": "bpmonitor-six", "round": 1}, "is_right", False),
            ({"kind": "rate", "peer": "bpmonitor-six", "round": 1}, "is_as_its_rule", False),
            ({"kind": "archive", "round": 2}, "per_second_after_first", 390),
            ({"kind": "archive", "round": 2}, "lines", 8),
            ({"kind": "latency", "peer": "bpmonitor"}, "p50_ms", 6),
            ({"kind": "latency", "peer": "bpmonitor"}, "p99_ms", 26),
            ({"kind": "latency", "peer": "bpmonitor"}, "cpu_us", 101),
            ({"kind": "memory"}, "late_mb", 56),
            *(({"kind": "crash", "peer": "bpmonitor", "round": 3}, fault, 1) for fault in promises.CRASH_FAULTS),
        ):
            records = kept()
            for record in promises.of(records, **wanted):
                record[name] = value
            with self.subTest(wanted=wanted, name=name):
                self.assertEqual(len(missed(records)), 1, missed(records))

    def test_a_peer_that_is_wrong_is_nobody_to_be_compared_with(self):
        records = kept()
        for record in promises.of(records, kind="rate", peer="quix"):
            record.update(is_as_its_rule=False, per_second_after_first=9000, cpu_us=0.1)
        self.assertEqual(missed(records), [])


if __name__ == "__main__":
    unittest.main()
