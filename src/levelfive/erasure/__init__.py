"""Removes a person's rows from all places that levelfive keeps rows in."""
