"""Communication between the steps of processes that train together."""

import hashlib
from typing import TYPE_CHECKING, Any

from nnlite.callbacks import Callback
from nnlite.distributed import Team, TeamError, current_team

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["Agreement", "agreements"]


class Agreement(Callback, abstract=True):
    """Makes a training that ends in one process, by a signal or a callback, end in all of them after the same batch.

    After each epoch it also compares the weights.

    Args:
        team: all processes.
        trainer: that trains the model in this process.
    """

    watches = True
    comes_last = True

    team: Any
    trainer: Any

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._agree()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._agree()
        prints = self.team.gather([hashlib.sha256(p.value.tobytes()).digest() for p in self.model.parameters])
        for rank, other in enumerate(prints):
            if other != prints[0]:
                changed = next(
                    n for n, (mine, theirs) in enumerate(zip(prints[0], other, strict=True)) if mine != theirs
                )
                raise TeamError(
                    f"{self.model.parameters[changed].path} of rank {rank} is not that of rank 0 any more: a callback "
                    "or a layer changes it by what this process alone knows, or NumPy differs there"
                )

    def _agree(self) -> None:
        flags = (self.trainer.stop_training, self.trainer.interrupted)
        self.trainer.stop_training, self.trainer.interrupted = self.team.any(*flags)


def agreements(trainer: "Trainer") -> list[Callback]:
    """The callback that training by several processes needs, before all others; none without a team."""
    team: Team | None = current_team()
    return [] if team is None else [Agreement(team=team, trainer=trainer)]
