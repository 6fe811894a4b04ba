"""The scoring room."""
