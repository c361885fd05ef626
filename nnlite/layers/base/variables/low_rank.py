"""Adapters of low rank: a frozen kernel, and a trained product of two narrow matrices that is added to it."""

import copy
from dataclasses import field
from typing import Any, cast

import numpy as np

from nnlite.errors import ConfigError, NotReadyError
from nnlite.initializers import Initializer
from nnlite.layers.base.contract.around import put_around
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.variables.holders import tell_holders
from nnlite.parameters import Parameter
from nnlite.registry.bounds import Index
from nnlite.registry.fields import Spec

__all__ = ["LowRank", "MergedKernel"]


class LowRank(Layer, abstract=True):
    """Base of layers whose kernel, their first parameter, takes an adapter of low rank (LoRA).

    Dense layers and convolutions, whose classes have as many bases as the architecture allows, assign its members
    instead of deriving from it.

    The layer then computes with `kernel + lora_alpha / lora_rank * a @ b`; training changes a, `(..., lora_rank)`, and
    b, `(lora_rank, outputs)`, and the bias, and leaves the kernel.

    Args:
        lora_rank: columns of a and rows of b; None or 0 for no adapter. `enable_lora` adds one to a layer that is
            built.
        lora_alpha: factor of the product, times `lora_rank`; `lora_rank` when None.

    Reference: Hu et al. 2021, arXiv:2106.09685.
    """

    lora_rank: Index | None = field(default=None, kw_only=True)
    lora_alpha: float | None = field(default=None, kw_only=True)

    _adapts = "kernel"

    @property
    def lora_enabled(self) -> bool:
        """Whether the layer has an adapter."""
        return self._adapter is not None

    @property
    def lora_scale(self) -> float:
        """The factor of the product a @ b."""
        rank = self.lora_rank or 1
        return (rank if self.lora_alpha is None else self.lora_alpha) / rank

    def enable_lora(
        self,
        rank: int,
        a_initializer: Spec[Initializer] = "he_uniform",
        b_initializer: Spec[Initializer] = "zeros",
        lora_alpha: float | None = None,
    ) -> None:
        """Freeze the kernel and add an adapter to it; a model is compiled after that.

        Args:
            rank: columns of a and rows of b.
            a_initializer, b_initializer: first values; zeros in b leave the outputs as they are.
            lora_alpha: factor of the product, times `rank`; `rank` when None.

        Raises:
            NotReadyError: the layer is not built.
            ConfigError: it has an adapter, or a constraint on the kernel, or changes rows of a table one by one.
        """
        if not self.built:
            raise NotReadyError(f"{self.label}: enable_lora needs the kernel: build the layer, or call it on data")
        if self.lora_enabled:
            raise ConfigError(f"{self.label} has an adapter of rank {self.lora_rank} already")
        self.lora_rank, self.lora_alpha = rank, lora_alpha
        self._adapt(a_initializer, b_initializer)

    def _build_whole(self) -> None:
        Layer._build_whole(self)
        if self.lora_rank:
            self._adapt("he_uniform", "zeros")

    def _adapt(self, first: Any, second: Any) -> None:
        kernel: Parameter = vars(self)[self._adapts]
        rank, name = cast(int, self.lora_rank), f"lora_{self._adapts}"
        if kernel.constraint is not None or kernel.sparse:
            reason = "a constraint on the kernel" if kernel.constraint is not None else "sparse=True"
            raise ConfigError(f"{self.label}: an adapter of low rank does not go with {reason}")
        a = self.add_weight((*kernel.shape[:-1], rank), first, name=f"{name}_a")
        b = self.add_weight((rank, kernel.shape[-1]), second, name=f"{name}_b")
        vars(self).update({f"{name}_a": a, f"{name}_b": b})
        self._adapter, kernel.trainable = (a, b), False
        self.lora_alpha = rank if self.lora_alpha is None else self.lora_alpha
        put_around(self)
        tell_holders(self)

    def merged(self) -> Any:
        """A copy of the layer that computes the same without an adapter; the layer itself if it has none."""
        if self._adapter is None:
            return self
        twin = copy.copy(self)
        kernel, *others = self.parameters[:-2]
        plain = Parameter(kernel.name, self.merged_kernel())
        for name in ("linearize", "at_inference", "_dense_part", "infer"):
            vars(twin).pop(name, None)
        vars(twin).update({self._adapts: plain, "parameters": [plain, *others], "_adapter": None, "lora_rank": None})
        put_around(twin)
        return twin

    def merged_kernel(self) -> np.ndarray:
        """The kernel that the layer computes with."""
        kernel: np.ndarray = vars(self)[self._adapts].value
        if self._adapter is None:
            return kernel
        a, b = (parameter.value for parameter in self._adapter)
        return np.asarray(kernel + self.lora_scale * np.matmul(a, b), kernel.dtype)

    def saved_weights(self) -> list[Parameter]:
        """The parameters in files of Keras: the merged kernel, and the others but those of the adapter."""
        return self.parameters if self._adapter is None else [MergedKernel(self), *self.parameters[1:-2]]

    def save_own_variables(self, store: Any) -> None:
        """Put the arrays of the layer, the kernel merged with its adapter, into `store`."""
        for index, parameter in enumerate(self.saved_weights()):
            store[str(index)] = parameter.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the arrays of `save_own_variables`; an adapter gets a product of zero."""
        for parameter, key in zip(self.saved_weights(), store, strict=True):
            parameter.assign(np.asarray(store[key]))


class MergedKernel(Parameter):
    """The kernel of a layer together with its adapter; a new value becomes the kernel, and the product zero."""

    __slots__ = ("_layer",)

    def __init__(self, layer: LowRank) -> None:
        kernel: Parameter = vars(layer)[layer._adapts]
        super().__init__(kernel.name, layer.merged_kernel(), trainable=False)
        self.is_state, self._layer = False, layer

    def assign(self, value: Any) -> np.ndarray:
        kernel: Parameter = vars(self._layer)[self._layer._adapts]
        for parameter in self._layer._adapter or ():
            parameter.assign(np.zeros(parameter.shape) if parameter is self._layer.parameters[-1] else parameter.value)
        return kernel.assign(value)
