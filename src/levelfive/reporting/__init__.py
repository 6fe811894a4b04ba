"""Status and report."""
