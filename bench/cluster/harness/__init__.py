"""Measures bp-monitor's classifier beside other pipelines that do the same. `python -m harness --help` says how."""
