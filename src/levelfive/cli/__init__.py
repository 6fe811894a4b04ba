"""The `levelfive` command."""
