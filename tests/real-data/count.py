#!/usr/bin/env python3
"""Counts what docs/clinical-rules.md says of FHIR JSON: a second implementation of that page, to hold the first against.

usage: count.py [--per-entry] [--now TIME] FILE...        (of a directory: every *.json and *.ndjson under it, by path)

Prints totals as one line of JSON; with --per-entry, before them one line of JSON for each entry. It knows the page and
nothing of the product's code. Settings are the defaults: profile aha-2017, every category but normal an anomaly, no base
URL, unique ids, 24 h of skew; the clock is now, or --now.

Where one record ends and the next begins, at each line that is not blank:
  1. the line is a JSON value by itself: a record;
  2. else it starts with { or [ and a JSON value that starts there ends on a later line with nothing after it on that
     line: a record;
  3. else that one line is `not_json`, and the next line is looked at.

Two faults in one Observation: the page's order decides (sections 1 to 7, in section 4 the table's order).
null is the same as absent, and so is a blank string, except as a date. More that the page leaves open is marked CHOICE.

Known limits: beyond about 900 levels a whole record is one `too_deep`, and the size of a Bundle's entry is that of its
compact form.
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

MAX_BYTES = 32 * 1024 * 1024
MAX_LEVELS = 128
SKEW_SECONDS = 24 * 3600
BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"

LOINC = {"http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"}
SYSTOLIC, DIASTOLIC, MEAN = "8480-6", "8462-4", "8478-0"
SIDES = {SYSTOLIC, DIASTOLIC}
AVERAGES = {"96607-7", "96608-5", "96609-3"}
PANELS = {"85354-9", "55284-4", "35094-2", "55417-0"}
UNITS = {"mm[Hg]": "mmHg", "mmHg": "mmHg", "mm Hg": "mmHg", "kPa": "kPa"}
KPA = Decimal("7.50062")

decimal.getcontext().prec = 200
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
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


def lone_surrogate(text):
    if "\\ud" not in text and "\\uD" not in text:
        return False
    high_end = None
    for match in ESCAPE.finditer(text):
        unit = int(match[1], 16) if match[1] else 0
        low = 0xDC00 <= unit <= 0xDFFF
        if low != (high_end is not None and high_end == match.start()):
            return True
        high_end = match.end() if 0xD800 <= unit <= 0xDBFF else None
        if high_end is not None and not text.startswith("\\u", high_end):
            return True
    return high_end is not None


TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<string>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")
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

    def feed(self, text):
        """-> "more", "done" or "bad"."""
        at = 0
        while True:
            match = TOKEN.match(text, at)
            if not match:
                return "bad"
            kind, at = match.lastgroup, match.end()
            if kind == "end":
                return "done" if self.want == "nothing" else "more"
            if not self.take(kind, match[kind]):
                return "bad"

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


TOO_DEEP = object()


def parse(raw):
    """-> a JSON value, TOO_DEEP for one that cannot be taken in, or ValueError."""
    text = raw.decode("utf-8")  # UnicodeDecodeError is a ValueError
    try:
        value = DECODER.decode(text)
    except RecursionError:
        if Scanner().feed(text) != "done":
            raise ValueError from None
        value = TOO_DEEP
    if lone_surrogate(text):
        raise ValueError
    return value


def scan(scanner, raw):
    try:
        return scanner.feed(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return "bad"


NOT_JSON = object()


def records(file):
    """Yields (line, value or TOO_DEEP or NOT_JSON, bytes) for each record of a file that was opened as binary."""
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
        if line.startswith(BOM):
            line = line[len(BOM):]
        content = line.strip(BLANK)
        if not content:
            continue
        try:
            yield number, parse(content), len(content)
            whole_tried = True
            continue
        except ValueError:
            pass
        scanner = Scanner()
        if content[:1] not in (b"{", b"[") or scan(scanner, line) != "more":
            yield number, NOT_JSON, len(content)
            continue
        if not whole_tried:  # the same as what follows, only much faster: most such files are one document
            whole_tried = True
            rest = file.read()
            try:
                yield number, parse(line + rest), len((line + rest).strip(BLANK))
                return
            except ValueError:
                waiting.extend(part + b"\n" for part in rest.split(b"\n"))
                waiting[-1] = waiting[-1][:-1]
                if not waiting[-1]:
                    waiting.pop()
                del rest
        taken = []
        state = "more"
        while state == "more":
            following = take()
            if not following:
                break
            taken.append(following)
            state = scan(scanner, following)
        value = NOT_JSON
        if state == "done":
            document = line + b"".join(taken)
            try:
                value = parse(document)
            except ValueError:
                pass  # a lone surrogate
        if value is NOT_JSON:
            waiting.extendleft(reversed(taken))
            yield number, NOT_JSON, len(content)
        else:
            yield number, value, len(document.strip(BLANK))
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
        if present(obs.get("hasMember")) or present(obs.get("related")):
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


class Side:
    """What an Observation or a component says of one pressure."""

    def __init__(self, owner):
        kinds = {name for name in owner if re.match("value[A-Z]", name) and owner[name] is not None}
        self.other_value = bool(kinds - {"valueQuantity"})
        quantity = typed(owner, "valueQuantity", dict) or {}
        self.number = get(quantity, "value")
        self.unit = text_of(quantity, "unit")
        self.code = text_of(quantity, "code")
        self.comparator = typed(quantity, "comparator", str)  # CHOICE: "" is none that is known
        self.absent = owner.get("dataAbsentReason") is not None
        self.value = None

    def mantissa(self):
        return re.split("[eE]", self.number.text)[0].lstrip("-").replace(".", "").lstrip("0")

    def is_missing(self):
        return self.number is None or self.absent

    def is_invalid(self):
        if self.other_value:
            return True
        if self.number is None:
            return False
        return not isinstance(self.number, Number) or (self.number.text.startswith("-") and self.mantissa() != "")

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
        if self.number is None:
            return False
        in_kpa = "kPa" in (UNITS.get(self.code), UNITS.get(self.unit))
        return len(self.mantissa()) > (22 if in_kpa and self.known_unit() else 28)

    def convert(self):
        mantissa, _, exponent = self.number.text.lower().partition("e")
        exponent = int(exponent or 0)
        if self.mantissa() == "":
            number = Decimal(0)
        elif abs(exponent) > 100:  # far out of any range, whatever its digits
            number = Decimal(10) ** (50 if exponent > 0 else -50)
        else:
            number = Decimal(mantissa).scaleb(exponent)
        if number.as_tuple().exponent > 0:
            number = number.quantize(Decimal(1))
        self.value = number * KPA if self.known_unit() == "kPa" else number

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
    has_value = any(re.match("value[A-Z]", name) and obs[name] is not None for name in obs)
    if own and (has_value or obs.get("dataAbsentReason") is not None or not found):
        found += [(side, obs) for side in own]
        if len(own) == 2:
            raise Rejected("ambiguous")
    if len({side for side, _ in found}) < len(found):
        raise Rejected("ambiguous")
    return {side: Side(owner) for side, owner in found}


def read_pressures(obs):
    """-> (systolic, diastolic, flags); a side that is missing is None."""
    sides = find_sides(obs)
    every = list(sides.values())
    if any(side.is_invalid() for side in every):
        raise Rejected("invalid_value")
    if any(side.has_too_many_digits() for side in every):
        raise Rejected("invalid_value")
    if any(side.known_unit() is None for side in every):
        raise Rejected("invalid_unit")
    if any(side.comparator is not None and side.comparator not in COMPARE for side in every):
        raise Rejected("comparator")
    here = {code: side for code, side in sides.items() if not side.is_missing()}
    for side in here.values():
        side.convert()
    systolic, diastolic = here.get(SYSTOLIC), here.get(DIASTOLIC)
    if systolic and not 40 <= systolic.value <= 300 or diastolic and not 20 <= diastolic.value <= 200:
        raise Rejected("implausible")
    if systolic and diastolic and not systolic.comparator and not diastolic.comparator:
        # CHOICE: with exact values only, as "< 110 beside a diastolic of 125" is a crisis on the page
        if diastolic.value >= systolic.value:
            raise Rejected("implausible")
    flags = {flag for side in here.values() for flag in side.flags()}  # CHOICE: a missing side has no flags
    if systolic and not 60 <= systolic.value <= 260 or diastolic and not 30 <= diastolic.value <= 160:
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

RESTFUL = re.compile(r"(https?://.+)/([A-Z][A-Za-z]*)/([^/]+)(?:/_history/[^/]+)?/?")


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
            system, value = identifier.get("system"), identifier.get("value")
            if isinstance(value, str) and value.strip():
                found.append((system if isinstance(system, str) else "", value))
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
    reference = text_of(subject, "reference")
    if reference is None:
        if not says_patient(subject):
            raise Rejected("no_subject")
        identifier = typed(subject, "identifier", dict)
        value = identifier and text_of(identifier, "value")
        if not value:
            raise Rejected("no_subject")
        return bundle.by_identifier((text_of(identifier, "system") or "", value))
    if reference.startswith("#"):
        for resource in objects_of(obs, "contained"):
            if resource.get("resourceType") == "Patient" and resource.get("id") == reference[1:]:
                identifiers = identifiers_of(resource)
                if identifiers:
                    return [resource] + bundle.by_identifier(identifiers[0])
        raise Rejected("no_subject")
    if re.match("urn:(uuid|oid):.", reference):
        targets = bundle.types.get(reference, [])
        patients = [target for target in targets if target.get("resourceType") == "Patient"]
        if targets and not patients or not targets and not says_patient(subject):
            raise Rejected("no_subject")
        return patients
    match = RESTFUL.fullmatch(reference)
    if match:
        kind, key = match[2], f"{match[1]}/{match[2]}/{match[3]}"
    else:
        match = re.fullmatch(r"/?([A-Z][A-Za-z]*)/([^/?#]+)(?:/_history/[^/]+)?/?", reference)
        if not match:
            raise Rejected("no_subject")  # CHOICE: also Patient?identifier=..., and URLs that are no RESTful ones
        base = RESTFUL.fullmatch(own_url)
        kind, key = match[1], (base[1] + "/" if base else "") + f"{match[1]}/{match[2]}"
    if kind != "Patient":
        raise Rejected("no_subject")
    return bundle.by_key(key)


def says_patient(subject):
    kind = subject.get("type")
    return not isinstance(kind, str) or kind.rsplit("/", 1)[-1] in ("Patient", "")


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
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
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
    hour, minute, second = int(hour), int(minute), int(second)
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
        if isinstance(resource.get("id"), str) and not doubled:
            result["observation_id"] = resource["id"]
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


def compact_size(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=lambda number: float(number.text))
    return len(text.encode())


def is_bundle(value):
    doubled = isinstance(value, Twice) and "resourceType" in value.twice
    return isinstance(value, dict) and not doubled and value.get("resourceType") == "Bundle"


def judge_record(value, size, now):
    """-> [(number of the entry or None, what the page says of it)]"""
    large = size > MAX_BYTES
    if value is NOT_JSON:
        return [(None, plain("rejected", "too_large" if large else "not_json"))]
    if value is TOO_DEEP:
        return [(None, plain("rejected", "too_large" if large else "too_deep"))]
    if is_bundle(value):
        results = []
        judge_bundle(value, large, deeper_than(value, MAX_LEVELS), now, results)
        if not value.get("entry") or not isinstance(value["entry"], list):  # CHOICE: what has no entries has no number
            return [(None, result) for result in results]
        return list(enumerate(results))
    if large:
        return [(None, plain("rejected", "too_large"))]
    if isinstance(value, (dict, list)) and deeper_than(value, MAX_LEVELS):
        return [(None, plain("rejected", "too_deep"))]
    if not isinstance(value, dict):
        return [(None, plain("rejected", "not_fhir"))]
    return [(None, judge(value, "", NO_BUNDLE, now))]


def judge_bundle(value, large, deep, now, results):
    """Appends what the page says of each entry. CHOICE: size and depth are each entry's own, never the Bundle's."""
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
            resource = typed(entry, "resource", dict) if isinstance(entry, dict) else entry
            if resource is None:
                raise Skipped("not_observation")
            if not isinstance(resource, dict):
                raise Rejected("not_fhir")
            if is_bundle(resource):
                judge_bundle(resource, large, deep, now, results)
                continue
            if large and compact_size(resource) > MAX_BYTES:
                raise Rejected("too_large")
            if deep and deeper_than(resource, MAX_LEVELS):
                raise Rejected("too_deep")
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
