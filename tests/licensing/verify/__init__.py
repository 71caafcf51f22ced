"""Tests of the independent checker, one file a module."""
