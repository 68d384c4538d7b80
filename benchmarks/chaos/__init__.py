"""Fault runs: real processes at real work while a seeded schedule of faults strikes; afterwards nothing is missing."""
