"""Erase: what a revocation has ended goes from every disk that is ours, physically and provably."""

from pipelines.erase.replay import replay
from pipelines.erase.revoked import erase_revoked
from pipelines.erase.station import Erased, erase

__all__ = ["Erased", "erase", "erase_revoked", "replay"]
