"""Tests of `pipelines.console.api`."""
