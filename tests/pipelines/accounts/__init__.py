"""Tests of `pipelines.accounts`."""
