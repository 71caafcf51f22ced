"""Tests of the papers, one file a module."""
