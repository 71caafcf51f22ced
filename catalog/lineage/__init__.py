"""Lineage: from any id up to its sources and licences, or down to what came of it."""
