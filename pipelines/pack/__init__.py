"""Write a training set in the formats of others, with its papers, for carrying away."""

from pipelines.pack.station import FORMATS, Packed, pack_set

__all__ = ["FORMATS", "Packed", "pack_set"]
