"""The online store: what lookups find of each key, by single requests, and how it gets there."""
