"""Ingest: every new file of a source is read on workers and published in the lake exactly once."""
