"""Evaluate: measure a recorded checkpoint, and write the page that tells of it."""
