"""Tests of what a model is worth."""
