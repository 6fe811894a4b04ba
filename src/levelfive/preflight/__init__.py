"""Before a first deployment: what the workspace lacks, and the statement that grants it."""
