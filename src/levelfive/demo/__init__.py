"""The demo: a year of files, walked through as a scheduler would."""
