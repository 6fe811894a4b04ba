"""Maintenance: how the rows of tables lie in files, and how long files that no newest version needs stay there."""
