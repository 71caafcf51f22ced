"""Tests of `pipelines.console`."""
