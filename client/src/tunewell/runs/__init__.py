"""Runs of a script: tracked live, offline, or as an agent of a study."""
