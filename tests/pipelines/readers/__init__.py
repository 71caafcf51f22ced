"""Tests of pipelines.readers."""
