"""Profiles, distances and metrics, in numpy."""
