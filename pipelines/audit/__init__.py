"""Stations that read the record again: what was decided then, what has turned since."""
