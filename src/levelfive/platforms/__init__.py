"""Where it runs: a laptop, a workspace."""
