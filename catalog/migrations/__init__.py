"""The schema's history, run by `catalog.engine.migrate`."""
