#!/usr/bin/env python3
"""Counts what docs/clinical-rules.md says of FHIR JSON: a second implementation of that page, to hold the first against.

usage: count.py [--per-entry] [--now TIME] FILE...        (of a directory: every *.json and *.ndjson under it, by path)

Prints totals as one line of JSON; with --per-entry, before them one line of JSON for each entry. It knows the page and
nothing of the product's code. Settings are the defaults: profile aha-2017, every category but normal an anomaly, no base
URL, unique ids, 24 h of skew; the clock is now, or --now.

Where one record ends and the next begins, at each place that is not blank where a line begins or a record ended:
  1. a JSON value that starts there ends on the same line, and the rest of the line is blank or starts with {: a record;
  2. else it starts with { or [ and a JSON value that starts there ends so on a later line: a record;
  3. else the rest of that one line is `not_json`, and the next line is looked at.
A record's line is the one it begins on.

Two faults in one Observation: the page's order decides (sections 1 to 7, in section 4 the table's order).
null is the same as absent, and so is a blank string, except as a date or a comparator. What decides nothing is not
needed: of a missing side nothing is. More that the page leaves open is marked CHOICE.
"""

import argparse
import calendar
import collections
import datetime
import decimal
import json
import os
import re
import sys
from decimal import Decimal

MAX_BYTES = 256 * 1024 * 1024
MAX_LEVELS = 128
KEPT_LEVELS = 200  # what Python can take in is not without end
SKEW_SECONDS = 24 * 3600
BOM = "\ufeff"
BLANKS = re.compile(r"[ \t\r\n]*")

LOINC = {"http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"}
SYSTOLIC, DIASTOLIC, MEAN = "8480-6", "8462-4", "8478-0"
SIDES = {SYSTOLIC, DIASTOLIC}
AVERAGES = {"96607-7", "96608-5", "96609-3"}
PANELS = {"85354-9", "55284-4", "35094-2", "55417-0"}
UNITS = {"mm[Hg]": "mmHg", "mmHg": "mmHg", "mm Hg": "mmHg", "kPa": "kPa"}
KPA = Decimal("7.50062")

decimal.getcontext().prec = 10**6
decimal.getcontext().traps[decimal.Inexact] = True  # never round


class Rejected(Exception):
    pass


class Skipped(Exception):
    pass


# --- JSON: strict, numbers as they were written, names that are there twice ---


class Number:
    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text


class Twice(dict):
    """An object with a name more than once; `twice` says which."""


def pairs_to_object(pairs):
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    marked = Twice(plain)
    marked.twice = {name for name, n in collections.Counter(name for name, _ in pairs).items() if n > 1}
    return marked


def no_constant(name):
    raise ValueError(name)


DECODER = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=no_constant, object_pairs_hook=pairs_to_object
)
# Bytes that are no UTF-8 are read as halves of surrogate pairs, which no UTF-8 can give: see decode().
HALF = re.compile("[\ud800-\udfff]")

TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<string>"[^"\\\x00-\x1f\ud800-\udfff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f\ud800-\udfff]*)*")
      | (?P<scalar>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)
      | (?P<mark>[{}\[\],:])
      | (?P<end>\Z))""",
    re.VERBOSE,
)


class Scanner:
    """Reads one JSON object or array line by line, without recursion, and notices at once what cannot be one."""

    def __init__(self):
        self.open = []
        self.want = "value"  # or: first_value, first_name, name, colon, next, nothing
        self.end = None  # of the value, in the text that it ended in
        self.kept = []  # the tokens of the first levels

    def feed(self, text, at=0):
        """-> "more", "done" or "bad"."""
        while self.want != "nothing":
            match = TOKEN.match(text, at)
            if not match:
                return "bad"
            kind, at = match.lastgroup, match.end()
            if kind == "end":
                return "more"
            before = len(self.open)
            if not self.take(kind, match[kind]):
                return "bad"
            if before <= KEPT_LEVELS:
                self.kept.append(match[kind] if len(self.open) <= KEPT_LEVELS else "null")
        self.end = at
        return "done"

    def take(self, kind, token):
        want = self.want
        if kind == "string" and want in ("first_name", "name"):
            self.want = "colon"
        elif kind != "mark" and want in ("value", "first_value"):
            self.want = "next" if self.open else "nothing"
        elif token in ("{", "[") and want in ("value", "first_value"):
            self.open.append(token)
            self.want = "first_name" if token == "{" else "first_value"
        elif (token == "}" and want in ("next", "first_name") and self.open[-1] == "{") or (
            token == "]" and want in ("next", "first_value") and self.open[-1] == "["
        ):
            self.open.pop()
            self.want = "next" if self.open else "nothing"
        elif token == ":" and want == "colon":
            self.want = "value"
        elif token == "," and want == "next":
            self.want = "name" if self.open[-1] == "{" else "value"
        else:
            return False
        return True


def decode(raw):
    return raw.decode("utf-8", "surrogateescape")


def size_of(text):
    return len(text.encode("utf-8", "surrogateescape"))


def parse(text, at=0):
    """-> a JSON value that starts there (of what is nested deeper, the first levels) and its end, or ValueError."""
    try:
        value, end = DECODER.raw_decode(text, at)
    except RecursionError:
        scanner = Scanner()
        if scanner.feed(text, at) != "done":
            raise ValueError from None
        value, end = DECODER.decode("".join(scanner.kept)), scanner.end
    if HALF.search(text, at, end):
        raise ValueError
    return value, end


def skip(text, at):
    """Past blanks and a byte-order mark. CHOICE: the mark also where one document begins after another on a line."""
    at = BLANKS.match(text, at).end()
    return BLANKS.match(text, at + 1).end() if text.startswith(BOM, at) else at


def after(text, end):
    """Where the next record of the line can begin (or the line's end), or None where other text follows."""
    blank = BLANKS.match(text, end).end()
    if blank == len(text):
        return blank
    following = skip(text, blank)
    return following if text.startswith("{", following) else None


NOT_JSON = object()


def records(file):
    """Yields (line, value or NOT_JSON, bytes) for each record of a file that was opened as binary."""
    waiting = collections.deque()
    number = 0  # of the line last taken
    whole_tried = False

    def take():
        return waiting.popleft() if waiting else file.readline()

    while True:
        line = take()
        if not line:
            return
        number += 1
        text = decode(line)
        at = skip(text, 0)
        while at < len(text):
            following = None
            try:
                value, end = parse(text, at)  # CHOICE: 42{...} ends there too, as 42 is a JSON value
                following = after(text, end)
            except ValueError:
                pass
            if following is not None:
                yield number, value, size_of(text[at:end])
                at = following
                whole_tried = True
                continue
            scanner = Scanner()
            if text[at] not in "{[" or scanner.feed(text, at) != "more":
                yield number, NOT_JSON, size_of(text[at:].rstrip(" \t\r\n"))
                break
            if not whole_tried:  # the same as what follows, only much faster: most such files are one document
                whole_tried = True
                rest = file.read()
                try:
                    whole = text[at:] + decode(rest)
                    value, end = parse(whole)
                    if BLANKS.fullmatch(whole, end):
                        yield number, value, size_of(whole[:end])
                        return
                except ValueError:
                    pass
                waiting.extend(part + b"\n" for part in rest.split(b"\n"))
                waiting[-1] = waiting[-1][:-1]
                if not waiting[-1]:
                    waiting.pop()
                del rest, whole
            taken, parts = [], [text[at:]]
            state = "more"
            while state == "more":
                line = take()
                if not line:
                    break
                taken.append(line)
                parts.append(decode(line))
                state = scanner.feed(parts[-1])
            if state == "done":
                following = after(parts[-1], scanner.end)
            if following is None:
                waiting.extendleft(reversed(taken))
                yield number, NOT_JSON, size_of(text[at:].rstrip(" \t\r\n"))
                break
            text, at = parts[-1], following
            parts[-1] = text[:scanner.end]
            document = "".join(parts)
            yield number, parse(document)[0], size_of(document)
            number += len(taken)


# --- the fields that are needed ---


def get(owner, name):
    """A needed field; None where it is absent or null."""
    if isinstance(owner, Twice) and name in owner.twice:
        raise Rejected("not_fhir")
    return owner.get(name)


def typed(owner, name, kind):
    value = get(owner, name)
    if value is not None and not isinstance(value, kind):
        raise Rejected("not_fhir")
    if isinstance(value, str) and HALF.search(value):
        raise Rejected("not_fhir")
    return value


def text_of(owner, name):
    """A needed string; None where it is absent, null or blank."""
    value = typed(owner, name, str)
    return value if value is not None and value.strip() else None


def objects_of(owner, name):
    """A needed list of objects; [] where it is absent."""
    values = [value for value in typed(owner, name, list) or [] if value is not None]
    if not all(isinstance(value, dict) for value in values):
        raise Rejected("not_fhir")
    return values


def loinc_codes(owner):
    codes = set()
    for coding in objects_of(typed(owner, "code", dict) or {}, "coding"):
        if text_of(coding, "system") in LOINC:
            codes.add(text_of(coding, "code"))
    return codes - {None}


def deeper_than(value, levels):
    if levels < 1:
        return isinstance(value, (dict, list))
    if not isinstance(value, (dict, list)):
        return False
    row = [value]
    for _ in range(levels):
        below = []
        for one in row:
            for part in one.values() if isinstance(one, dict) else one:
                if isinstance(part, (dict, list)):
                    below.append(part)
        if not below:
            return False
        row = below
    return True


# --- section 2 ---


def present(value):
    return value not in (None, [], {}, "")


def blood_pressure_kind(obs):
    """-> "reading" or "withdrawal", or Skipped."""
    codes = loinc_codes(obs)
    if codes & AVERAGES:
        raise Skipped("average")
    in_components = set().union(*(loinc_codes(component) for component in objects_of(obs, "component")))
    if (codes | in_components) & SIDES:
        return "reading"
    if codes & PANELS:
        if in_components & AVERAGES:
            raise Skipped("average")
        if MEAN in in_components:
            raise Skipped("mean_pressure")
        if present(get(obs, "hasMember")) or present(get(obs, "related")):  # CHOICE: whatever they are
            raise Skipped("members_only")
        return "reading"
    if MEAN in codes:
        raise Skipped("mean_pressure")
    if not obs.get("code") and text_of(obs, "status") in WITHDRAWS:  # CHOICE: {} is no code either
        return "withdrawal"
    raise Skipped("not_blood_pressure")


# --- section 3 ---

PROCESSED = {"final", "amended", "corrected", "preliminary"}
WITHDRAWS = {"entered-in-error", "cancelled"}


# --- section 4 ---


def is_absent(owner):
    return typed(owner, "dataAbsentReason", dict) is not None  # CHOICE: {} is one, "unknown" is not_fhir


def values_of(owner):
    return {name for name in owner if re.match("value[A-Z]", name) and owner[name] is not None}


class Side:
    """What an Observation or a component says of one pressure. Where it is missing, nothing else of it is looked at."""

    def __init__(self, owner):
        self.value = None
        self.missing = is_absent(owner)
        if self.missing:
            return
        quantity = typed(owner, "valueQuantity", dict) or {}
        self.other_value = bool(values_of(owner) - {"valueQuantity"})
        self.number = get(quantity, "value")
        self.missing = self.number is None and not self.other_value  # CHOICE: a valueString alone is a value, if no number
        if self.missing:
            return
        self.unit = text_of(quantity, "unit")
        self.code = text_of(quantity, "code")
        self.comparator = typed(quantity, "comparator", str)  # CHOICE: "" is none that is known

    def mantissa(self):
        return re.split("[eE]", self.number.text)[0].lstrip("-").replace(".", "").strip("0")

    def is_invalid(self):
        return self.other_value or not isinstance(self.number, Number) or self.number.text.startswith("-")

    def known_unit(self):
        """-> "mmHg", "kPa", or None for an invalid one."""
        if self.code is None and self.unit is None:
            return "mmHg"
        known_code, known_unit = UNITS.get(self.code), UNITS.get(self.unit)
        if self.code is None:
            return known_unit
        if known_code and known_unit and known_code != known_unit:
            return None
        return known_code

    def has_too_many_digits(self):
        return len(self.mantissa()) > (22 if self.known_unit() == "kPa" else 28)

    def convert(self):
        mantissa, _, exponent = self.number.text.lower().partition("e")
        whole, _, fraction = mantissa.partition(".")
        digits = whole + fraction
        sign, exponent = exponent.startswith("-"), exponent.lstrip("+-0") or "0"
        exponent = int(exponent[:18]) * (-1 if sign else 1)  # of more digits than 18, 18 are as far out
        highest = exponent + len(whole) - (len(digits) - len(digits.lstrip("0")))
        if not digits.strip("0"):
            number = Decimal(0)
        elif abs(highest) > 50:  # far out of any range
            number = Decimal(10) ** (50 if highest > 0 else -50)
        else:
            number = Decimal((0, tuple(map(int, digits)), exponent - len(fraction)))
        if number.as_tuple().exponent > 0:
            number = number.quantize(Decimal(1))
        self.value = number * KPA if self.known_unit() == "kPa" else number

    def least(self):
        """No value of the side is below it."""
        return Decimal("-Infinity") if self.comparator in ("<", "<=") else self.value

    def most(self):
        return Decimal("Infinity") if self.comparator in (">", ">=") else self.value

    def is_outside(self, low, high):
        """Whether every value of the side is."""
        below = self.most() <= low if self.comparator == "<" else self.most() < low
        above = self.least() >= high if self.comparator == ">" else self.least() > high
        return below or above

    def flags(self):
        if self.code is None and self.unit is None:
            yield "unit_missing"
        elif self.known_unit() == "kPa":
            yield "unit_converted"
        if self.comparator:
            yield "comparator"


COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
}


def find_sides(obs):
    """-> {systolic code: Side, diastolic code: Side}, a side that is not there absent."""
    found = []
    for component in objects_of(obs, "component"):
        sides = loinc_codes(component) & SIDES
        if len(sides) == 2:
            raise Rejected("ambiguous")
        found += [(side, component) for side in sides]
    own = loinc_codes(obs) & SIDES
    if own and (values_of(obs) or is_absent(obs) or not found):
        found += [(side, obs) for side in own]
        if len(own) == 2:
            raise Rejected("ambiguous")
    if len({side for side, _ in found}) < len(found):
        raise Rejected("ambiguous")
    return {side: Side(owner) for side, owner in found}


def read_pressures(obs):
    """-> (systolic, diastolic, flags); a side that is missing is None."""
    here = {code: side for code, side in find_sides(obs).items() if not side.missing}
    every = list(here.values())
    if any(side.is_invalid() for side in every):
        raise Rejected("invalid_value")
    if any(side.has_too_many_digits() for side in every):
        raise Rejected("invalid_value")
    if any(side.known_unit() is None for side in every):
        raise Rejected("invalid_unit")
    if any(side.comparator is not None and side.comparator not in COMPARE for side in every):
        raise Rejected("comparator")
    for side in every:
        side.convert()
    systolic, diastolic = here.get(SYSTOLIC), here.get(DIASTOLIC)
    # CHOICE: of a range, the number that is written
    if systolic and not 40 <= systolic.value <= 300 or diastolic and not 20 <= diastolic.value <= 200:
        raise Rejected("implausible")
    if systolic and diastolic and diastolic.least() >= systolic.most():
        raise Rejected("implausible")
    flags = {flag for side in every for flag in side.flags()}  # CHOICE: a missing side has no flags
    if systolic and systolic.is_outside(60, 260) or diastolic and diastolic.is_outside(30, 160):
        flags.add("suspect")
    if not here:
        raise Rejected("incomplete")
    if len(here) == 1:
        flags.add("incomplete")
    return systolic, diastolic, flags


# --- section 7, and what section 4 needs of it ---

PROVING = {"hypertensive_crisis", "hypertension_stage2", "hypotension"}
BREAKS = {"systolic": (90, 120, 130, 140, 180), "diastolic": (60, 80, 90, 120)}
HAIR = Decimal(1).scaleb(-60)


def category_of(s, d):
    """aha-2017; None for a side that is missing."""

    def holds(systolic_rule, diastolic_rule):
        return (s is not None and systolic_rule(s)) or (d is not None and diastolic_rule(d))

    if holds(lambda s: s > 180, lambda d: d > 120):
        return "hypertensive_crisis"
    if holds(lambda s: s >= 140, lambda d: d >= 90):
        return "hypertension_stage2"
    if holds(lambda s: s >= 130, lambda d: d >= 80):
        return "hypertension_stage1"
    if holds(lambda s: s >= 120, lambda d: False):
        return "elevated"
    return "hypotension" if is_low(s, d) else "normal"


def is_low(s, d):
    return (s is not None and s < 90) or (d is not None and d < 60)


def points(side, breaks):
    """Values that stand for all that the side may be: one, or one between and on all the limits in its range."""
    if side is None:
        return [None]
    if not side.comparator:
        return [side.value]
    near = [limit + step for limit in (side.value, *breaks) for step in (-HAIR, 0, HAIR)]
    return [point for point in near if COMPARE[side.comparator](point, side.value)]


def assess(systolic, diastolic):
    """-> (category, anomalies, reasons), or Rejected where the values do not decide."""
    pairs = [
        (s, d) for s in points(systolic, BREAKS["systolic"]) for d in points(diastolic, BREAKS["diastolic"])
    ]
    categories = {category_of(s, d) for s, d in pairs}
    half = systolic is None or diastolic is None
    category = categories.pop()
    if categories or (half and category not in PROVING):
        ranged = any(side and side.comparator for side in (systolic, diastolic))
        raise Rejected("comparator" if ranged else "incomplete")

    def always(rule):  # CHOICE: of a range, what holds for every value in it
        return all(rule(s, d) for s, d in pairs)

    anomalies = [] if category == "normal" else [category]
    if category != "hypotension" and always(is_low):
        anomalies.append("hypotension")
    exact = not half and not systolic.comparator and not diastolic.comparator
    rules = [
        ("systolic_hypertension", systolic, lambda s, d: s >= 130),
        ("diastolic_hypertension", diastolic, lambda s, d: d >= 80),
        ("systolic_hypotension", systolic, lambda s, d: s < 90),
        ("diastolic_hypotension", diastolic, lambda s, d: d < 60),
        ("isolated_systolic_hypertension", not half, lambda s, d: s >= 130 and d < 80),
        ("wide_pulse_pressure", exact, lambda s, d: s - d > 60),
        ("narrow_pulse_pressure", exact, lambda s, d: (s - d) * 4 < s),
    ]
    reasons = [name for name, known, rule in rules if known and always(rule)]
    return category, anomalies, reasons


# --- section 5 ---

# CHOICE: a Type is any word with a capital
RESTFUL = re.compile(r"(https?://.+)/([A-Z][A-Za-z]*)/([^/?#]+)(?:/_history/[^/?#]+)?/?")
RELATIVE = re.compile(r"/?([A-Z][A-Za-z]*)/([^/?#]+)(?:/_history/[^/?#]+)?/?")
SEARCH = re.compile(r"(.*/)?[A-Z][A-Za-z]*\?.*", re.DOTALL)  # CHOICE: also of a whole URL
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+", re.DOTALL)


class Bundle:
    """The Patients of a Bundle, to resolve references with."""

    def __init__(self, entries):
        self.types = collections.defaultdict(list)  # by fullUrl
        self.patients = []  # (keys, Patient)
        for entry in entries:
            if not isinstance(entry, dict) or not isinstance(entry.get("resource"), dict):
                continue
            resource, url = entry["resource"], full_url(entry)
            self.types[url].append(resource)
            if resource.get("resourceType") == "Patient":
                self.patients.append((patient_key(resource, url), resource))

    def at(self, url):
        """The Patients with that fullUrl, or Rejected where only something else has it."""
        targets = self.types.get(url, [])
        patients = [target for target in targets if target.get("resourceType") == "Patient"]
        if targets and not patients:
            raise Rejected("no_subject")
        return patients

    def by_key(self, key):
        return [patient for its, patient in self.patients if its == key]

    def by_identifier(self, identifier):
        found = [(key, patient) for key, patient in self.patients if identifier in identifiers_of(patient)]
        return [patient for _, patient in found] if len({key for key, _ in found}) == 1 else []


NO_BUNDLE = Bundle([])


def full_url(entry):
    url = entry.get("fullUrl")
    return url if isinstance(url, str) else ""


def identifiers_of(patient):
    found = []
    listed = patient.get("identifier")
    for identifier in listed if isinstance(listed, list) else []:
        if isinstance(identifier, dict):
            pair = identifier.get("system"), identifier.get("value")
            if all(isinstance(part, str) and part.strip() for part in pair):
                found.append(pair)
    return sorted(found)


def patient_key(patient, url):
    match = RESTFUL.fullmatch(url)
    if match and match[2] == "Patient":
        return f"{match[1]}/Patient/{match[3]}"
    if isinstance(patient.get("id"), str) and patient["id"].strip():
        return "Patient/" + patient["id"]
    return (identifiers_of(patient) or [url])[0]


def read_subject(obs, own_url, bundle):
    """-> the Patients here that the subject is, or Rejected."""
    subject = typed(obs, "subject", dict)
    if subject is None:
        raise Rejected("no_subject")
    kind = text_of(subject, "type")  # CHOICE: it decides beside a reference too
    if kind is not None and kind.rsplit("/", 1)[-1] != "Patient":
        raise Rejected("no_subject")
    reference = text_of(subject, "reference")
    if reference is None:
        identifier = typed(subject, "identifier", dict) or {}
        pair = text_of(identifier, "system"), text_of(identifier, "value")
        if None in pair:
            raise Rejected("no_subject")
        return bundle.by_identifier(pair)
    if reference.startswith("#"):
        for resource in objects_of(obs, "contained"):
            if text_of(resource, "resourceType") == "Patient" and text_of(resource, "id") == reference[1:]:
                for identifier in objects_of(resource, "identifier"):  # wrong types are not_fhir: this is the Observation
                    text_of(identifier, "system"), text_of(identifier, "value")
                identifiers = identifiers_of(resource)
                if identifiers:
                    return [resource] + bundle.by_identifier(identifiers[0])
        raise Rejected("no_subject")
    if re.match("urn:(uuid|oid):.", reference):
        return bundle.at(reference)
    match = RESTFUL.fullmatch(reference)
    if match:
        kind, key = match[2], f"{match[1]}/{match[2]}/{match[3]}"
    elif SEARCH.fullmatch(reference):
        raise Rejected("no_subject")
    elif ABSOLUTE.fullmatch(reference):
        return bundle.at(reference)
    else:
        match = RELATIVE.fullmatch(reference)
        if not match:
            raise Rejected("no_subject")
        base = RESTFUL.fullmatch(own_url)
        kind, key = match[1], (base[1] + "/" if base else "") + f"{match[1]}/{match[2]}"
    if kind != "Patient":
        raise Rejected("no_subject")
    return bundle.by_key(key)


def is_child(patients, day):
    """Whether every birth date that is known says: under 13 years on that day."""
    births = []
    for patient in patients:
        birth = patient.get("birthDate")
        match = isinstance(birth, str) and re.fullmatch(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", birth)
        if match and not (isinstance(patient, Twice) and "birthDate" in patient.twice):
            births.append((int(match[1]) + 13, int(match[2] or 1), int(match[3] or 1)))
    return bool(births) and all(thirteen > day for thirteen in births)


# --- section 6 ---

DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)


def read_date(text):
    """-> ((day since year 1, second of it, fraction's digits) in UTC, flags), or Rejected."""
    match = DATE.fullmatch(text)
    if not match:
        raise Rejected("invalid_time")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    year, month_number, day_number = int(year), int(month or 1), int(day or 1)
    if year < 1 or not 1 <= month_number <= 12 or not 1 <= day_number <= calendar.monthrange(year, month_number)[1]:
        raise Rejected("invalid_time")
    days = datetime.date(year, month_number, day_number).toordinal()
    if hour is None:
        return (days, 0, ""), {"time_imprecise"}
    hour, minute, second = int(hour), int(minute), int(second or 0)
    if hour > 23 or minute > 59 or second > 60:
        raise Rejected("invalid_time")
    seconds = hour * 3600 + minute * 60 + min(second, 59)
    if zone not in (None, "Z"):
        zone_hour, zone_minute = int(zone[1:3]), int(zone[4:])
        if zone_minute > 59 or zone_hour * 60 + zone_minute > 14 * 60:
            raise Rejected("invalid_time")
        seconds -= (zone_hour * 60 + zone_minute) * 60 * (-1 if zone[0] == "-" else 1)
    days, seconds = days + seconds // 86400, seconds % 86400
    return (days, seconds, (fraction or "").rstrip("0")), {"timezone_missing"} if zone is None else set()


def show_time(time):
    days, seconds, fraction = time
    if days < 1:
        date = "0000-12-31"
    elif days > datetime.date.max.toordinal():
        date = "10000-01-01"
    else:
        date = datetime.date.fromordinal(days).isoformat()
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{date}T{clock}{'.' + fraction if fraction else ''}Z"


def read_time(obs, now):
    """-> (time, flags), or Rejected."""
    text, flags = typed(obs, "effectiveDateTime", str), set()
    if text is None:
        text = typed(obs, "effectiveInstant", str)
    if text is None:
        period = typed(obs, "effectivePeriod", dict) or {}
        text = typed(period, "end", str)
        if text is None:
            text = typed(period, "start", str)
    if text is None:
        text = typed(obs, "issued", str)
        flags = {"time_from_issued"}
    if text is None:
        raise Rejected("no_time")
    time, more = read_date(text)
    days, seconds, fraction = time
    limit = (now[0], now[1] + SKEW_SECONDS, now[2])
    if (days * 86400 + seconds, fraction) > (limit[0] * 86400 + limit[1], limit[2]):
        raise Rejected("future")
    return time, flags | more


# --- one entry ---


def judge(resource, own_url, bundle, now):
    """-> what the page says of one resource that is no Bundle."""
    result = {
        "outcome": None, "category": None, "systolic": None, "diastolic": None, "anomalies": [], "reasons": [],
        "flags": [], "observation_id": None, "effective": None, "reason": None,
    }
    try:
        kind = text_of(resource, "resourceType")
        if kind is None:
            raise Rejected("not_fhir")
        if kind != "Observation":
            raise Skipped("not_observation")
        doubled = isinstance(resource, Twice) and "id" in resource.twice
        own_id = resource.get("id")
        if isinstance(own_id, str) and own_id.strip() and not doubled and not HALF.search(own_id):
            result["observation_id"] = own_id
        result.update(judge_observation(resource, own_url, bundle, now))
    except Rejected as why:
        result.update(outcome="rejected", reason=str(why))
    except Skipped as why:
        result.update(outcome="skipped", reason=str(why))
    return result


def judge_observation(obs, own_url, bundle, now):
    kind = blood_pressure_kind(obs)
    status = text_of(obs, "status")
    if status is None:
        raise Rejected("no_status")
    if status not in PROCESSED | WITHDRAWS:
        raise Skipped("status")
    has_id = text_of(obs, "id") is not None
    if status in WITHDRAWS:
        if not has_id:
            try:
                if kind == "withdrawal":
                    raise Rejected("no_id")
                read(obs, own_url, bundle, now)  # known by patient, time and values
            except Rejected as why:
                raise Rejected("not_fhir" if str(why) == "not_fhir" else "no_id") from None
        return {"outcome": "withdrawn"}
    reading = read(obs, own_url, bundle, now)
    if status == "preliminary":
        reading["flags"] = sorted([*reading["flags"], "preliminary"])
    return reading


def read(obs, own_url, bundle, now):
    systolic, diastolic, flags = read_pressures(obs)
    category, anomalies, reasons = assess(systolic, diastolic)
    patients = read_subject(obs, own_url, bundle)
    time, time_flags = read_time(obs, now)
    flags |= time_flags
    if patients and 1 <= time[0] <= datetime.date.max.toordinal():
        day = datetime.date.fromordinal(time[0])
        if is_child(patients, (day.year, day.month, day.day)):
            flags.add("paediatric")
    return {
        "outcome": "anomaly" if anomalies else "normal",
        "category": category,
        "systolic": systolic and format(systolic.value, "f"),
        "diastolic": diastolic and format(diastolic.value, "f"),
        "anomalies": anomalies,
        "reasons": reasons,
        "flags": sorted(flags),
        "effective": show_time(time),
    }


# --- section 1 ---


def plain(outcome, reason):
    return {
        "outcome": outcome, "category": None, "systolic": None, "diastolic": None, "anomalies": [], "reasons": [],
        "flags": [], "observation_id": None, "effective": None, "reason": reason,
    }


def is_bundle(value):
    doubled = isinstance(value, Twice) and "resourceType" in value.twice
    return isinstance(value, dict) and not doubled and value.get("resourceType") == "Bundle"


def judge_record(value, size, now):
    """-> [(number of the entry or None, what the page says of it)]"""
    if size > MAX_BYTES:
        return [(None, plain("rejected", "too_large"))]
    if value is NOT_JSON:
        return [(None, plain("rejected", "not_json"))]
    deep = deeper_than(value, MAX_LEVELS)
    if is_bundle(value):
        results = []
        judge_bundle(value, 1, deep, now, results)
        if not value.get("entry") or not isinstance(value["entry"], list):  # CHOICE: what has no entries has no number
            return [(None, result) for result in results]
        return list(enumerate(results))
    if deep:
        return [(None, plain("rejected", "too_deep"))]
    if not isinstance(value, dict):
        return [(None, plain("rejected", "not_fhir"))]
    return [(None, judge(value, "", NO_BUNDLE, now))]


def judge_bundle(value, level, deep, now, results):
    """Appends what the page says of each entry. CHOICE: an entry is as deep as its resource, whatever is beside it."""
    within = level + 3  # the level of a resource: after the Bundle, its `entry` and one of these
    if within > MAX_LEVELS:
        results.append(plain("rejected", "too_deep"))
        return
    try:
        entries = typed(value, "entry", list)
    except Rejected as why:
        results.append(plain("rejected", str(why)))
        return
    if not entries:
        results.append(plain("skipped", "empty_bundle"))
        return
    bundle = Bundle(entries)
    for entry in entries:
        try:
            resource = get(entry, "resource") if isinstance(entry, dict) else entry
            if resource is None:
                raise Skipped("not_observation")
            if is_bundle(resource):
                judge_bundle(resource, within, deep, now, results)
                continue
            if deep and deeper_than(resource, MAX_LEVELS - within + 1):
                raise Rejected("too_deep")
            if not isinstance(entry, dict) or not isinstance(resource, dict):
                raise Rejected("not_fhir")
            results.append(judge(resource, full_url(entry), bundle, now))
        except Rejected as why:
            results.append(plain("rejected", str(why)))
        except Skipped as why:
            results.append(plain("skipped", str(why)))


def files_of(paths):
    for path in paths:
        if os.path.isdir(path):
            found = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
            yield from sorted(name for name in found if name.endswith((".json", ".ndjson")))
        else:
            yield path


def judge_file(path, now):
    """Yields (line, entry, what the page says)."""
    with open(path, "rb") as file:
        for line, value, size in records(file):
            for entry, result in judge_record(value, size, now):
                yield line, entry, result


class Totals:
    def __init__(self):
        self.entries = 0
        names = ("outcomes", "categories", "rejections", "skips", "flags")
        self.counts = {name: collections.Counter() for name in names}

    def add(self, result):
        self.entries += 1
        self.counts["outcomes"][result["outcome"]] += 1
        if result["category"]:
            self.counts["categories"][result["category"]] += 1
        if result["outcome"] == "rejected":
            self.counts["rejections"][result["reason"]] += 1
        if result["outcome"] == "skipped":
            self.counts["skips"][result["reason"]] += 1
        self.counts["flags"].update(result["flags"])

    def as_json(self):
        return {"entries": self.entries, **{name: dict(sorted(n.items())) for name, n in self.counts.items()}}


def clock(text=None):
    if text is not None:
        return read_date(text)[0]
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.toordinal(), now.hour * 3600 + now.minute * 60 + now.second, f"{now.microsecond:06}".rstrip("0")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    arguments.add_argument("--per-entry", action="store_true", help="a line for each entry, then the totals")
    arguments.add_argument("--now", help="the clock, as a FHIR dateTime")
    arguments.add_argument("files", nargs="+", metavar="FILE")
    options = arguments.parse_args()
    try:
        now = clock(options.now)
    except Rejected:
        arguments.error("--now is not a FHIR dateTime")
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    totals = Totals()
    for path in files_of(options.files):
        for line, entry, result in judge_file(path, now):
            totals.add(result)
            if options.per_entry:
                print(json.dumps({"file": path, "line": line, "entry": entry, **result}, ensure_ascii=False))
    print(json.dumps(totals.as_json()))


if __name__ == "__main__":
    main()
