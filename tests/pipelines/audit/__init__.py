"""Tests of `pipelines.audit`."""
