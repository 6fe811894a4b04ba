"""What a team declares of its use case, and the checks of it."""
