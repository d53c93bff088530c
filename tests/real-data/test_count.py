"""Tests of count.py: each row of docs/clinical-rules.md once, so that the counts it gives can be believed.

usage: python3 test_count.py        (or: python3 -m unittest, in this directory)
"""

import io
import json
import os
import random
import subprocess
import sys
import unittest
import unittest.mock

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import count  # noqa: E402

NOW = count.clock("2024-06-30T12:00:00Z")
LOINC = "http://loinc.org"
SYSTOLIC, DIASTOLIC = "8480-6", "8462-4"
GONE = object()


class Written(str):
    """A number exactly as it is to stand in the JSON."""


def dump(value):
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{dump(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value)


def code(*codes, system=LOINC):
    return {"coding": [{"system": system, "code": one} for one in codes]}


def mmhg(value, **more):
    return {"value": value, "unit": "mmHg", "code": "mm[Hg]", **more}


def part(loinc, value=None, **more):
    quantity = value if isinstance(value, dict) else mmhg(value)
    return {"code": code(loinc), **({} if value is None else {"valueQuantity": quantity}), **more}


def reading(systolic=118, diastolic=76, **changes):
    obs = {
        "resourceType": "Observation", "id": "o1", "status": "final", "code": code("85354-9"),
        "subject": {"reference": "Patient/1"}, "effectiveDateTime": "2024-03-01T08:00:00Z",
        "component": [part(side, value) for side, value in ((SYSTOLIC, systolic), (DIASTOLIC, diastolic)) if value is not None],
    }
    obs.update(changes)
    return {name: value for name, value in obs.items() if value is not GONE}


def number(text):
    return Written(text)


def judged(text):
    """Every (line, entry, result) of some text or bytes."""
    data = text if isinstance(text, bytes) else text.encode()
    return [
        (line, entry, result)
        for line, value, size in count.records(io.BytesIO(data))
        for entry, result in count.judge_record(value, size, NOW)
    ]


def short(result):
    return result["category"] if result["category"] else result["reason"] or result["outcome"]


def one(resource):
    (found,) = judged(resource if isinstance(resource, (str, bytes)) else dump(resource))
    return found[2]


def bundle(*entries):
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def dump_nested(inner, bundles):
    """So many Bundles, the last of them `inner`; without recursion."""
    begin, end = dump(bundle({"resource": "@"})).split('"@"')
    return begin * (bundles - 1) + dump(inner) + end * (bundles - 1)


class Table(unittest.TestCase):
    def rows(self, *rows):
        """Each row: a resource, then what it comes to and, where given, its flags."""
        for resource, expected, *flags in rows:
            with self.subTest(resource=str(resource)[:300], expected=expected):
                result = one(resource)
                self.assertEqual(short(result), expected)
                if flags:
                    self.assertEqual(result["flags"], sorted(flags[0].split()))


class Section1Entries(Table):
    def test_documents_lines_and_what_is_broken(self):
        pretty = json.dumps(json.loads(dump(reading())), indent=2)
        line = dump(reading(150, 95))
        lines = len(pretty.split("\n"))
        for text, expected in (
            ("", []),
            ("\n \t\r\n\ufeff\n", []),
            (line, [(1, "hypertension_stage2")]),
            ("\ufeff" + line + "\r\n", [(1, "hypertension_stage2")]),
            (pretty, [(1, "normal")]),
            ("\n\n" + pretty + "\n \n", [(3, "normal")]),
            (f"{line}\n{pretty}\n{line}", [(1, "hypertension_stage2"), (2, "normal"), (lines + 2, "hypertension_stage2")]),
            (f"{pretty}\n{line}\n", [(1, "normal"), (lines + 1, "hypertension_stage2")]),
            (f"{pretty}\n{pretty}", [(1, "normal"), (lines + 1, "normal")]),
            (f"no\n{pretty}\nno", [(1, "not_json"), (2, "normal"), (lines + 2, "not_json")]),
            (f'{{"a":\n{line}\n', [(1, "not_json"), (2, "hypertension_stage2")]),
            (f"{line[:-1]}\n{line}\n", [(1, "not_json"), (2, "hypertension_stage2")]),
            (f"{line} x\n{line}\n", [(1, "not_json"), (2, "hypertension_stage2")]),
            ("{\n\n}\n[\n]", [(1, "not_fhir"), (4, "not_fhir")]),
            ("{\n} x\n{\n}", [(1, "not_json"), (2, "not_json"), (3, "not_fhir")]),
            ('{\n"a": 1', [(1, "not_json"), (2, "not_json")]),
            ('{\n"a": "b\nc"}', [(1, "not_json"), (2, "not_json"), (3, "not_json")]),
        ):
            with self.subTest(text=text[:80]):
                self.assertEqual([(line, short(result)) for line, _, result in judged(text)], expected)

    def test_a_document_may_begin_where_another_ends(self):
        line, high = dump(reading()), dump(reading(150, 95))
        pretty = json.dumps(json.loads(line), indent=2)
        last = len(pretty.split("\n"))
        normal, stage2 = "normal", "hypertension_stage2"
        for text, expected in (
            (line + high, [(1, normal), (1, stage2)]),
            (f"{line} \t{high}\r{line}\n{high}", [(1, normal), (1, stage2), (1, normal), (2, stage2)]),
            (pretty + pretty, [(1, normal), (last, normal)]),
            (f"{pretty}{high}{pretty} {high}\n{line}", [(1, normal), (last, stage2), (last, normal), (2 * last - 1, stage2), (2 * last, normal)]),
            (f"\n{line}{pretty}\n{high}", [(2, normal), (2, normal), (last + 2, stage2)]),
            (f'{line}{{"garbage\n{high}', [(1, normal), (1, "not_json"), (2, stage2)]),
            (f'{pretty}{{"a": }}\n{high}', [(1, normal), (last, "not_json"), (last + 1, stage2)]),
            (f"{line}{{\n{high}\n", [(1, normal), (1, "not_json"), (2, stage2)]),
            (f"{line}{line} x\n{high}", [(1, normal), (1, "not_json"), (2, stage2)]),
            *((f"{line}{other}\n{high}", [(1, "not_json"), (2, stage2)]) for other in (" x", "}", ",", "[]", "1", "null", f",{line}")),
            (f"{{\n}} x{line}\n{high}", [(1, "not_json"), (2, "not_json"), (3, stage2)]),
            (f"\ufeff{line}\ufeff{high}", [(1, normal), (1, stage2)]), (f"{pretty}\n\ufeff{pretty}\ufeff{high}", [(1, normal), (last + 1, normal), (2 * last, stage2)]),
            (f"[]{line}", [(1, "not_fhir"), (1, normal)]), (f"42 {line}", [(1, "not_fhir"), (1, normal)]),
            (line.encode() + b"{\xff}\n" + high.encode(), [(1, normal), (1, "not_json"), (2, stage2)]),
            (line.encode() + b"\xff" + high.encode(), [(1, "not_json")]),
        ):
            with self.subTest(text=text[-80:], lines=text.count(b"\n" if isinstance(text, bytes) else "\n")):
                self.assertEqual([(line, short(result)) for line, _, result in judged(text)], expected)
        self.assertEqual(len(judged("{}" * 200000)), 200000)  # and soon

    def test_json_is_strict(self):
        line = dump(reading(note="@"))
        self.rows(
            (line.replace("@", "\\ud83e\\udda0"), "normal"),
            (line.replace("@", "\\\\ud83e"), "normal"),
            (line.replace("@", "\\x"), "not_json"),
            (line.replace("@", "\x01"), "not_json"),
            (line.encode().replace(b"@", b"\xff"), "not_json"),
            (line.encode().replace(b"@", b"\xed\xa0\xbe"), "not_json"),
            *((line.replace("118", bad), "not_json") for bad in ("NaN", "Infinity", "-Infinity", "+1", "01", "1.", ".5", "0x1", "1e")),
            ("\x0c", "not_json"), ("True", "not_json"), ("{'a':1}", "not_json"), ('{"a":1,}', "not_json"),
        )

    def test_what_is_json_but_not_fhir(self):
        self.rows(
            ("{}", "not_fhir"), ("[]", "not_fhir"), (dump([reading()]), "not_fhir"), ("42", "not_fhir"), ("null", "not_fhir"),
            ('"a"', "not_fhir"), ({"resourceType": 1}, "not_fhir"), ('{"resourceType":"Patient","resourceType":"Patient"}', "not_fhir"),
        )

    def test_bundles(self):
        inner = bundle({"resource": reading(85, 50)}, {"resource": bundle()}, {})
        text = dump(bundle({"resource": reading()}, {}, {"resource": inner}, {"resource": reading(60, 90)}, {"resource": 7}, 7))
        self.assertEqual(
            [(entry, short(result)) for _, entry, result in judged(text)],
            list(enumerate(["normal", "not_observation", "hypotension", "empty_bundle", "not_observation", "implausible", "not_fhir", "not_fhir"])),
        )
        self.rows(
            (bundle(), "empty_bundle"), ({"resourceType": "Bundle"}, "empty_bundle"),
            ({"resourceType": "Bundle", "entry": {}}, "not_fhir"), ('{"resourceType":"Bundle","entry":[],"entry":[]}', "not_fhir"),
        )

    def test_depth_counts_from_the_records_outermost_brace(self):
        def nested(levels):
            return reading(extension=number("[" * (levels - 1) + "]" * (levels - 1)))

        self.rows(
            (nested(128), "normal"), (nested(129), "too_deep"), (nested(5000), "too_deep"), (bundle({"resource": nested(125)}), "normal"),
            (bundle({"resource": nested(126)}), "too_deep"), (bundle({"resource": nested(5000)}), "too_deep"),
            (bundle({"resource": bundle({"resource": nested(122)})}), "normal"), (bundle({"resource": bundle({"resource": nested(123)})}), "too_deep"),
            ("[" * 129 + "]" * 129, "too_deep"), ("[" * 5000, "not_json"),
        )
        beside = [short(result) for _, _, result in judged(dump(bundle({"resource": nested(126)}, {"resource": reading()}, {"resource": nested(5000)}, {"resource": reading()})))]
        self.assertEqual(beside, ["too_deep", "normal", "too_deep", "normal"])
        inner = bundle({"resource": reading()}, {"resource": reading()})
        for bundles in range(1, 2000):
            if bundles in (40, 41, 42, 43, 1999):
                results = [short(result) for _, _, result in judged(dump_nested(inner, bundles))]
                # 41 Bundles: a reading begins at 124 and ends at 129; 42: it cannot begin before 127; 43: not at all
                self.assertEqual(results, ["normal"] * 2 if bundles == 40 else ["too_deep"] * (2 if bundles < 43 else 1))

    def test_size_is_the_records(self):
        self.assertEqual(count.MAX_BYTES, 256 * 1024 * 1024)
        line = dump(reading())
        both = dump(bundle({"resource": reading()}, {"resource": reading()}))
        with unittest.mock.patch.object(count, "MAX_BYTES", len(line)):
            self.rows((line, "normal"), (f" {line}\r\n", "normal"), (dump(reading(note="\u00e9")), "too_large"), ("x" * len(line), "not_json"), ("x" * len(line) + "x", "too_large"), (both, "too_large"))
            self.assertEqual([short(result) for _, _, result in judged(line + line)], ["normal"] * 2)
        with unittest.mock.patch.object(count, "MAX_BYTES", len(both)):
            self.assertEqual([short(result) for _, _, result in judged(both)], ["normal"] * 2)

    def test_what_is_not_needed_may_have_any_shape(self):
        self.rows(
            (reading(interpretation={"text": "x"}, category="?", note=7, performer={"a": [[]]}, text=None), "normal"),
            (dump(reading())[:-1] + ',"note":1,"note":[]}', "normal"),
            (reading(subject={"reference": "Patient/1", "identifier": 7}), "normal"),
            (reading(effectivePeriod=7), "normal"),
            (reading(code={"coding": [{"system": "http://example.org", "code": 7}]}), "normal"),
        )
        line = dump(reading(note="@", performer=[{"display": "@", "@": 1}]))
        self.rows(*((line.replace("@", half), "normal") for half in ("\\ud83e", "\\udda0", "\\ud83e \\udda0", "\\udda0\\ud83e", "\\uD83Ex")))

    def test_what_is_needed_may_not(self):
        quantity = '"value":118'
        self.rows(
            (reading(code="x"), "not_fhir"), (reading(component={}), "not_fhir"), (reading(component=["x"]), "not_fhir"),
            (reading(code={"coding": [{"system": LOINC, "code": 7}]}), "not_fhir"), (reading(status=7), "not_fhir"),
            (reading(id=7), "not_fhir"), (reading({"value": 1, "unit": 7}), "not_fhir"), (reading({"value": 1, "code": 7}), "not_fhir"),
            (reading(mmhg(118, comparator=7)), "not_fhir"), (reading(subject="Patient/1"), "not_fhir"),
            (reading(subject={"reference": 7}), "not_fhir"), (reading(subject={"identifier": 7}), "not_fhir"),
            (reading(effectiveDateTime=2024), "not_fhir"), (reading(effectiveDateTime=GONE, issued=7), "not_fhir"),
            (dump(reading()).replace(quantity, f"{quantity},{quantity}"), "not_fhir"),
            (dump(reading())[:-1] + ',"st\\u0061tus":"final"}', "not_fhir"),
            (dump(reading())[:-1] + ',"component":[]}', "not_fhir"),
            (reading(subject={"reference": "Patient/1", "type": 7}), "not_fhir"), (reading(subject={"identifier": {"system": "s", "value": 7}}), "not_fhir"),
            (reading(subject={"reference": "#p"}, contained=[{"resourceType": "Patient", "id": "p", "identifier": {}}]), "not_fhir"),
            (reading(component=[part(SYSTOLIC, 150), part(DIASTOLIC, 76, dataAbsentReason="unknown")]), "not_fhir"),
        )
        half = "\ud83e"
        self.rows(
            (reading(id=half), "not_fhir"), (reading(status=half), "not_fhir"), (reading(effectiveDateTime=half), "not_fhir"), (reading(subject={"reference": "Patient/" + half}), "not_fhir"),
            (reading({"value": 118, "unit": half}), "not_fhir"), (reading({"value": 118, "code": half}), "not_fhir"), (reading(mmhg(118, comparator=half)), "not_fhir"),
            (reading(code=code("85354-9", half)), "not_fhir"), (reading(subject={"identifier": {"system": "s", "value": half}}), "not_fhir"), ({"resourceType": half}, "not_fhir"),
        )
        self.assertIsNone(one(reading(id=half))["observation_id"])

    def test_blank_and_null_are_absent(self):
        for blank in (None, "", " \t"):
            self.rows(
                (reading(id=blank), "normal"), (reading(id=blank, status="entered-in-error", component=GONE), "no_id"), (reading(status=blank), "no_status"),
                (reading(code=code("85354-9", blank)), "normal"), (reading(code=code(blank)), "normal"), (reading({"value": 118, "unit": blank, "code": blank}), "normal", "unit_missing"),
                (reading(subject={"reference": blank}), "no_subject"), (reading(subject={"reference": blank, "identifier": {"system": "s", "value": "7"}}), "normal"),
            )
            self.assertIsNone(one(reading(id=blank))["observation_id"])
        self.rows((reading(component=None, hasMember=None), "incomplete"), (reading(subject=None), "no_subject"), (reading(effectiveDateTime=None), "no_time"), (reading({"value": None}), "incomplete"))


class Section2Kind(Table):
    def test_each_row(self):
        top = {"component": GONE, "valueQuantity": mmhg(190)}
        members = {"component": GONE, "hasMember": [{"reference": "Observation/1"}]}
        self.rows(
            ({"resourceType": "Patient"}, "not_observation"), ({"resourceType": "DiagnosticReport", "contained": [reading()]}, "not_observation"),
            *((reading(code=code(average)), "average") for average in ("96607-7", "96608-5", "96609-3")),
            (reading(code=code("85354-9", "96607-7")), "average"),
            *((reading(code=code(panel)), "normal") for panel in ("85354-9", "55284-4", "35094-2", "55417-0")),
            (reading(code=GONE), "normal"), (reading(code={"text": "x"}), "normal"),
            (reading(code=code(SYSTOLIC), **top), "hypertensive_crisis", "incomplete"),
            (reading(component=[part("96608-5", 118), part("8478-0", 90)]), "average"),
            (reading(component=[part("8478-0", 90)], hasMember=[{}]), "mean_pressure"),
            (reading(**members), "members_only"), (reading(component=GONE, related=[{}]), "members_only"), (reading(component=GONE, hasMember=[]), "incomplete"),
            (reading(component=GONE), "incomplete"), (reading(component=GONE, valueString="118/76"), "incomplete"),
            (reading(code=code("8478-0"), **top), "mean_pressure"), (reading(code=code("8478-0")), "normal"),
            ({"resourceType": "Observation", "id": "x", "status": "entered-in-error"}, "withdrawn"),
            ({"resourceType": "Observation", "id": "x", "status": "final"}, "not_blood_pressure"),
            ({"resourceType": "Observation", "id": "x", "status": "entered-in-error", "code": code("8867-4")}, "not_blood_pressure"),
            (reading(code=code("8867-4"), **top), "not_blood_pressure"),
        )

    def test_codes_count_with_loinc_only(self):
        oid = "urn:oid:2.16.840.1.113883.6.1"
        snomed = {"system": "http://snomed.info/sct", "code": "271649006"}

        def sides(system):
            pairs = ((SYSTOLIC, 118), (DIASTOLIC, 76))
            return [{"code": {"coding": [snomed, *code(side, system=system)["coding"]]}, "valueQuantity": mmhg(v)} for side, v in pairs]

        self.rows(
            (reading(component=sides(LOINC)), "normal"), (reading(component=sides(oid)[::-1]), "normal"),
            (reading(component=sides("http://loinc.org/")), "incomplete"), (reading(code=GONE, component=sides(None)), "not_blood_pressure"),
        )

    def test_a_side_of_its_own(self):
        self.rows(
            (reading(code=code(SYSTOLIC), component=[part(DIASTOLIC, 76)], valueQuantity=mmhg(118)), "normal", ""),
            (reading(code=code(SYSTOLIC)), "normal", ""),
            (reading(code=code(SYSTOLIC), valueQuantity=mmhg(118)), "ambiguous"), (reading(code=code(SYSTOLIC), dataAbsentReason={}), "ambiguous"),
            (reading(code=code(SYSTOLIC), component=GONE), "incomplete"),
        )


class Section3Status(Table):
    def test_each_row(self):
        blank = {"resourceType": "Observation", "status": "entered-in-error"}
        self.rows(
            (reading(status="amended"), "normal", ""), (reading(status="corrected"), "normal", ""), (reading(status="preliminary"), "normal", "preliminary"),
            (reading(status="entered-in-error"), "withdrawn"), (reading(status="cancelled", component=GONE, subject=7, effectiveDateTime=7), "withdrawn"),
            (reading(status=GONE), "no_status"), *((reading(status=other), "status") for other in ("registered", "unknown", "on-hold", "Final")),
            (blank, "no_id"), (reading(status="cancelled", id=GONE), "withdrawn"), (reading(status="cancelled", id=GONE, subject=GONE), "no_id"),
            (reading(60, 90, status="cancelled", id=GONE), "no_id"), (reading(150, None, status="cancelled", id=GONE), "withdrawn"),
        )


class Section4Pressures(Table):
    def test_values(self):
        self.rows(
            (reading(component=[part(SYSTOLIC, 118), part(SYSTOLIC, 118)]), "ambiguous"),
            (reading(component=[{"code": code(SYSTOLIC, DIASTOLIC)}]), "ambiguous"),
            *((reading(bad), "invalid_value") for bad in map(mmhg, ("118", True, [118], {}, number("-118"), number("-1e-9"), number("-0"), number("-0.0"), ""))),
            (reading(component=[part(SYSTOLIC, valueString="118"), part(DIASTOLIC, 76)]), "invalid_value"),
            (reading(component=[part(SYSTOLIC, 118, valueString="118"), part(DIASTOLIC, 76)]), "invalid_value"),
            (reading(number("118." + "1" * 25)), "normal"), (reading(number("118." + "1" * 26)), "invalid_value"),
            (reading(number("118." + "0" * 26)), "normal"), (reading(number("0.00118" + "0" * 20 + "E5")), "normal"),
            (reading(number("0." + "0" * 150 + "118E153")), "normal"), (reading(number("118" + "0" * 300 + "e-300")), "normal"), (reading(number("118" + "1" * 25 + "0e-26")), "normal"),
            *((reading(number(f"1E{sign}{exponent}")), "implausible") for sign in ("", "+", "-") for exponent in ("999999999999", "9" * 5000)), (reading(number("0E9")), "implausible"),
        )

    def test_numbers_stay_as_they_came(self):
        kpa = {"value": number("16.0"), "unit": "kPa"}
        for value, expected in (
            (number("1.45E2"), "145"), (number("1450e-1"), "145.0"), (number("14.5E+1"), "145"), (number("145.000"), "145.000"),
            (number("129.73979437732424"), "129.73979437732424"), (number("118." + "0" * 300), "118." + "0" * 300), (kpa, "120.009920"), ({**kpa, "value": number("1.6e1")}, "120.00992"),
            ({**kpa, "value": number("16." + "0" * 19 + "1")}, "120.0099200000000000000750062"),
        ):
            with self.subTest(value=value):
                self.assertEqual(one(reading(value))["systolic"], expected)

    def test_units(self):
        def unit(unit, code, value=118):
            return {"value": value, **({} if unit is None else {"unit": unit}), **({} if code is None else {"code": code})}

        self.rows(
            *((reading(unit(u, c)), "normal", "") for u, c in ((None, "mm[Hg]"), ("mmHg", None), ("mm Hg", "mmHg"), ("Torr?", "mm[Hg]"))),
            (reading(unit("kPa", None, 16)), "elevated", "unit_converted"), (reading(unit("x", "kPa", 16)), "elevated", "unit_converted"),
            (reading(unit(None, None)), "normal", "unit_missing"), (reading(unit("", " ")), "normal", "unit_missing"),
            *((reading(unit(u, c)), "invalid_unit") for u, c in (("psi", None), ("mmHg", "psi"), ("kPa", "mm[Hg]"), ("mmHg", "kPa"), ("MMHG", None))),
            (reading(unit("kPa", "kPa", number("16." + "0" * 20))), "elevated"), (reading(unit("kPa", "kPa", number("16." + "0" * 21))), "elevated"),
            (reading(unit("kPa", "kPa", number("16." + "0" * 19 + "1"))), "elevated"), (reading(unit("kPa", "kPa", number("16." + "0" * 20 + "1"))), "invalid_value"),
        )

    def test_comparators(self):
        def than(comparator, value):
            return mmhg(value, comparator=comparator)

        self.rows(
            (reading(than(">", 260)), "hypertensive_crisis", "comparator suspect"), (reading(than(">", 150), 125), "hypertensive_crisis", "comparator"),
            (reading(than(">", 180)), "hypertensive_crisis"), (reading(than(">=", 180)), "comparator"), (reading(than(">=", number("180.1"))), "hypertensive_crisis"),
            (reading(than("<", 90), 60), "hypotension"), (reading(than("<=", 90), 60), "comparator"), (reading(than("<", 90), than("<", 80)), "hypotension"),
            (reading(than("<", 120)), "comparator"), (reading(than("<=", 89), 55), "hypotension"), (reading(110, than(">", 100)), "comparator"),
            (reading(130, than(">", 120)), "hypertensive_crisis"),
            *((reading(than(other, 118)), "comparator") for other in ("ad", "=", "~")),
            (reading(than(">", 260), None), "hypertensive_crisis", "comparator incomplete suspect"), (reading(than(">", 150), None), "comparator"),
            (reading(None, than("<", 60)), "hypotension", "comparator incomplete"), (reading(than("<", 118), None), "comparator"),
        )
        self.assertEqual(one(reading(than(">", 260), 95))["reasons"], ["systolic_hypertension", "diastolic_hypertension"])

    def test_ranges_are_implausible_or_suspect_for_every_value_only(self):
        def than(comparator, value):
            return mmhg(value, comparator=comparator)

        self.rows(
            (reading(than("<", 110), 125), "implausible"), (reading(than(">", 110), 125), "hypertensive_crisis"), (reading(than("<", 125), 125), "implausible"),
            (reading(than("<=", 125), 125), "implausible"), (reading(than("<=", 126), 125), "hypertensive_crisis"), (reading(110, than(">", 120)), "implausible"),
            (reading(125, than(">", 125)), "implausible"), (reading(125, than(">=", 125)), "implausible"), (reading(125, than(">", 124)), "hypertensive_crisis"),
            (reading(125, than("<", 130)), "comparator"), (reading(than("<", 110), than(">", 115)), "implausible"), (reading(than(">", 110), than(">", 125)), "hypertensive_crisis"),
            *((reading(than(*side), 70), "hypertensive_crisis", flags) for *side, flags in (
                (">", 250, "comparator"), (">", 260, "comparator suspect"), (">=", 260, "comparator"), (">=", number("260.1"), "comparator suspect"))),
            *((reading(than(*side), 35), "hypotension", flags) for *side, flags in (
                ("<", 61, "comparator"), ("<", 60, "comparator suspect"), ("<=", 60, "comparator"), ("<=", number("59.9"), "comparator suspect"))),
            (reading(200, than(">", 160)), "hypertensive_crisis", "comparator suspect"), (reading(200, than(">=", 160)), "hypertensive_crisis", "comparator"),
            (reading(118, than("<", 30)), "hypotension", "comparator suspect"), (reading(118, than("<=", 30)), "hypotension", "comparator"),
        )

    def test_missing_sides(self):
        absent = {"dataAbsentReason": {"text": "x"}}

        def with_diastolic(component):
            return reading(component=[part(SYSTOLIC, 150), component])

        self.rows(
            (reading(181, None), "hypertensive_crisis", "incomplete"), (reading(140, None), "hypertension_stage2", "incomplete"), (reading(89, None), "hypotension", "incomplete"),
            (reading(None, 121), "hypertensive_crisis"), (reading(None, 90), "hypertension_stage2"), (reading(None, 59), "hypotension"),
            *((reading(systolic, None), "incomplete") for systolic in (90, 119, 120, 139)), *((reading(None, d), "incomplete") for d in (60, 79, 80, 89)),
            *((with_diastolic(c), "hypertension_stage2", "incomplete") for c in (part(DIASTOLIC), part(DIASTOLIC, {}), part(DIASTOLIC, **absent), part(DIASTOLIC, 76, **absent))),
            *((with_diastolic(part(DIASTOLIC, value, **absent, **more)), "hypertension_stage2", "incomplete") for value, more in (
                (mmhg("x"), {}), (mmhg(-1), {}), ({"value": 76, "unit": "psi"}, {}), (mmhg(76, comparator="~"), {}), (mmhg(500), {}), ({"value": 76, "unit": 7}, {}), (mmhg(76), {"valueString": "x"}))),
            *((with_diastolic(part(DIASTOLIC, quantity)), "hypertension_stage2", "incomplete") for quantity in ({"unit": "psi"}, {"comparator": "~"}, {"value": None, "code": 7})),
            (with_diastolic(part(DIASTOLIC, valueString="x", **absent)), "hypertension_stage2", "incomplete"), (with_diastolic(part(DIASTOLIC, valueString="x")), "invalid_value"),
            (with_diastolic(part(DIASTOLIC, {"unit": "mmHg"}, valueString="x")), "invalid_value"), (reading(None, None), "incomplete"), (reading(10, None), "implausible"),
        )

    def test_plausible_and_suspect(self):
        self.rows(
            *((reading(*pair), "implausible") for pair in ((number("39.9"), 30), (number("300.1"), 90), (118, number("19.9")), (290, number("200.1")), (76, 118), (90, 90))),
            (reading(40, 20), "hypotension", "suspect"), (reading(300, 200), "hypertensive_crisis", "suspect"), (reading(number("59.9"), 30), "hypotension", "suspect"),
            (reading(60, 30), "hypotension", ""), (reading(260, 160), "hypertensive_crisis", ""), (reading(200, number("160.1")), "hypertensive_crisis", "suspect"),
        )

    def test_the_first_row_that_fails_decides(self):
        self.rows(
            (reading({"value": 118, "unit": "psi"}, "x"), "invalid_value"), (reading({"value": 400, "unit": "psi"}), "invalid_unit"),
            (reading(mmhg(400, comparator="~")), "comparator"), (reading(60, 90, subject=GONE, effectiveDateTime=GONE), "implausible"),
            (reading(subject=GONE, effectiveDateTime=GONE), "no_subject"), (reading(118, None, subject=GONE), "incomplete"),
        )


class Section5Subject(Table):
    CHILD = {"resourceType": "Patient", "id": "1", "birthDate": "2015"}

    def test_subjects(self):
        def whose(**subject):
            return reading(subject=subject)

        contained = {**self.CHILD, "id": "p", "identifier": [{"system": "s", "value": "7"}]}
        self.rows(
            *((whose(reference=r), "normal", "") for r in ("Patient/1", "Patient/1/", "Patient/1/_history/2", "http://x.example/r4/Patient/1", "urn:uuid:1", "urn:oid:1.2",
                "http://x.example/people/7", "https://x.example/p?id=7", "http://x.example/r4/Patient", "ftp://x.example/7")),
            (whose(identifier={"system": "s", "value": "7"}), "normal"), (whose(type="Device", identifier={"system": "s", "value": "7"}), "no_subject"),
            *((whose(identifier=i), "no_subject") for i in ({}, {"value": "7"}, {"system": "s"}, {"system": "", "value": "7"}, {"system": "s", "value": " "}, {"system": None, "value": "7"})),
            (whose(type="Patient", reference="Patient/1"), "normal"), (whose(type="http://hl7.org/fhir/StructureDefinition/Patient", reference="Patient/1"), "normal"),
            *((whose(type="Group", reference=r), "no_subject") for r in ("Patient/1", "urn:uuid:1", "http://x.example/people/7")),
            *((whose(reference=r), "no_subject") for r in ("", "Group/1", "http://x.example/Group/1", "Patient/", "Patient", "1", "#p", "urn:uuid:", "patient/1",
                "Patient?identifier=s|7", "http://x.example/r4/Patient?identifier=s|7", "Group?x=y")),
            (whose(), "no_subject"), (whose(display="x"), "no_subject"), (reading(subject=GONE), "no_subject"),
            (reading(subject={"reference": "#p"}, contained=[contained]), "normal", "paediatric"),
            (reading(subject={"reference": "#p"}, contained=[{**contained, "identifier": []}]), "no_subject"),
            (reading(subject={"reference": "#p"}, contained=[{**contained, "identifier": [{"value": "7"}]}]), "no_subject"),
            (reading(subject={"reference": "#p"}, contained=[{**contained, "resourceType": "Group"}]), "no_subject"),
        )

    def child_in(self, subject, patients, own=""):
        observation = {"fullUrl": own, "resource": reading(subject=subject)}
        text = dump(bundle(observation, *({"fullUrl": url, "resource": patient} for url, patient in patients)))
        return judged(text)[0][2]["flags"] == ["paediatric"]

    def test_patients_of_the_same_bundle(self):
        known = {"resourceType": "Patient", "birthDate": "2015", "identifier": [{"system": "s", "value": "b"}, {"system": "s", "value": "a"}]}
        base = "http://x.example/r4/"
        for expected, subject, patients, own in (
            (True, {"reference": "urn:uuid:1"}, [("urn:uuid:1", self.CHILD)], ""),
            (False, {"reference": "urn:uuid:2"}, [("urn:uuid:1", self.CHILD)], ""),
            (True, {"reference": "Patient/1"}, [("urn:uuid:1", self.CHILD)], "urn:uuid:9"),
            (True, {"reference": "Patient/1"}, [(base + "Patient/1", self.CHILD)], base + "Observation/1"),
            (False, {"reference": "Patient/1"}, [(base + "Patient/1", self.CHILD)], "http://y.example/Observation/1"),
            (True, {"reference": base + "Patient/1/_history/4"}, [(base + "Patient/1", self.CHILD)], ""),
            (False, {"reference": base + "Patient/1"}, [("urn:uuid:1", self.CHILD)], ""),
            (True, {"identifier": {"system": "s", "value": "b"}}, [("urn:uuid:1", known)], ""),
            (False, {"identifier": {"system": "t", "value": "b"}}, [("urn:uuid:1", known)], ""),
            (False, {"identifier": {"system": "s", "value": "b"}}, [("urn:uuid:1", {**known, "id": "x"}), ("urn:uuid:2", {**known, "id": "y"})], ""),
        ):
            with self.subTest(subject=subject, patients=patients, own=own):
                self.assertEqual(self.child_in(subject, patients, own), expected)
        for url in ("urn:uuid:1", "http://x.example/people/7"):
            self.assertTrue(self.child_in({"reference": url}, [(url, self.CHILD)]))
            group = dump(bundle({"resource": reading(subject={"reference": url})}, {"fullUrl": url, "resource": {"resourceType": "Group"}}))
            self.assertEqual(short(judged(group)[0][2]), "no_subject")


class Section6Time(Table):
    def test_times(self):
        for changes, expected, flags in (
            ({"effectiveDateTime": "2024-03-01T08:00:00+05:30"}, "2024-03-01T02:30:00Z", []),
            ({"effectiveDateTime": "2024-01-01T01:00:00.2500+14:00"}, "2023-12-31T11:00:00.25Z", []),
            ({"effectiveDateTime": "2016-12-31T23:59:60Z"}, "2016-12-31T23:59:59Z", []),
            ({"effectiveDateTime": "2024-03-01T08:00:00"}, "2024-03-01T08:00:00Z", ["timezone_missing"]),
            ({"effectiveDateTime": "2024-03-01T08:05Z"}, "2024-03-01T08:05:00Z", []),
            ({"effectiveDateTime": "2024-03-01T08:05-05:00"}, "2024-03-01T13:05:00Z", []),
            ({"effectiveDateTime": "2024-03-01T08:05"}, "2024-03-01T08:05:00Z", ["timezone_missing"]),
            ({"effectiveDateTime": "2024-02-29"}, "2024-02-29T00:00:00Z", ["time_imprecise"]),
            ({"effectiveDateTime": "2024-03"}, "2024-03-01T00:00:00Z", ["time_imprecise"]),
            ({"effectiveDateTime": "2024"}, "2024-01-01T00:00:00Z", ["time_imprecise"]),
            ({"effectiveInstant": "2023-01-01T00:00:00Z"}, "2024-03-01T08:00:00Z", []),
            ({"effectiveDateTime": GONE, "effectiveInstant": "2023-01-01T00:00:00Z", "effectivePeriod": {"end": "2022"}}, "2023-01-01T00:00:00Z", []),
            ({"effectiveDateTime": GONE, "effectivePeriod": {"start": "2022", "end": "2023"}}, "2023-01-01T00:00:00Z", ["time_imprecise"]),
            ({"effectiveDateTime": GONE, "effectivePeriod": {"start": "2022"}}, "2022-01-01T00:00:00Z", ["time_imprecise"]),
            ({"effectiveDateTime": GONE, "issued": "2022-01-01T00:00:00Z"}, "2022-01-01T00:00:00Z", ["time_from_issued"]),
            ({"effectiveDateTime": GONE, "issued": "2022"}, "2022-01-01T00:00:00Z", ["time_from_issued", "time_imprecise"]),
            ({"effectiveDateTime": "2024-07-01T12:00:00Z"}, "2024-07-01T12:00:00Z", []),
        ):
            with self.subTest(changes=changes):
                result = one(reading(**changes))
                self.assertEqual((result["effective"], result["flags"]), (expected, flags))

    def test_what_is_none(self):
        bad = (
            "", "x", "24", "2024-1", "2024-00", "2024-13", "2024-04-31", "2023-02-29", "0000", "2024-03-01T", "2024-03-01T08", "2024-03-01T08Z", "2024-03-01T08:00:Z", "2024-03-01T08:00.5Z", "2024-03-01T24:00Z", "2024-03-01T8:00Z", "2024-03-01T24:00:00Z",
            "2024-03-01T08:60:00Z", "2024-03-01T08:00:61Z", "2024-03-01T08:00:00.Z", "2024-03-01T08:00:00+1", "2024-03-01T08:00:00+0100",
            "2024-03-01T08:00:00+14:01", "2024-03-01T08:00:00z", "2024-03-01 08:00:00Z", " 2024", "2024\n", "\u0662\u0660\u0662\u0664",
        )
        self.rows(
            *((reading(effectiveDateTime=text, issued="2022"), "invalid_time") for text in bad),
            (reading(effectiveDateTime=GONE, effectivePeriod={"start": "2022", "end": "x"}), "invalid_time"),
            (reading(effectiveDateTime=GONE), "no_time"), (reading(effectiveDateTime=GONE, effectivePeriod={}, effectiveTiming={}), "no_time"),
            (reading(effectiveDateTime="2024-07-01T12:00:00.001Z"), "future"), (reading(effectiveDateTime="2025"), "future"),
            (reading(effectiveDateTime="9999-12-31T23:59:59-14:00"), "future"),
        )


class Section7Category(Table):
    def test_bands(self):
        self.rows(
            *(
                (reading(number(systolic), number(diastolic)), category)
                for systolic, diastolic, category in (
                    ("119.99", "79.99", "normal"), ("90", "60", "normal"), ("120", "79", "elevated"), ("129.99", "79.99", "elevated"),
                    ("130", "79", "hypertension_stage1"), ("118", "80", "hypertension_stage1"), ("139.99", "89.99", "hypertension_stage1"),
                    ("140", "79", "hypertension_stage2"), ("118", "90", "hypertension_stage2"), ("180", "120", "hypertension_stage2"),
                    ("180.01", "79", "hypertensive_crisis"), ("150", "120.01", "hypertensive_crisis"), ("89.99", "60", "hypotension"), ("110", "59.99", "hypotension"),
                )
            )
        )

    def test_anomalies_and_reasons(self):
        high, low, diastolic_high, diastolic_low = "systolic_hypertension", "systolic_hypotension", "diastolic_hypertension", "diastolic_hypotension"
        alone, wide, narrow = "isolated_systolic_hypertension", "wide_pulse_pressure", "narrow_pulse_pressure"
        for pair, anomalies, reasons in (
            ((118, 76), [], []), ((100, 75), [], []), ((100, 76), [], [narrow]), ((120, 60), ["elevated"], []), ((121, 60), ["elevated"], [wide]),
            ((162, 58), ["hypertension_stage2", "hypotension"], [high, diastolic_low, alone, wide]),
            ((129, 58), ["elevated", "hypotension"], [diastolic_low, wide]), ((130, 80), ["hypertension_stage1"], [high, diastolic_high]),
            ((85, 80), ["hypertension_stage1", "hypotension"], [diastolic_high, low, narrow]), ((80, 50), ["hypotension"], [low, diastolic_low]),
            ((190, None), ["hypertensive_crisis"], [high]), ((None, 95), ["hypertension_stage2"], [diastolic_high]),
        ):
            with self.subTest(pair=pair):
                result = one(reading(*pair))
                self.assertEqual((result["anomalies"], result["reasons"]), (anomalies, reasons))
                self.assertEqual(result["outcome"], "anomaly" if anomalies else "normal")

    def test_children(self):
        for birth, child in (
            ("2011-03-02", True), ("2011-03-01", False), ("2011-04", True), ("2011-03", False), ("2012", True), ("2011", False), ("x", False), (7, False), (None, False),
        ):
            patient = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "s", "value": "7"}], "birthDate": birth}
            with self.subTest(birth=birth):
                flags = one(reading(subject={"reference": "#p"}, contained=[patient]))["flags"]
                self.assertEqual(flags, ["paediatric"] if child else [])


class TheScanner(unittest.TestCase):
    """Where a value ends over several lines is found by a second reader of JSON: it must agree with Python's."""

    def test_agrees_with_json(self):
        dice = random.Random(8480)
        pieces = ["{", "}", "[", "]", ",", ":", '"a"', '"\\u00e9"', "1", "-0.5e+3", "01", "true", "null", "nul", "\n", " ", '"', "\\"]
        seen = {"done": 0, "other": 0}

        def value(depth):
            if depth == 0 or dice.random() < 0.3:
                return dice.choice(["1", "-0.5E3", '"a"', '"\\"\\\\\\n"', "true", "null", "{}", "[ ]"])
            parts = [value(depth - 1) for _ in range(dice.randrange(4))]
            if dice.random() < 0.5:
                return "[" + ",\n".join(parts) + "]"
            return "{" + ", ".join(f'"n{i}"\n:{part}' for i, part in enumerate(parts)) + "}"

        for _ in range(20000):
            text = dice.choice("[{") + "".join(dice.choice(pieces) for _ in range(dice.randrange(8)))
            if dice.random() < 0.5:
                text = value(4)
                if dice.random() < 0.5:
                    at = dice.randrange(len(text))
                    text = text[:at] + dice.choice(pieces) + text[at + 1:]
            if text[:1] not in ("{", "["):
                continue
            try:
                json.loads(text)
                valid = True
            except ValueError:
                valid = False
            scanner, state, lines = count.Scanner(), "more", text.splitlines(keepends=True)
            while state == "more" and lines:
                line = lines.pop(0)
                state = scanner.feed(line)
            done = state == "done" and not (line[scanner.end:] + "".join(lines)).strip()
            self.assertEqual(done, valid, text)
            seen["done" if done else "other"] += 1
        self.assertGreater(min(seen.values()), 2000)

    def test_a_large_broken_file_is_quick(self):
        lines = ['{"a": {', '{"b": [1, 2'] * 20000
        self.assertEqual([short(result) for _, _, result in judged("\n".join(lines))], ["not_json"] * 40000)


class TheCorpus(unittest.TestCase):
    def test_is_as_expected(self):
        run = subprocess.run(
            [sys.executable, "../count.py", "--per-entry", "tricky.ndjson", "bundle-pretty.json", "mixed.json"],
            cwd=os.path.join(HERE, "corpus"), capture_output=True, text=True, encoding="utf-8", check=True,
        )
        with open(os.path.join(HERE, "corpus", "expected.json"), encoding="utf-8") as file:
            self.assertEqual(run.stdout.splitlines(), file.read().splitlines())


if __name__ == "__main__":
    unittest.main()
