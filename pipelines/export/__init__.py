"""Export: cleared clips become a physical training set with its papers; papers are renewed.

Import every public name from here; the modules below are one station.
"""

from pipelines.export.renewal import Renewed, check_set, locate_set, renew
from pipelines.export.training_set import Exported, export_set

__all__ = ["Exported", "Renewed", "check_set", "export_set", "locate_set", "renew"]
