"""The steps of a model whose batches are cut into shards, which several processes share."""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.data.batches import take_rows
from nnlite.distributed import Lockstep, Part, Team
from nnlite.errors import ConfigError
from nnlite.jacobians import add_penalties, penalized_parts
from nnlite.jacobians.together import summed_by
from nnlite.layers import BatchNormalization
from nnlite.layers.base.call import layers_within
from nnlite.random import RandomSource, stream
from nnlite.training.safety.divergence import NotFinite
from nnlite.training.sharded.batches import RowsOfRank
from nnlite.training.sharded.gradients import ShardGradients
from nnlite.training.sharded.losses import ShardLosses

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["ShardedSteps"]


class ShardedSteps:
    """`train` and `validate` of `Steps`, with the shards of a batch shared by the processes of a team.

    The loss, its gradients and the moments of batch normalization are those of the whole batch. Each shard has random
    numbers of its own, and all sums are taken over shards in a fixed tree.

    Args:
        trainer: of a model whose steps are ready.
        team: all processes.
    """

    def __init__(self, trainer: "Trainer", team: Team) -> None:
        self.trainer, self.team, self.steps = trainer, team, trainer.ready_steps()
        self.steps.without_tables()  # a shard's gradients are added to those of others
        self.losses = ShardLosses(self.steps.loss)
        self.gradients = ShardGradients(self.steps, team)
        self.in_turns = any(isinstance(one, BatchNormalization) for one in layers_within(trainer.model))
        self.seeds = [
            int(stream(trainer.model.seed, "shards", index=shard).integers(2**63)) for shard in range(team.shards)
        ]
        self._states_checked = not self.steps.has_state

    def train(
        self, x: RowsOfRank, y: Any, sample_weight: Any = None, batch_size: int | None = None
    ) -> tuple[float, Any]:
        """As `Steps.train`; the outputs are those of the whole batch where metrics want them."""
        steps, optimizer = self.steps, self.steps.optimizer
        shards = _Shards(self, x, (y, sample_weight), True)
        value = shards.train()
        for parameter in steps.regularized:
            value += parameter.regularizer.penalty(parameter.value)
            parameter.regularizer.add_gradient(parameter.value, parameter.gradient)
        if steps.guarded and not isfinite(value):
            raise NotFinite(value, self.team.gather_rows(x.inputs, len(x), shards.part.shared))
        optimizer.apply_packs(steps.store.packs)
        for parameter in steps.constrained:
            parameter.constrain()
        if steps.has_state:
            self._check_states(shards)
            steps.update_averages(steps.chain, shards.jacobians[0].state)
        return value, shards.outputs_for_metrics()

    def validate(self, x: RowsOfRank, y: Any, sample_weight: Any = None) -> tuple[float, Any]:
        """As `Steps.validate`; the outputs are those of the whole batch where metrics want them."""
        shards = _Shards(self, x, (y, sample_weight), False)
        value = shards.test()
        return value + sum(p.regularizer.penalty(p.value) for p in self.steps.regularized), shards.outputs_for_metrics()

    def _check_states(self, shards: "_Shards") -> None:
        """`ConfigError` where a layer's new state is not the same in all shards of the first batch."""
        if self._states_checked:
            return
        self._states_checked = True
        states = [[np.asarray(array).tobytes() for array in flat(one.state)] for one in shards.jacobians]
        everywhere = [state for several in self.team.gather(states) for state in several]
        if any(state != everywhere[0] for state in everywhere):
            raise ConfigError(
                f"{self.trainer.model.label} has a layer whose weights without gradient depend on the rows of a batch "
                "otherwise than those of BatchNormalization: it cannot be cut into shards; train in one process"
            )


class _Shards:
    """The shards of one batch that this process computes.

    Args:
        sharded: the steps.
        x: inputs of this process.
        data: targets and weights of the whole batch.
        training: whether layers are to train.
    """

    def __init__(self, sharded: ShardedSteps, x: RowsOfRank, data: tuple, training: bool) -> None:
        self.sharded, self.x, self.data, self.training = sharded, x, data, training
        self.steps, self.team, self.losses = sharded.steps, sharded.team, sharded.losses
        self.part: Part = self.team.part(len(x))
        count = len(self.part.bounds)
        self.outputs: list[Any] = [None] * count
        self.jacobians: list[Any] = [None] * count
        self._gradients: list[Any] = [None] * count

    def train(self) -> float:
        """Gradients of the whole batch, and its loss without the penalties of weights."""
        count, gradients = len(self.part.bounds), self.sharded.gradients
        if self.sharded.in_turns and count > 1:
            values = [np.empty(0)] * count

            def run(shard: int, sums: Callable[[np.ndarray], np.ndarray]) -> None:
                with summed_by(sums):
                    values[shard] = sums(self._forward(shard))
                    self._backward(shard, values[shard], shard)

            Lockstep(count, self._total).run(run)
            total = values[0]
            gradients.join_all(count)
        else:
            total = self._one_after_another()
        if self.part.shared:
            gradients.share()
        return self._value(total)

    def _one_after_another(self) -> np.ndarray:
        """All shards forward, then backward, where none has to wait for others in between."""
        gradients = self.sharded.gradients
        with summed_by(lambda part: self._total([part])):
            total = self._total([self._forward(shard) for shard in range(len(self.part.bounds))])
            for shard in range(len(self.part.bounds)):
                self._backward(shard, total, gradients.room_of(shard))
                gradients.join(shard)
        return total

    def test(self) -> float:
        """The loss of the whole batch, without the penalties of weights."""
        return self._value(self._total([self._forward(shard) for shard in range(len(self.part.bounds))]))

    def outputs_for_metrics(self) -> Any:
        """Raw outputs of the whole batch, with the mask of the steps set to theirs, if there are metrics."""
        outputs, mask = _joined(self.outputs), _joined([one.mask for one in self.jacobians])
        if self.sharded.trainer.metrics:
            outputs, mask = (self.team.gather_rows(one, len(self.x), self.part.shared) for one in (outputs, mask))
        self.steps.mask = mask
        return outputs

    def _total(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        return self.team.sum(parts, self.part.shared)

    def _forward(self, shard: int) -> np.ndarray:
        """Sum and divisor of the loss of each output, then the penalties of activities."""
        steps, bounds = self.steps, self.part.bounds[shard]
        program, values, _ = steps.layered
        random = None
        if self.training and steps.draws:
            random = RandomSource(self.sharded.seeds[self.part.first + shard], steps.optimizer.batches)
        outputs, jacobians = program.run(self.x.rows(*bounds), values, self.training, random)
        y, sample_weight = (take_rows(array, slice(*bounds)) for array in self.data)
        numbers, gradients = self.losses.linearize(y, outputs, sample_weight, jacobians.mask)
        self.outputs[shard], self.jacobians[shard], self._gradients[shard] = outputs, jacobians, gradients
        return np.append(numbers.reshape(-1), self._penalty(jacobians, bounds))

    def _penalty(self, jacobians: Any, bounds: tuple[int, int]) -> float:
        """The terms of the loss that layers add, times the share of these rows."""
        if not self.steps.penalized:
            return 0.0
        share = (bounds[1] - bounds[0]) / len(self.x)
        if self.training:
            return add_penalties(jacobians, share)
        return share * sum(part.penalty for part in penalized_parts(jacobians))

    def _backward(self, shard: int, total: np.ndarray, room_number: int) -> None:
        """Put the gradients of a shard into a room."""
        cotangent = self.losses.cotangent(self._gradients[shard], total[:-1].reshape(-1, 2))
        self.steps.layered.program.backward(
            self.jacobians[shard], cotangent, self.sharded.gradients.room(room_number).plan
        )

    def _value(self, total: np.ndarray) -> float:
        return self.losses.value(total[:-1].reshape(-1, 2)) + float(total[-1])


def flat(state: Any) -> list[Any]:
    """The arrays of a state, which may be nested."""
    if isinstance(state, (tuple, list)):
        return [array for part in state for array in flat(part)]
    return [] if state is None else [state]


def _joined(parts: list[Any]) -> Any:
    """The rows of all shards, concatenated; of each array of a tuple, and None of None."""
    if parts[0] is None or len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], tuple):
        return tuple([_joined(list(arrays)) for arrays in zip(*parts, strict=True)])
    return np.concatenate(parts)
