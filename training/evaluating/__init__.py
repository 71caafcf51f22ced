"""What a model is worth, on windows that it was not trained on and always beside a control."""

from training.evaluating.evaluation import Evaluation
from training.evaluating.measuring import Groups, evaluate
from training.evaluating.plan import Plan
from training.evaluating.rolling import device_here
from training.evaluating.strips import Shown, png, write_png, write_strip

__all__ = [
    "Evaluation",
    "Groups",
    "Plan",
    "Shown",
    "device_here",
    "evaluate",
    "png",
    "write_png",
    "write_strip",
]
