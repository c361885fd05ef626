"""Adam and AdamW: moving averages of the gradients and of their squares."""

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from nnlite import kernels
from nnlite.errors import WrongTypeError
from nnlite.kernels.reference.forms import ADAM, UpdateForm
from nnlite.kernels.reference.optimizers import RateFactors
from nnlite.optimizers.base import KerasSlot, LearningRate, Optimizer, WeightDecay
from nnlite.optimizers.base.blocks import blocks_of, clip_vectors, cut
from nnlite.optimizers.base.patterns import Factors
from nnlite.optimizers.base.slots import FLUSH_PERIOD
from nnlite.optimizers.base.tables import TableRows, TableSums, parts_between
from nnlite.parameters import Pack
from nnlite.registry.bounds import BelowOne, NonNegative
from nnlite.registry.fields import option

__all__ = ["Adam", "AdamW"]


LEAST_BETA = 0.75  # below, sums that do not fade for `FLUSH_PERIOD` steps would leave the range of float32


class AdamBase(Optimizer, abstract=True):
    """Base of the optimizers with Adam's update; see `Adam` for the formula and the arguments."""

    by_kernel = True

    learning_rate: LearningRate = option(default=0.001)
    beta_1: BelowOne = 0.9
    beta_2: BelowOne = 0.999
    epsilon: NonNegative = 1e-7
    amsgrad: bool = False

    _tables = cast("Sequence[TableRows]", ())  # of the next step

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "squares", "largest") if self.amsgrad else ("momentum", "squares")

    def keras_slots(self) -> list[list[KerasSlot]]:
        first, second = 1 / (1 - self.beta_1), 1 / (1 - self.beta_2)  # sums here, means there
        means = [KerasSlot("momentum", "momentum", first), KerasSlot("squares", "velocity", second)]
        return [means, [KerasSlot("largest", "velocity_hat", second)]] if self.amsgrad else [means]

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
        factors: RateFactors = None,
    ) -> None:
        alpha, epsilon = self.step_size(learning_rate, self._updates), self.epsilon / math.sqrt(1.0 - self.beta_2)
        sums = slots["momentum"], slots["squares"], slots.get("largest")
        kernels.adam(values, gradients, *sums, self.beta_1, self.beta_2, alpha, epsilon, factors, scratch)

    def step_size(self, learning_rate: Any, step: Any) -> Any:
        corrected = (1.0 - self.beta_2 ** (step + 1)) ** 0.5 / (1.0 - self.beta_1 ** (step + 1))
        return learning_rate * corrected * (1.0 - self.beta_1) / math.sqrt(1.0 - self.beta_2)

    def update_form(self) -> UpdateForm | None:
        if self.amsgrad:
            return None
        numbers = self.beta_1, self.beta_2, self.epsilon / math.sqrt(1.0 - self.beta_2)
        return UpdateForm(ADAM, ("momentum", "squares"), numbers)

    def takes_rows(self) -> bool:
        alike = not (self.exclude_from_weight_decay or self.learning_rate_multipliers)
        by_rows = self.update_form() is not None and self.by_kernel
        alone = not self.use_ema and not self.gradient_accumulation_steps
        return by_rows and alike and alone and min(self.beta_1, self.beta_2) >= LEAST_BETA

    def take_rows(self, tables: Sequence[TableRows]) -> None:
        self._tables = tables

    def apply_packs(self, packs: Sequence) -> None:
        tables, self._tables = self._tables, ()
        if not tables:
            super().apply_packs(packs)
            return
        self.build_packs(packs)
        (pack,), parts = packs, [table.part for table in tables]
        gradients = [pack.gradients[part] for part in pack.segments if part not in parts]
        gradients += [table.gradient.values.reshape(-1) for table in tables]
        clip_vectors(gradients, self.clipvalue, self.clipnorm, self.global_clipnorm)
        self._update_by_rows(pack, tables)
        self.count_batches(packs, 1)

    def _update_by_rows(self, pack: Pack, tables: Sequence[TableRows]) -> None:
        (scratch,), rate = self._scratch, self.current_learning_rate
        decay, sums = rate * self.current_weight_decay, self._sums_of([table.part for table in tables])
        slots = self._kept_slots[0]
        for part in parts_between(sums.parts, pack.values.size):
            for block in blocks_of(*cut(pack.values, pack.gradients, slots, scratch, part), Factors()):
                self._update_block(block, rate, decay)
        sums.steps += 1
        for table in tables:
            self._update_table(table, sums.factors(), pack.values, slots, scratch, rate, decay)

    def _sums_of(self, parts: list[slice]) -> TableSums:
        """The sums of tables at these places, in the form that gradients of rows need."""
        betas, present = (self.beta_1, self.beta_2), self._sums
        # The flush ends this form before its factors grow too large, or, if `iterations` was set back, the steps do.
        if present is not None and present.steps < FLUSH_PERIOD and (present.parts, present.betas) == (parts, betas):
            return present
        slots = self.slots[0]
        self._sums = sums = TableSums(parts, betas)
        sums.begin(slots)
        return sums

    def _update_table(self, table, factors, values, slots, scratch, rate, decay):
        (part, gradient), (of_momentum, of_squares) = table, factors
        if decay:
            for block, _ in Factors().by_block(part.stop - part.start, scratch.size):
                kernels.decay(values[part][block], decay, None, scratch[: block.stop - block.start])
        alpha = self.step_size(rate, self._updates) * of_momentum / math.sqrt(of_squares)
        epsilon = self.epsilon / math.sqrt(1.0 - self.beta_2) / math.sqrt(of_squares)
        shape = gradient.shape[0], -1
        rows, sums, roots = (vector[part].reshape(shape) for vector in (values, slots["momentum"], slots["squares"]))
        slopes = gradient.values.reshape(-1, rows.shape[1]).astype(rows.dtype, copy=False)
        share, square_share = 1 / of_momentum, 1 / of_squares
        kernels.adam_rows(rows, sums, roots, gradient.rows, slopes, share, square_share, alpha, epsilon, scratch)


class Adam(AdamBase):
    """Gradient descent along a moving average of the gradients, divided by the root of that of their squares.

    With `step` counted from 1:

        momentum = beta_1 * momentum + gradients
        squares = beta_2 * squares + gradients**2
        largest = maximum(largest, squares)                      (amsgrad=True; replaces squares below)
        mean, variance = (1 - beta_1) * momentum, (1 - beta_2) * squares
        alpha = learning_rate * sqrt(1 - beta_2**step) / (1 - beta_1**step)
        values -= alpha * mean / (sqrt(variance) + epsilon)

    The slots are sums rather than the means of the paper; alpha and epsilon absorb the factors: a sixth less to do.

    PyTorch adds its epsilon (1e-8) after the bias correction, which is equivalent to this one over
    `sqrt(1 - beta_2**step)`. Its `weight_decay` is added to the gradient; here it acts on the values, as in AdamW.

    Args:
        learning_rate: size of a step, >= 0, or a schedule.
        beta_1: decay rate of the running mean of the gradients, in [0, 1).
        beta_2: the same for their squares, in [0, 1).
        epsilon: keeps the division finite, >= 0; the paper's "epsilon hat". With 0, a gradient that has always been 0
            makes NaN.
        amsgrad: divide by the largest squares so far, so that step sizes never increase.

    Further arguments are those of `Optimizer`.

    Reference: Kingma & Ba 2015, arXiv:1412.6980, section 2, last formula; amsgrad: Reddi et al. 2018,
    arXiv:1904.09237.

    >>> Adam(1e-2, clipnorm=1.0)
    Adam(learning_rate=0.01, clipnorm=1.0)
    """


class AdamW(Adam):
    """Adam with weight decay: `values -= learning_rate * weight_decay * values` before Adam's update.

    PyTorch's `weight_decay` is 0.01 by default and means the same.

    Args:
        weight_decay: share of the values taken away per unit of learning rate, >= 0, or a schedule.

    The further arguments are those of `Adam` and `Optimizer`.

    Reference: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", arXiv:1711.05101.

    >>> AdamW(1e-3, weight_decay=0.01)
    AdamW(weight_decay=0.01)
    """

    weight_decay: WeightDecay = option(default=0.004)

    def validate(self) -> None:
        super().validate()
        if self.weight_decay is None:
            raise WrongTypeError(
                "expected a number >= 0 or a schedule, got None; Adam is without", ("AdamW", "weight_decay")
            )
