"""Tables of the lakehouse, and what jobs keep there."""
