"""Muon: orthogonalized momentum for the kernels of hidden layers, AdamW for everything else."""

import math
import re
from dataclasses import field

import numpy as np

from nnlite.errors import ConfigError
from nnlite.optimizers.base import LearningRate, WeightDecay
from nnlite.optimizers.base.slots import update_mean
from nnlite.optimizers.layerwise.base import LayerwiseOptimizer, Part
from nnlite.registry.bounds import BelowOne, Fraction, Index, NonNegative, Positive
from nnlite.registry.fields import option

__all__ = ["Muon"]

# Below this norm the cubes in the iteration are lost in rounding, and their products would be subnormal numbers.
LINEAR = 1e-20

Shape = tuple[int, ...]


class Muon(LayerwiseOptimizer):
    """Steps along the orthogonal matrix nearest to the momentum of a kernel; AdamW for all other parameters.

    For each matrix, a parameter of two axes:

        momentum_sum = momentum * momentum_sum + gradient
        direction = gradient + momentum * momentum_sum if nesterov else momentum_sum
        x = direction / (norm(direction) + 1e-7),   transposed where it has more rows than columns
        x = muon_a * x + (muon_b * x x^T + muon_c * (x x^T)^2) x                          (ns_steps times)
        value -= learning_rate * x * rms_rate * sqrt(max(rows, columns))        (without both where rms_rate is None)

    Vectors, tensors of three axes and more, and what is excluded, are updated as by `AdamW` with the arguments
    `adam_beta_1`, `adam_beta_2`, `epsilon` and `adam_weight_decay`, at `learning_rate * adam_lr_ratio`.

    Args:
        learning_rate: size of a step, >= 0, or a schedule.
        adam_beta_1, adam_beta_2: shares of AdamW's running means that are kept, in [0, 1).
        adam_weight_decay: AdamW's weight decay, >= 0; None for none.
        epsilon: keeps AdamW's division finite, >= 0.
        weight_decay: that of the matrices.
        exclude_layers: regular expressions; parameters whose path one of them is found in are left to AdamW.
        exclude_embeddings: leave parameters with "embedding" in their path to AdamW.
        muon_a, muon_b, muon_c: coefficients of the Newton-Schulz iteration.
        adam_lr_ratio: AdamW's learning rate over that of the matrices, >= 0.
        momentum: share of the sum of gradients that is kept from step to step, in [0, 1].
        ns_steps: iterations, each three matrix products.
        nesterov: look ahead along the momentum.
        rms_rate: root mean square of a step's elements over the learning rate, > 0; None leaves a step orthogonal.

    The further arguments are those of `Optimizer`.

    Raises:
        ConfigError: an invalid regular expression.

    Reference: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks",
    https://kellerjordan.github.io/posts/muon; `rms_rate`: Liu et al. 2025, arXiv:2502.16982.

    >>> Muon(0.02, exclude_layers=["head"])
    Muon(learning_rate=0.02, exclude_layers=['head'])
    """

    learning_rate: LearningRate = option(default=0.001)
    adam_beta_1: BelowOne = 0.9
    adam_beta_2: BelowOne = 0.999
    adam_weight_decay: NonNegative | None = 0.004
    epsilon: NonNegative = 1e-7
    weight_decay: WeightDecay = option(default=0.004)
    exclude_layers: list[str] = field(default_factory=list, kw_only=True)
    exclude_embeddings: bool = field(default=True, kw_only=True)
    muon_a: float = field(default=3.4445, kw_only=True)
    muon_b: float = field(default=-4.775, kw_only=True)
    muon_c: float = field(default=2.0315, kw_only=True)
    adam_lr_ratio: NonNegative = field(default=1.0, kw_only=True)
    momentum: Fraction = field(default=0.95, kw_only=True)
    ns_steps: Index = field(default=5, kw_only=True)
    nesterov: bool = field(default=True, kw_only=True)
    rms_rate: Positive | None = field(default=0.2, kw_only=True)

    def validate(self) -> None:
        super().validate()
        for expression in self.exclude_layers:
            try:
                re.compile(expression)
            except re.error as error:
                message = f"{expression!r} is not a regular expression: {error}"
                raise ConfigError(message, (type(self).__name__, "exclude_layers")) from None

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")

    def slot_shapes(self, shape: Shape, path: str) -> dict[str, Shape]:
        velocity = {"velocity": shape} if self._is_left_to_adamw(shape, path) else {}
        return {"momentum": shape} | velocity

    def _is_left_to_adamw(self, shape: Shape, path: str) -> bool:
        if len(shape) != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return True
        return any(re.search(expression, path) for expression in self.exclude_layers)

    def decay_of(self, part: Part, learning_rate: float, decay: float) -> float:
        return learning_rate * (self.adam_weight_decay or 0.0) if "velocity" in part.slots else decay

    def update_parameter(
        self, value: np.ndarray, gradient: np.ndarray, slots: dict[str, np.ndarray], learning_rate: float
    ) -> None:
        momentum = slots["momentum"]
        if "velocity" in slots:
            self._adamw(value, gradient, momentum, slots["velocity"], learning_rate * self.adam_lr_ratio)
            return
        momentum *= self.momentum
        momentum += gradient
        direction = gradient + self.momentum * momentum if self.nesterov else momentum
        size = 1.0 if self.rms_rate is None else self.rms_rate * math.sqrt(max(value.shape))
        value -= self._orthogonal(direction) * (learning_rate * size)

    def _adamw(self, value, gradient, momentum, velocity, learning_rate) -> None:
        step = self.iterations + 1
        alpha = learning_rate * math.sqrt(1.0 - self.adam_beta_2**step) / (1.0 - self.adam_beta_1**step)
        update_mean(momentum, gradient, 1.0 - self.adam_beta_1)
        update_mean(velocity, gradient * gradient, 1.0 - self.adam_beta_2)
        value -= momentum * alpha / (np.sqrt(velocity) + self.epsilon)

    def _orthogonal(self, matrix: np.ndarray) -> np.ndarray:
        """About the nearest orthogonal matrix: singular values between 0.7 and 1.2 with the default coefficients."""
        high = matrix.shape[0] > matrix.shape[1]
        x = matrix.T if high else matrix
        size = float(np.linalg.norm(x))
        x = x / (size + 1e-7)
        if size < LINEAR:
            return (x.T if high else x) * self.muon_a**self.ns_steps
        for _ in range(self.ns_steps):
            squared = x @ x.T
            x = self.muon_a * x + (self.muon_b * squared + self.muon_c * (squared @ squared)) @ x
        return x.T if high else x
