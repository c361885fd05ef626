"""Spectral normalization: a kernel divided by its largest singular value."""

import copy
from typing import Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError
from nnlite.jacobians import Jacobians, Quotient, Reparametrized
from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.base.layer import Layer
from nnlite.ops.activations import ActivationFunction
from nnlite.parameters import Parameter, each_once
from nnlite.random import RandomSource, child_of
from nnlite.registry.bounds import Count
from nnlite.registry.fields import FromSpec

__all__ = ["SpectralNormalization"]

FIRST_ITERATIONS = 15  # a random vector is far from the singular one; as PyTorch


class SpectralNormalization(Layer):
    """outputs = layer(inputs) with `kernel / sigma` in place of `kernel`, sigma its largest singular value.

    `sigma = norm(matrix @ vector_u)` with the kernel as a matrix of its last axis against all others. While training,
    vector_u follows the kernel: `vector_u = unit(matrix.T @ matrix @ vector_u)`, after the step that used the old one.

    Shape: that of the layer; vector_u `(1, units)`, not trained.

    Args:
        layer: one with a `kernel`, or with `embeddings`.
        power_iterations: how many times vector_u is brought nearer in each step; one is enough for a kernel that
            changes slowly.

    Keras overwrites the kernel itself and takes sigma for a constant; here, as in PyTorch, the kernel stays what the
    optimizer made of it and sigma has a derivative.

    Raises:
        ConfigError: the layer has neither a kernel nor embeddings.

    Reference: Miyato et al. 2018, arXiv:1802.05957.

    >>> import numpy as np
    >>> from nnlite.layers import Dense
    >>> layer = SpectralNormalization(Dense(1, kernel_initializer={"constant": {"value": 3.0}}))
    >>> layer(np.array([[2.0]]), training=True).tolist()  # the kernel's largest singular value, 3, is divided out
    [[2.0]]
    """

    layer: FromSpec[Layer]
    power_iterations: Count = 1

    def build(self, input_shape: BatchShape) -> None:
        inner = self.layer
        inner.dtype = inner._given_dtype or self.dtype
        inner._ensure_built(input_shape, child_of(self.random, 0))
        attributes = vars(inner)
        kernel = attributes.get("kernel") or attributes.get("embeddings")
        if kernel not in inner.parameters:
            raise ConfigError(f"{self.label} needs a layer with a kernel or embeddings, got {inner.label}")
        self.parameters = list(inner.parameters)
        self._place = self.parameters.index(kernel)
        self.vector_u = self.add_weight((1, kernel.shape[-1]), "random_normal", trainable=False, name="vector_u")
        self.vector_u.assign(follow(kernel.value, self.vector_u.value, FIRST_ITERATIONS))

    @property
    def weights(self) -> list[Parameter]:
        """The kernel and its vector, then the others."""
        if not self._build_done:
            return super().weights
        first = [self.layer.parameters[self._place], self.vector_u]
        return each_once([first, super().weights])

    @property
    def variables(self) -> list[Parameter]:
        """The weights in their order, then the others."""
        return each_once([self.weights, super().variables])

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return self.layer.compute_output_shape(input_shape)

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: RandomSource | None = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        inner: list[Any]
        vector: Array
        *inner, vector = parameters
        kernel: Any = inner[self._place]
        inner[self._place], by_kernel = normalized(kernel, vector)
        available = {"training": training, "random": random, "mask": mask}
        context = {name: available[name] for name in self.layer._context}
        outputs, jacobians = self.layer.linearize(inputs, *inner, **context)
        maps = [*jacobians.maps, None]
        maps[1 + self._place] = Reparametrized(maps[1 + self._place], by_kernel)
        state = ()
        if training and self.trainable:
            kept = [value for p, value in zip(self.layer.parameters, parameters[:-1], strict=True) if p.is_state]
            state = (*(jacobians.state or kept), follow(kernel.real, vector.real, self.power_iterations))
        return outputs, Jacobians(*maps, outer=jacobians.outer, state=state, mask=jacobians.mask)

    @property
    def supports_masking(self) -> bool:
        """Whether the layer does."""
        return self.layer.supports_masking

    @property
    def _sets_mask(self) -> bool:
        """Whether the layer does."""
        return self.layer._sets_mask

    def _drawn_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return self.layer._drawn_mask(inputs, previous_mask)

    @property
    def input_kind(self) -> str:
        """The kind of inputs that the layer inside takes."""
        return self.layer.input_kind

    @property
    def _final_activation(self) -> "ActivationFunction | None":
        """The one of the layer inside."""
        return self.layer._final_activation

    def without_activation(self) -> "tuple[Layer, ActivationFunction | None]":
        inner, activation = self.layer.without_activation()
        if activation is None:
            return self, None
        bare = copy.copy(self)
        bare.layer = inner
        return bare, activation


def normalized(kernel: np.ndarray, vector: np.ndarray) -> tuple[np.ndarray, Jacobian]:
    """kernel / sigma and its map; a kernel of zeros is unchanged."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    image = matrix @ vector[0]
    sigma = np.sqrt((image * image).sum())
    if sigma.real == 0:
        sigma = np.ones((), kernel.dtype)
        image = np.zeros_like(image)
    direction = ((image / sigma)[:, None] * vector).reshape(kernel.shape)
    inverse = (1 / sigma).astype(kernel.dtype)
    quotient = kernel * inverse
    return quotient, Quotient(quotient, direction, inverse, tuple(range(-kernel.ndim, 0)))


def follow(kernel: np.ndarray, vector: np.ndarray, iterations: int) -> np.ndarray:
    """`vector`, of length 1, after some power iterations on `kernel`."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    for _ in range(iterations):
        vector = unit(unit(vector @ matrix.T) @ matrix)
    return vector


def unit(vector: np.ndarray) -> np.ndarray:
    """`vector` divided by its length; zeros stay zeros."""
    return vector / max(float(np.sqrt((vector * vector).sum())), 1e-12)
