"""Cut: windows over episodes, fixed, by shots or by events; cutting again costs no media byte."""

from pipelines.cut.station import CutReport, cut

__all__ = ["CutReport", "cut"]
