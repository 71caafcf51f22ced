"""The training loop of one process, alone or as one of many; it knows no Ray."""

from training.loop.job import Job
from training.loop.judge import Judged, judge
from training.loop.run import Watch, train

__all__ = ["Job", "Judged", "Watch", "judge", "train"]
