"""Trainable layers before the dense ones whose steps run in compiled code."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.jacobians import ChainJacobians
from nnlite.layers.composite.chain import Chain
from nnlite.layers.composite.fused_dense import JoinedDense
from nnlite.layers.composite.program import ProgramStage
from nnlite.training.joint.copies import is_multiplied

if TYPE_CHECKING:
    from nnlite.training.train_step import Steps

__all__ = ["Front", "can_learn_apart"]


class Front:
    """The layers, run in Python before the compiled part of a step, and updated after it.

    Args:
        steps: those of the model.
        line: the stages of these layers.
    """

    def __init__(self, steps: "Steps", line: list[ProgramStage]) -> None:
        trained = {id(parameter) for pack in steps.store.packs for parameter in pack.parameters}
        wanted = [id(parameter) in trained for parameter in steps.parameters]
        into = [weight.gradient if want else None for weight, want in zip(steps.parameters, wanted, strict=True)]
        self.chain = Chain.of_stages(line)
        self.values, self.plan = self.chain.group(steps.trainer.model.values), self.chain.plan(wanted, into)

    def run(self, x: np.ndarray) -> tuple[Any, ChainJacobians]:
        """The inputs of the dense layers."""
        return self.chain.run(x, self.values, True)

    def leave(
        self, steps: "Steps", jacobians: ChainJacobians, by_outputs: np.ndarray, update: Callable[[], None]
    ) -> None:
        """The rest of a step: the gradients of these layers, and the update of all parameters."""
        self.chain.backward(jacobians, by_outputs, self.plan)
        update()
        steps.optimizer.count_batches(steps.store.packs, 1)
        if steps.has_state:
            steps.update_averages(self.chain, jacobians.state)


def can_learn_apart(steps: "Steps", line: list[ProgramStage]) -> bool:
    """Whether layers before the last, joined stage may be trained this way, and it pays: its kernels are copied."""
    *before, (_, stage, _, _) = line
    layers = cast(JoinedDense, stage).layers
    copied = layers[0].members is not None or any(map(is_multiplied, layers))
    return copied and not steps.regularized and not any(member.layer._context for member in before)
