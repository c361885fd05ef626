"""Pictures of what a model looks at, drawn by matplotlib (`pip install "nnlite[plot]"`)."""

from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nnlite.derivatives.integrated_gradients import one_output_each
from nnlite.errors import ConfigError, DataError, ShapeError, needed_for
from nnlite.registry.field_types import read_call

__all__ = ["saliency", "saliency_maps"]

MOST = 64  # images in one picture
PAIRS = 4  # images beside one another, each with its map
INCHES = 1.6  # width and height of one image

Method = Literal["gradient", "integrated"]


def saliency(
    model: Any, x: Any, path: str | PathLike | None = None, method: Method = "gradient", output: Any = None
) -> Any:
    """Draw images next to saliency maps of the pixels that determine an output.

    Args:
        model: takes images, `(rows, columns)` or `(rows, columns, channels)` with 1 or 3 channels.
        x: a few images, numbers of any range; at most 64.
        path: where to write a PNG; nothing is written when None.
        method, output: as in `saliency_maps`; shares of integrated gradients are red where they speak for the output,
            blue where against.

    Returns:
        The matplotlib `Figure`, which belongs to no global state.

    Raises:
        ConfigError: matplotlib is not installed, or the folder of `path` does not exist.
        ShapeError: `x` are not images.
        DataError: too many of them.
    """
    figure_class = _figure_class()
    if path is not None and not Path(path).parent.is_dir():
        raise ConfigError(f"{path}: the folder {Path(path).parent} does not exist")
    x = np.asarray(x)
    if len(x) > MOST:
        raise DataError(f"saliency draws up to {MOST} images, got {len(x)}: pass some of them, such as x[:8]")
    _check_images(x)
    outputs = model.predict(x, verbose=0)
    picked = one_output_each(model, outputs, output)[1]
    values = outputs.reshape(len(x), -1)[np.arange(len(x)), picked]
    maps = saliency_maps(model, x, method, picked)
    images = x.reshape(*maps.shape, -1)
    titles = [f"output {number}: {value:.3g}" for number, value in zip(picked, values, strict=True)]
    figure = _drawn(figure_class, images, maps, titles, signed=method == "integrated")
    if path is not None:
        figure.savefig(path, format="png", dpi=100)
    return figure


def saliency_maps(model: Any, x: Any, method: Method = "gradient", output: Any = None) -> np.ndarray:
    """One number per pixel: its effect on an output.

    `"gradient"` is |derivative of the output by the pixel|, the largest of its channels (Simonyan et al. 2014,
    arXiv:1312.6034). `"integrated"` is the pixel's share of the output by integrated gradients from black, the sum of
    its channels: positive where it speaks for the output, negative where against.

    Args:
        model: takes images.
        x: a batch of them.
        method: see above.
        output: the output meant, as a number among the raveled ones, or one number per image; each image's largest
            when None.

    Shape: `(batch, rows, columns[, channels]) -> (batch, rows, columns)`.
    """
    read_call(saliency_maps, locals())
    x = np.asarray(x)
    _check_images(x)
    if method == "gradient":
        seeds = one_output_each(model, model.predict(x, verbose=0), output)[0]
        maps = np.abs(model.jacobian(x).per_example(seeds))
        return maps if x.ndim == 3 else maps.max(axis=-1)
    maps = model.integrated_gradients(x, output=output)
    return maps if x.ndim == 3 else maps.sum(axis=-1)


def _drawn(figure_class, images, maps, titles, signed):
    """A figure of images, each beside its map; in signed maps red speaks for the output, blue against it."""
    pairs = min(PAIRS, len(images))
    lines = -(-len(images) // pairs)
    figure = figure_class(figsize=(2 * pairs * INCHES, lines * (INCHES + 0.3)), layout="constrained")
    places = figure.subplots(lines, 2 * pairs, squeeze=False).reshape(-1, 2)
    for axes in places.ravel():
        axes.set_axis_off()
    for (left, right), image, shares, title in zip(places, images, maps, titles, strict=False):
        low, high = float(image.min()), float(image.max())
        scaled = (image - low) / ((high - low) or 1)
        left.imshow(scaled[..., 0] if scaled.shape[-1] == 1 else scaled, cmap="gray", vmin=0, vmax=1)
        left.set_title(title, fontsize=8)
        largest = float(np.abs(shares).max()) or 1.0
        colours = {"cmap": "RdBu_r", "vmin": -largest} if signed else {"cmap": "inferno", "vmin": 0}
        right.imshow(shares, vmax=largest, **colours)
    return figure


def _check_images(x) -> None:
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[-1] not in (1, 3)):
        raise ShapeError(
            f"saliency needs images of shape (batch, rows, columns) or (batch, rows, columns, 1 or 3), got {x.shape}: "
            f"let the model take images and begin with Flatten where they are raveled"
        )


def _figure_class():
    with needed_for("pictures are drawn by matplotlib", "nnlite[plot]"):
        from matplotlib.figure import Figure
    return Figure
