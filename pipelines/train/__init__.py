"""Train: from a configuration to recorded checkpoints, through the trainer's own gate."""

from pipelines.train.asked import Options
from pipelines.train.planning import plan_set
from pipelines.train.station import Trained, train_set

__all__ = ["Options", "Trained", "plan_set", "train_set"]
