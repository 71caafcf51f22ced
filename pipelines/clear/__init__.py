"""Clear: key every source, then decide a request once per key, for all the parts under it.

Import every public name from here; the modules below are one station.
"""

from pipelines.clear.breakdown import BY, breakdown
from pipelines.clear.clearance import NO_END, Clearance, Part, SourceRow
from pipelines.clear.keying import rights_stream
from pipelines.clear.overlap import cleared_clips
from pipelines.clear.station import clear
from pipelines.clear.worklist import Nearly, nearly_cleared, worklist

__all__ = [
    "BY",
    "NO_END",
    "Clearance",
    "Nearly",
    "Part",
    "SourceRow",
    "breakdown",
    "clear",
    "cleared_clips",
    "nearly_cleared",
    "rights_stream",
    "worklist",
]
