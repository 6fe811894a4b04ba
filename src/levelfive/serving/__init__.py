"""The serving stage: the champion answers requests, one row or many at a time, with the numbers of the batch."""
