"""Checks that a model can be trained by shards, and that all processes train the same."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnlite.distributed import Team
from nnlite.errors import ConfigError
from nnlite.layers.base.call import moves_on
from nnlite.optimizers.full_batch import FullBatchOptimizer
from nnlite.training.safety.plans import differences, training_plan_of

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["check_same", "check_sharded"]


def check_sharded(trainer: "Trainer", options: Mapping[str, Any]) -> None:
    """`ConfigError` naming the part of a training that needs all rows in one process."""
    name = type(trainer.optimizer).__name__
    if isinstance(trainer.optimizer, FullBatchOptimizer):
        raise ConfigError(
            f"{name} takes all rows at once, which several processes cannot share: take an optimizer that trains by "
            "batches, such as Adam"
        )
    if trainer.model._writes_steps:
        raise ConfigError(
            f"{trainer.model.label} writes its own training step, which cannot be cut into shards: leave out "
            "train_step and compute_loss, or train in one process"
        )
    if options["folds"] is not None:
        raise ConfigError("folds trains members side by side in one process: leave it out, or train in one", ("folds",))
    moving = [layer.label for layer in trainer.model.layers if moves_on(layer)]
    if moving:
        raise ConfigError(
            f"{moving[0]} carries states from batch to batch, and its rows from shard to shard would be others: set "
            "stateful to false, or train in one process"
        )


def check_same(trainer: "Trainer", team: Team) -> None:
    """Copy the weights of rank 0 to all processes; `ConfigError` if a process trains anything else than rank 0."""
    session: Any = trainer.session
    assert trainer.optimizer is not None  # the model is compiled
    plan = training_plan_of(trainer, session.batches, session.options, session.callbacks.callbacks)
    position = {"iterations": trainer.optimizer.batches, "epochs": list(session.epochs)[:1], "batch": session.batch}
    plans = team.gather({**plan, **position})
    for rank, other in enumerate(plans):
        changed = differences(plans[0], other)
        if changed:
            raise ConfigError(
                f"rank {rank} does not train the same as rank 0: {changed}. All processes run one program on the same "
                "data; give layers that draw a seed of their own the same one"
            )
    for parameter in trainer.model.parameters:
        parameter.assign(team.broadcast(parameter.value))
