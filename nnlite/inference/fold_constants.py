"""Constant folding: layers that do nothing, or only scale and shift, are removed from a chain at inference."""

from nnlite.layers import Layer
from nnlite.layers.base.simplified import Affine, Convolution, Product, Step, Unchanged

__all__ = ["folded"]


def folded(layers: list[Layer]) -> list[Step]:
    """Fold consecutive `layers` into as few steps as possible at inference.

    Each layer says by `at_inference` what it is in simpler terms; neighbors become one step where they can. Sums and
    products are taken in float64, so that folding rounds once.
    """
    steps: list[Step] = []
    for layer in layers:
        step = layer.at_inference() or layer
        if isinstance(step, Unchanged):
            continue
        last = steps[-1] if steps else None
        joined = last.then(step) if isinstance(last, Affine | Product | Convolution) else None
        if joined is None:
            steps.append(step)
        else:
            steps[-1] = joined
    return steps
