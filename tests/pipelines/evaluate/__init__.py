"""Tests of the page of an evaluation."""
