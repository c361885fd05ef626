"""The section `checkpoint` of a config."""

from pathlib import Path

from nnlite.callbacks.checkpoints import Checkpoints, Every
from nnlite.registry import Section
from nnlite.registry.bounds import Count

__all__ = ["CheckpointPlan"]


class CheckpointPlan(Section):
    """Schedule of checkpoints of a training run, as in `nnlite.callbacks.Checkpoints`.

    Args:
        every: "1 epoch", "500 steps" or "10 min"; "auto": after each epoch, unless that takes over a hundredth of the
            time.
        keep: number of files of the last steps, beside that of the best model.

    >>> CheckpointPlan(every="500 steps").to_spec()
    {'every': '500 steps', 'keep': 3}
    """

    every: Every = "auto"
    keep: Count = 3

    def callback(self, folder: Path) -> Checkpoints:
        """Callback that saves them in a folder."""
        return Checkpoints(folder, self.every, self.keep)
