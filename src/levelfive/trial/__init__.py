"""A use case tried on the first rows of its landing files: all that is wrong is said, and nothing is written."""
