"""Jacobians of convolutions: the patches under each window are gathered again in each product, never stored."""

import math

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import Shape
from nnlite.arrays.windows import Windows
from nnlite.jacobians.maps.base import Jacobian
from nnlite.jacobians.maps.elementwise import Diagonal

__all__ = [
    "BiasInBlocks",
    "ConvolutionByInputs",
    "ConvolutionByKernel",
    "Transposed",
    "TransposedConvolutionByKernel",
]


class _Convolution(Jacobian):
    """Base of the maps of y = slopes * convolve(x, kernel).

    Args:
        windows: `nnlite.arrays.windows.Windows`.
        groups: parts of the channels; each one uses its own part of the filters.
        slopes: of an elementwise activation, shaped like the outputs; None for none. A cotangent is multiplied by
            them block by block: a product of the whole batch is as large as any array of a training step.
    """

    __slots__ = ("groups", "slopes", "windows")

    def __init__(self, windows: Windows, groups: int, slopes: np.ndarray, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)
        self.windows = windows
        self.groups = groups
        self.slopes = slopes

    def _sloped(self, outputs):
        return outputs if self.slopes is None else outputs * self.slopes


class ConvolutionByInputs(_Convolution):
    """dy/dx of y = slopes * convolve(x, kernel): a banded matrix whose rows repeat the kernel.

    vjp spreads each output over the cells of its window, jvp is the convolution itself. Storage: the kernel, flattened
    or not, and the slopes.
    """

    __slots__ = ("kernel",)

    def __init__(
        self,
        kernel: np.ndarray,
        windows: Windows,
        groups: int,
        in_shape: Shape,
        out_shape: Shape,
        slopes: np.ndarray | None = None,
    ) -> None:
        super().__init__(windows, groups, slopes, in_shape, out_shape)
        self.kernel = kernel

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds, slopes = cotangent.shape[: cotangent.ndim - len(self.out_shape)], self.slopes
        if seeds:
            cotangent, slopes = self._sloped(cotangent).reshape(-1, *self.out_shape[1:]), None
        return kernels.spread(cotangent, self.kernel, self.windows, self.groups, slopes, kernels.gated).reshape(
            seeds + self.in_shape
        )

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        images = tangent.reshape(-1, *self.in_shape[1:])
        return self._sloped(
            kernels.convolve(images, self.kernel, self.windows, self.groups).reshape(seeds + self.out_shape)
        )


class ConvolutionByKernel(_Convolution):
    """dy/dkernel of y = slopes * convolve(inputs, kernel): the patches under the windows, one row for each.

    vjp is `patches.T @ cotangent`, block by block; per example, one such product an image. Storage: the inputs and the
    slopes.
    """

    __slots__ = ("inputs",)

    def __init__(
        self,
        inputs: np.ndarray,
        windows: Windows,
        groups: int,
        in_shape: Shape,
        out_shape: Shape,
        slopes: np.ndarray | None = None,
    ) -> None:
        super().__init__(windows, groups, slopes, in_shape, out_shape)
        self.inputs = inputs

    @property
    def mixes_rows(self) -> bool:
        return True

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        return self._gradient(cotangent.reshape(math.prod(seeds), *self.out_shape)).reshape(seeds + self.in_shape)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        outputs = _each_kernel(
            lambda kernel: kernels.convolve(self.inputs, kernel, self.windows, self.groups), tangent, self
        )
        return self._sloped(outputs)

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        return self._gradient(cotangent[None], per_example=True).reshape(-1, *self.in_shape)

    def _gradient(self, cotangent, **options):
        return kernels.kernel_gradient(
            self.inputs, cotangent, self.windows, self.groups, self.slopes, gate=kernels.gated, **options
        )


class BiasInBlocks(Diagonal):
    """dy/dbias of y = slopes * (x + bias), summed in blocks of images. Storage: the slopes."""

    __slots__ = ()

    def vjp_into(self, cotangent: np.ndarray, out: np.ndarray) -> None:
        if cotangent.ndim > len(self.out_shape):
            out[...] = self.vjp(cotangent)
            return
        kernels.gated_sum(cotangent, self.slopes, out)


class Transposed(Jacobian):
    """y = J' x for another map J: the two products are swapped. Storage: that of J."""

    __slots__ = ("original",)

    def __init__(self, original: Jacobian) -> None:
        super().__init__(original.out_shape, original.in_shape)
        self.original = original

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return self.original.jvp(cotangent)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return self.original.vjp(tangent)


class TransposedConvolutionByKernel(Jacobian):
    """dy/dkernel of y = spread(inputs, kernel), a convolution reversed. Storage: the inputs.

    vjp is the kernel's gradient of the convolution that leads from y to the inputs.
    """

    __slots__ = ("inputs", "windows")

    def __init__(self, inputs: np.ndarray, windows: Windows, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)
        self.inputs = inputs
        self.windows = windows

    @property
    def mixes_rows(self) -> bool:
        return True

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        images = cotangent.reshape(math.prod(seeds), *self.out_shape)
        gradients = [kernels.kernel_gradient(image, self.inputs[None], self.windows) for image in images]
        return np.stack(gradients).reshape(seeds + self.in_shape)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return _each_kernel(lambda kernel: kernels.spread(self.inputs, kernel, self.windows), tangent, self)

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        gradient = kernels.kernel_gradient(cotangent, self.inputs[None], self.windows, per_example=True)
        return gradient.reshape(-1, *self.in_shape)


def _each_kernel(function, kernels, part):
    """`function` of each of `(*seeds, *part.in_shape)` kernels, as `(*seeds, *part.out_shape)`."""
    seeds = kernels.shape[: kernels.ndim - len(part.in_shape)]
    results = [function(kernel) for kernel in kernels.reshape(-1, *part.in_shape)]
    return np.stack(results).reshape(seeds + part.out_shape)
