"""What models predict: a module a task, with all that depends on it."""
