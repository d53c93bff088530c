"""What should come out, from how often each pressure occurs. Nothing here knows a peer's code, but for the one rule that is wrong."""

import collections

# bp-monitor's names of the categories, and the ones used here.
LONG_NAMES = {
    "hypertensive_crisis": "crisis", "hypertension_stage2": "stage2", "hypertension_stage1": "stage1",
    "elevated": "elevated", "hypotension": "hypotension",
}


def category(systolic, diastolic):
    """AHA/ACC 2017, the most severe first; docs/clinical-rules.md."""
    if systolic > 180 or diastolic > 120:
        return "crisis"
    if systolic >= 140 or diastolic >= 90:
        return "stage2"
    if systolic >= 130 or diastolic >= 80:
        return "stage1"
    if systolic >= 120:
        return "elevated"
    if systolic < 90 or diastolic < 60:
        return "hypotension"
    return "normal"


def demo_category(systolic, diastolic):
    """As python-demo decides: in an order in which crisis is never reached, and without hypotension."""
    if systolic < 120 and diastolic < 80:
        return "normal"
    if 120 <= systolic <= 129 and diastolic < 80:
        return "Elevated"
    if 130 <= systolic <= 139 or 80 <= diastolic <= 89:
        return "Hypertension Stage 1"
    return "Hypertension Stage 2"


def expected(facts, rule=category):
    """How many documents of each category, and how many normal readings."""
    counts = collections.Counter()
    for systolic, diastolic, count in facts["pressures"]:
        counts[rule(systolic, diastolic)] += count
    normal = counts.pop("normal", 0)
    return dict(counts), normal


def pressures(observation):
    """Systolic and diastolic of an Observation as this benchmark publishes them."""
    return tuple(component["valueQuantity"]["value"] for component in observation["component"])
