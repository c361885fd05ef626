"""One step of training, testing or predicting, with everything that stays the same looked up beforehand."""

import numpy as np

from nnlite.layers import Chain
from nnlite.parameters import ParameterStore
from nnlite.random import RandomSource


class Steps:
    """The steps of one compiled model.

    A final softmax or sigmoid that fits the loss is left out while training: the loss is computed from its inputs,
    the logits, which is exact where probabilities would have been rounded to 0 or 1.

    Args:
        model: built and compiled.
    """

    def __init__(self, model):
        self.seed = model.seed
        self.optimizer = model.optimizer
        self.parameters = model.parameters
        trainable = [parameter for parameter in model.trainable_weights if parameter.size]
        self.store = ParameterStore(trainable)
        self.has_state = not all(parameter.trainable for parameter in self.parameters)
        self.regularized = [parameter for parameter in trainable if parameter.regularizer is not None]
        *first, last = model.layers
        bare, activation = last.without_activation()
        from_logits = activation and model.loss.from_outputs_of(activation)
        self.loss = from_logits or model.loss
        self.activation = activation if from_logits else None
        self.chain = Chain([*first, bare] if from_logits else model.layers, model.dtype)
        self.arrays = model.values
        self.values = self.chain.group(self.arrays)
        self.backward_plan = self._plan_backward({id(parameter) for parameter in trainable})
        self.one = np.ones((), model.output_dtype)
        self.draws = any("random" in layer.context for layer in model.layers)

    def _plan_backward(self, trainable: set[int]) -> tuple[list, list]:
        """For each stage, last one first, what its `Jacobians.vjp` takes as `wanted` and `into`.

        Stages before the first trainable one are left out, and so is the product with that one's input.
        """
        wanted = self.chain.group([id(parameter) in trainable for parameter in self.parameters])
        into = self.chain.group(
            [parameter.gradient if id(parameter) in trainable else None for parameter in self.parameters]
        )
        first = next((index for index, stage in enumerate(wanted) if any(stage)), len(wanted))
        plan = [
            ((index > first, *wanted[index]), (None, *into[index])) for index in range(len(wanted) - 1, first - 1, -1)
        ]
        return [want for want, _ in plan], [write for _, write in plan]

    @property
    def current(self) -> bool:
        """Whether the parameters still live here: another model may have taken shared layers over."""
        return all(p.value is array for p, array in zip(self.parameters, self.arrays, strict=True))

    def train(self, x, y, sample_weight=None):
        """Forward, loss, backward, regularize, update; returns the loss and the raw outputs."""
        random = RandomSource(self.seed, self.optimizer.iterations) if self.draws else None
        outputs, jacobians = self.chain.run(x, self.values, True, random)
        value, by_outputs = self.loss.linearize(y, outputs, sample_weight)
        cotangent = by_outputs.vjp(self.one)
        for stage, wanted, into in zip(reversed(jacobians.stages), *self.backward_plan, strict=False):
            cotangent = stage.vjp(cotangent, wanted, into)[0]
        for parameter in self.regularized:
            value += parameter.regularizer.penalty(parameter.value)
            parameter.regularizer.add_gradient(parameter.value, parameter.gradient)
        self.optimizer.apply(self.store.packs)
        if self.has_state:
            self.chain.update_state(jacobians.state)
        return value, outputs

    def test(self, x, y, sample_weight=None):
        """Forward and loss without training; returns the loss and the raw outputs."""
        outputs, _ = self.chain.run(x, self.values)
        value, _ = self.loss.linearize(y, outputs, sample_weight)
        return value + sum(p.regularizer.penalty(p.value) for p in self.regularized), outputs

    def predictions(self, outputs) -> np.ndarray:
        """What the model predicts, from the raw outputs of a step."""
        return outputs if self.activation is None else self.activation.linearize(outputs)[0]
