"""Stochastic gradient descent."""

import numpy as np

from nnlite import kernels
from nnlite.kernels.reference import forms
from nnlite.kernels.reference.forms import UpdateForm
from nnlite.kernels.reference.optimizers import RateFactors
from nnlite.optimizers.base import KerasSlot, LearningRate, Optimizer
from nnlite.parameters import Parameter
from nnlite.registry.bounds import Fraction
from nnlite.registry.fields import option

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent, optionally with momentum.

    Without momentum, `values -= learning_rate * gradients`; with momentum,

        velocity = momentum * velocity - learning_rate * gradients
        values += velocity                                                  (nesterov=False)
        values += momentum * velocity - learning_rate * gradients           (nesterov=True)

    PyTorch multiplies the velocity by the learning rate, which differs if the rate changes during training.

    Args:
        learning_rate: size of a step, >= 0, or a schedule.
        momentum: decay rate of the velocity, in [0, 1].
        nesterov: whether to look ahead along the velocity; no effect without momentum.

    Further arguments are those of `Optimizer`.

    Reference: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning".

    >>> from nnlite import Variable
    >>> import numpy as np
    >>> weights = Variable(np.array([1.0, 2.0]))
    >>> SGD(0.1).apply([np.array([1.0, -1.0])], [weights])
    >>> print(np.asarray(weights))
    [0.9 2.1]
    """

    by_kernel = True

    learning_rate: LearningRate = option(default=0.01)
    momentum: Fraction = 0.0
    nesterov: bool = False

    def slot_names(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def keras_slots(self) -> list[list[KerasSlot]]:
        return [[KerasSlot("velocity", "momentum")]] if self.momentum else []

    @property
    def momentums(self) -> list[Parameter]:
        """The velocity of each variable, as Keras calls them."""
        return [variable for variable in self.variables if variable.name.endswith("_momentum")]

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
        factors: RateFactors = None,
    ) -> None:
        velocity = slots.get("velocity")
        kernels.sgd(values, gradients, velocity, learning_rate, self.momentum, self.nesterov, factors, scratch)

    def update_form(self) -> UpdateForm:
        return UpdateForm(forms.SGD, self.slot_names(), (self.momentum, float(self.nesterov), 0.0))
