"""The tree of errors of `training`.

ClearwayError
└── TrainingError       LOSS_NOT_FINITE TRAINING_FAILED
    ├── Refused          the gate says no; `code` says which check failed; PARENT_USE_NOT_COVERED
    ├── LoaderError      MEDIA_CHANGED FORK_REFUSED ERASED WORKER_START QUARANTINE_BUDGET
    ├── CheckpointError  CHECKPOINT_OTHER _OTHER_SET _OTHER_VERSION _TORN _MISSING
    │                    CHECKPOINT_WRITE_FAILED QUARANTINE_CHANGED CHANNEL_UNKNOWN DOMAIN_UNKNOWN
    │                    PARENT_OTHER _IS_ADAPTER _OTHER_SIZES
    │                    ADAPTER_MISSING
    ├── ConfigError      CONFIG_UNKNOWN_KEY CONFIG_INVALID WEIGHT_TOO_SMALL ADAPTER_OTHER_DOMAIN
    ├── DeviceError      CUDA_MISSING NCCL_MISSING GPU_DECODER_MISSING
    └── RankLost         RANK_LOST: not an answer but a failure; whoever started the ranks retries
"""

from __future__ import annotations

from licensing.errors import ClearwayError


class TrainingError(ClearwayError):
    """Any error of the feed and the trainer."""


class Refused(TrainingError):
    """The gate refuses a training set; `code` is the check that failed."""


class LoaderError(TrainingError):
    """Bytes that cannot be delivered as the manifest promises them."""


class CheckpointError(TrainingError):
    """A checkpoint that is torn, missing, or of another training set."""


class DeviceError(TrainingError):
    """A machine that lacks what the configuration asks of it."""


class RankLost(TrainingError):
    """Another rank of the run does not answer any more."""


class ConfigError(TrainingError):
    """A training configuration that cannot be run."""
