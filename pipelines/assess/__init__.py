"""Assess: measure clips from what was seen and logged, filter them by what their source says."""

from pipelines.assess.station import Assessed, assess

__all__ = ["Assessed", "assess"]
