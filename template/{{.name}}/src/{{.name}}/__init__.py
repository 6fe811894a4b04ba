"""The use case is in `use_case.py`; here is nothing, as the service imports this package too, and has no Spark."""
