"""The base of image layers: batches and single images, dicts of images and labels, random draws in training."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

import numpy as np

from nnlite.arrays.types import BatchShape, saturated
from nnlite.config import WholeType
from nnlite.errors import ConfigError, ShapeError, did_you_mean
from nnlite.jacobians import Diagonal, Identity, Jacobians
from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Unchanged
from nnlite.layers.base.symbolic import is_numbers
from nnlite.layers.base.variables import seeds
from nnlite.layers.images import transformations
from nnlite.layers.images.boxes import FORMATS, place_maps
from nnlite.ops.names.arranging import moveaxis
from nnlite.ops.tracing import Trace, Traced
from nnlite.random import SeedGenerator
from nnlite.registry.bounds import Fraction

__all__ = ["Images", "RandomImages"]

DataFormat = Literal["channels_last", "channels_first"] | None
Factor = float | tuple[float, float]
Chances = Fraction | tuple[Fraction, Fraction]


class Images(Layer, abstract=True):
    """Base of layers whose inputs are images, `(batch, height, width, channels)`; calls also take a single image.

    A call takes a dict too, `{"images": ..., "labels": ..., "segmentation_masks": ...}`, and returns one: the labels
    go with their images, the masks are moved as the images are, each pixel taken from the nearest one. So are
    `"bounding_boxes"`, a dict of `boxes`, `(batch, boxes, 4)`, in the `bounding_box_format` of the layer, and `labels`.

    A subclass writes `changed`, or `drawn` with functions of `nnlite.ops`, from which `changed` has the derivative.
    Both take what `draws` returns.
    """

    data_format = cast(DataFormat, None)
    _fixes = "nothing"
    _further_arguments = ("bounding_box_format",)
    bounding_box_format = cast("str | None", None)
    _moves: ClassVar[bool] = True  # whether masks of images change with them
    _casts: ClassVar[bool] = False  # whether images of integers are cast where they are changed, and only there
    _rounding: ClassVar[Callable[[Any], Any]] = np.rint  # of outputs for images of integers
    _corner: ClassVar[float] = 0.5  # where in a pixel its position counts for boxes: at its center, or as in Keras, 0

    _of_dict, _of_masks, _shape_of = transformations.of_dict, transformations.of_masks, transformations.shape_of
    place_maps = place_maps
    get_random_transformation = transformations.get_random_transformation
    transform_images, transform_labels = transformations.transform_images, transformations.transform_labels
    transform_segmentation_masks = transformations.transform_segmentation_masks
    transform_bounding_boxes = transformations.transform_bounding_boxes
    transform_single_image = transformations.transform_single_image
    transform_single_label = transformations.transform_single_label
    transform_single_segmentation_mask = transformations.transform_single_segmentation_mask
    transform_single_bounding_box = transformations.transform_single_bounding_box

    def _take_further(self, arguments: dict[str, Any]) -> None:
        self.bounding_box_format = arguments.get("bounding_box_format")
        if self.bounding_box_format not in (None, *FORMATS):
            hint = did_you_mean(str(self.bounding_box_format), FORMATS)
            raise ConfigError(
                f"unknown format {self.bounding_box_format!r}; {hint}", (type(self).__name__, "bounding_box_format")
            )

    def _arguments(self) -> dict[str, Any]:
        kind = self.bounding_box_format
        return super()._arguments() | ({} if kind is None else {"bounding_box_format": kind})

    def _keras_arguments(self) -> dict[str, Any]:
        return {"data_format": self.data_format} | super()._keras_arguments()

    def build(self, input_shape: BatchShape) -> None:
        self.check_shape(input_shape)

    def _check_input_shape(self, shape: tuple) -> None:
        self.check_shape(shape)
        super()._check_input_shape(shape)

    def check_shape(self, input_shape: BatchShape) -> None:
        """`ShapeError` for a shape that is none of images, or of the wrong number of channels."""
        check_images(self, input_shape)

    def __call__(self, data: Any, *more: Any, **options: Any) -> Any:
        if isinstance(data, Mapping):
            return self._of_dict(data, *more, **options)
        if is_numbers(data) and np.ndim(data) == 3:
            return super().__call__(np.asarray(data)[None], *more, **options)[0]
        return super().__call__(data, *more, **options)

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        """Draw the numbers for a batch of `shape`, by Keras's names."""
        return {"input_shape": shape}

    def transformed(self, images: np.ndarray, draw: Any) -> np.ndarray:
        """The outputs for what `draws` returned, or those of inference where it is None."""
        return self.linearize(images)[0]

    def changed_alike(self, inputs: np.ndarray, draw: Any) -> tuple[np.ndarray, Jacobian]:
        """As `changed`, for images of integers too: of the layer's type, or outputs that are rounded to theirs."""
        if self._casts and inputs.dtype.kind in "biu":
            inputs = inputs.astype(self.dtype)
        outputs, by_inputs = self.changed(mixable(self, inputs), draw)
        return whole_as(inputs, outputs, type(self)._rounding), by_inputs

    def changed(self, inputs: np.ndarray, draw: Any) -> tuple[np.ndarray, Jacobian]:
        """The outputs, those of training if anything is drawn, and the map with respect to the inputs."""
        trace = Trace()
        images = self.drawn(channels_moved(self, trace.variable(inputs)), draw)
        outputs = channels_moved(self, images, back=True)
        if not isinstance(outputs, Traced):  # steps, flat between the jumps
            slopes = np.zeros(inputs.shape, np.real(inputs).dtype)
            return outputs.astype(inputs.dtype), Diagonal(slopes, inputs.shape, inputs.shape)
        return outputs.value, cast(Any, trace.jacobians(outputs)[0])

    def drawn(self, images: Any, draw: Any) -> Any:
        """The outputs of `changed`, computed by functions of `nnlite.ops` on images with channels last."""
        raise NotImplementedError


class RandomImages(Images, abstract=True):
    """Base of random augmentations: outputs = inputs except in training, where `changed` is called.

    The draw of a training step depends on the model's seed, the layer's place and the step alone. A call on arrays is
    one of training, as in Keras, unless it says `training=False`.
    """

    _drawn_by = ""
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    # How an argument gives bounds: a number is one of them. The attribute has both, as the config does in Keras.
    _bounds: ClassVar[dict[str, Callable[[Any], Any]]] = {}

    if TYPE_CHECKING:  # a field of the subclasses
        seed = cast("int | None", None)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Unchanged | None:
        return Unchanged()

    @property
    def generator(self) -> SeedGenerator:
        """The generator of calls on arrays, as `seed_generator`."""
        return self.seed_generator

    def __post_init__(self) -> None:
        super().__post_init__()
        self._given = {name: vars(self)[name] for name in self._bounds}
        vars(self).update({name: read(self._given[name]) for name, read in self._bounds.items()})

    def _arguments(self) -> dict[str, Any]:
        values = super()._arguments()
        as_given = {name: value for name, value in self._given.items() if self._bounds[name](value) == values[name]}
        return values | as_given

    def _keras_arguments(self) -> dict[str, Any]:
        return super()._keras_arguments() | {name: vars(self)[name] for name in self._bounds}

    def __call__(self, data: Any, training: bool | None = None, **options: Any) -> Any:
        if training is None and (isinstance(data, Mapping) or is_numbers(data)):
            training = True
        return super().__call__(data, training=training, **options)

    def linearize(self, inputs: np.ndarray, training: bool = False, random: Any = None) -> tuple[np.ndarray, Jacobians]:
        draw = self.get_random_transformation(inputs, True, random) if training else None
        if draw is None:
            return inputs, Jacobians(Identity(inputs.shape))
        outputs, by_inputs = self.changed_alike(inputs, draw)
        return outputs, Jacobians(by_inputs)

    def transformed(self, images: np.ndarray, draw: Any) -> np.ndarray:
        return self.linearize(images)[0] if draw is None else self.changed_alike(images, draw)[0]


def image_axes(layer: Any) -> tuple[int, int]:
    """The axes of height and width, counted from the right."""
    return (-2, -1) if layer.data_format == "channels_first" else (-3, -2)


def image_size(layer: Any, shape: tuple) -> tuple[int, int]:
    """Height and width."""
    return tuple(shape[axis] for axis in image_axes(layer))


def check_images(layer: Any, input_shape: BatchShape) -> None:
    """`ShapeError` unless `input_shape` is that of images."""
    if len(input_shape) != 4:
        axes = "channels, height, width" if layer.data_format == "channels_first" else "height, width, channels"
        raise ShapeError(f"{layer.label} needs images of the shape (batch, {axes}), got {input_shape}")


def checked_bounds(layer: Any, name: str) -> tuple[float, float]:
    """The bounds given by a factor; `ConfigError` unless they lie in [-1, 1]."""
    factor = getattr(layer, name)
    bounds = either_way(factor)
    if not -1 <= bounds[0] <= bounds[1] <= 1:
        raise ConfigError(f"{type(layer).__name__}: {name} must lie in [-1, 1], got {factor}")
    return bounds


def either_way(factor: Any) -> tuple[float, float]:
    """The bounds given by a factor: f means (-f, f), two numbers must be in order."""
    return (-abs(factor), abs(factor)) if isinstance(factor, float) else (min(factor), max(factor))


def pair(factor: Any) -> tuple[float, float]:
    """The bounds given by a factor: f means (0, f), two numbers must be in order."""
    return (0.0, factor) if isinstance(factor, float) else (min(factor), max(factor))


def chosen(factor: Any, generator: np.random.Generator, count: int) -> np.ndarray:
    """Flags of the images to change, `(count,)`, each with a probability within the bounds of a factor."""
    chances = generator.uniform(*pair(factor), count)
    return generator.uniform(size=count) < chances


def by_image(values: Any, images: Any) -> np.ndarray:
    """A drawn number, or a flag, for each image, as `(count, 1, 1, 1)`; numbers in the real dtype of the images."""
    values = np.asarray(values)
    kind = values.dtype if values.dtype == bool else images.dtype.type(0).real.dtype
    return values.astype(kind).reshape(-1, 1, 1, 1)


def numbers(layer: Any, values: Any) -> np.ndarray:
    """Drawn numbers as `get_random_transformation` returns them: in float32, or float64 of a layer of that."""
    return np.asarray(values, np.float64 if layer.dtype == "float64" else np.float32)


def sort_range(layer: Any) -> None:
    """Make value_range the sorted list that Keras makes of it; `ConfigError` if its numbers are equal."""
    layer.value_range = sorted(layer.value_range)
    check_range(layer)


def check_range(layer: Any) -> None:
    """`ConfigError` unless value_range is increasing."""
    if not layer.value_range[0] < layer.value_range[1]:
        raise ConfigError(f"{type(layer).__name__}: value_range must be (lowest, highest), got {layer.value_range}")


def check_colors(layer: Any, input_shape: BatchShape, allowed: tuple[int, ...]) -> None:
    """`ShapeError` unless the images have one of these numbers of channels."""
    channels = input_shape[1 if layer.data_format == "channels_first" else -1]
    if channels not in allowed:
        raise ShapeError(f"{layer.label} needs images of {' or '.join(map(str, allowed))} channels, got {channels}")


def channels_moved(layer: Any, images: Any, back: bool = False) -> Any:
    """The images with channels as the last axis; with `back`, the inverse."""
    if layer.data_format != "channels_first":
        return images
    return moveaxis(images, -1, 1) if back else moveaxis(images, 1, -1)


def mixable(layer: Any, images: np.ndarray) -> np.ndarray:
    """Images as numbers that have fractions: integers in the layer's type, or float32 where that is of integers too."""
    if images.dtype.kind not in "iu":
        return images
    return images.astype(np.result_type(images.dtype, "float32" if layer.dtype in get_args(WholeType) else layer.dtype))


def whole_as(images: np.ndarray, outputs: np.ndarray, rounding: Callable[[Any], Any] = np.rint) -> np.ndarray:
    """Outputs rounded where the images are of integers, in their type."""
    return saturated(rounding(outputs), images.dtype) if images.dtype.kind in "iu" else outputs
