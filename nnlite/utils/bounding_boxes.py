"""Bounding boxes of images as arrays: formats, overlaps, and what cutting an image does to them.

Formats are `"xyxy"`, `"yxyx"`, `"xywh"`, `"center_xywh"` and `"center_yxhw"`, in pixels, and the same after `rel_`, in
shares of width and height.
"""

from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape
from nnlite.config import epsilon
from nnlite.errors import ConfigError, did_you_mean
from nnlite.layers.images.boxes import FORMATS, corners_of, formatted

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]


def convert_format(
    boxes: Any, source: str, target: str, height: int | None = None, width: int | None = None, dtype: str = "float32"
) -> Any:
    """Boxes in another format.

    Args:
        boxes: `(..., 4)`; or a dict with `boxes`, whose other entries are kept.
        source, target: formats.
        height, width: of the image, where one format is in pixels and the other in shares.
        dtype: of the result.

    Raises:
        ConfigError: an unknown format, or one that needs the size of the image.

    >>> convert_format(np.array([[10.0, 20.0, 30.0, 60.0]]), "xyxy", "center_xywh").tolist()
    [[20.0, 40.0, 20.0, 40.0]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    for kind in (source, target):
        if kind not in FORMATS:
            raise ConfigError(f"unknown format of boxes {kind!r}; {did_you_mean(kind, FORMATS)}")
    size: Shape = (1, 1) if height is None or width is None else (height, width)
    if source.startswith("rel_") != target.startswith("rel_") and (height is None or width is None):
        raise ConfigError(f"boxes from {source!r} to {target!r} need the height and width of the image")
    return formatted(corners_of(np.asarray(boxes, np.float64), source, size), target, size).astype(dtype)


def _corners(boxes: ArrayLike, kind: str, image_shape: Shape | None = None) -> np.ndarray:
    """x1, y1, x2, y2 of boxes, in pixels if the shape of the image is known."""
    height, width = (None, None) if image_shape is None else image_shape[:2]
    in_pixels = not kind.startswith("rel_") or image_shape is not None
    return convert_format(boxes, kind, "xyxy" if in_pixels else "rel_xyxy", height, width, "float64")


def _shared(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shared area of boxes, and that of both together."""
    low, high = np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    areas = [(one[..., 2:] - one[..., :2]).prod(axis=-1) for one in (first, second)]
    return shared, areas[0] + areas[1] - shared


def compute_iou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Shape | None = None,
) -> np.ndarray:
    """The shared area of each box with each other one, over the area of both together.

    Args:
        boxes1, boxes2: `(..., m, 4)` and `(..., n, 4)`.
        bounding_box_format: of both.
        use_masking: whether pairs with a box of four `mask_val` get `mask_val`.
        mask_val: marks absent boxes.
        image_shape: `(height, width, ...)` of the image, for shares.

    Returns:
        `(..., m, n)`, float32.

    >>> compute_iou([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0]], "xyxy").round(3).tolist()
    [[1.0, 0.3330000042915344]]
    """
    first = _corners(boxes1, bounding_box_format, image_shape)[..., :, None, :]
    second = _corners(boxes2, bounding_box_format, image_shape)[..., None, :, :]
    shared, together = _shared(first, second)
    overlap = np.divide(shared, together, out=np.zeros_like(shared), where=together > 0)
    if use_masking:
        absent = [(np.asarray(boxes) == mask_val).all(axis=-1) for boxes in (boxes1, boxes2)]
        overlap[absent[0][..., :, None] | absent[1][..., None, :]] = mask_val
    return overlap.astype(np.float32)


def compute_ciou(
    boxes1: ArrayLike, boxes2: ArrayLike, bounding_box_format: str, image_shape: Shape | None = None
) -> np.ndarray:
    """The overlap of pairs of boxes, less terms for the distance of their centers and for their shapes.

    Args:
        boxes1, boxes2: `(..., 4)`, which broadcast.
        bounding_box_format: of both.
        image_shape: `(height, width, ...)` of the image, for shares.

    Returns:
        `(...)`, float32, in (-2, 1].

    Reference: Zheng et al. 2020, "Enhancing geometric factors", arXiv:2005.03572.

    >>> compute_ciou([0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 3.0], "xyxy").round(3).item()
    0.03200000151991844
    """
    first, second = (_corners(boxes, bounding_box_format, image_shape) for boxes in (boxes1, boxes2))
    shared, together = _shared(first, second)
    overlap = shared / (together + epsilon())
    low, high = np.minimum(first[..., :2], second[..., :2]), np.maximum(first[..., 2:], second[..., 2:])
    diagonal = ((high - low) ** 2).sum(axis=-1) + epsilon()
    apart = ((first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]) ** 2).sum(axis=-1) / 4
    sides = [one[..., 2:] - one[..., :2] for one in (first, second)]
    angles = [np.arctan(side[..., 0] / (side[..., 1] + epsilon())) for side in sides]
    shape = (2 / np.pi * (angles[1] - angles[0])) ** 2
    return (overlap - apart / diagonal - shape * shape / (shape - overlap + 1 + epsilon())).astype(np.float32)


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: int | None = None,
    width: int | None = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Boxes within the image; those without an area there get the label -1.

    Args:
        bounding_boxes: a dict with `boxes`, `(..., 4)`, and, if there are any, `labels`, `(...)`.
        height, width: of the image; 1 for shares.
        bounding_box_format: of the boxes.
    """
    relative = bounding_box_format.startswith("rel_")
    if not relative and (height is None or width is None):
        raise ConfigError(f"clip_to_image_size needs the height and width of the image for {bounding_box_format!r}")
    corners = _corners(bounding_boxes["boxes"], bounding_box_format)
    bounds: Any = [1, 1, 1, 1] if relative else [width, height, width, height]
    inside = np.clip(corners, 0, bounds)
    plain = "rel_xyxy" if relative else "xyxy"
    clipped = {**bounding_boxes, "boxes": convert_format(inside, plain, bounding_box_format)}
    if "labels" in bounding_boxes:
        labels = clipped["labels"] = np.array(bounding_boxes["labels"])
        labels[(inside[..., 2:] <= inside[..., :2]).any(axis=-1)] = -1
    return clipped


def crop(
    boxes: ArrayLike, top: int, left: int, height: int, width: int, bounding_box_format: str = "xyxy"
) -> np.ndarray:
    """Boxes, in pixels, within the part of an image that begins at `top` and `left`."""
    moved = np.clip(_corners(boxes, bounding_box_format) - [left, top] * 2, 0, [width, height] * 2)
    return convert_format(moved, "xyxy", bounding_box_format)


def pad(
    boxes: ArrayLike,
    top: int,
    left: int,
    height: int | None = None,
    width: int | None = None,
    bounding_box_format: str = "xyxy",
) -> np.ndarray:
    """Boxes, in pixels, after an image got `top` rows above and `left` columns before; its new size changes nothing."""
    return convert_format(_corners(boxes, bounding_box_format) + [left, top] * 2, "xyxy", bounding_box_format)


def affine_transform(
    boxes: ArrayLike,
    angle: ArrayLike,
    translate_x: ArrayLike,
    translate_y: ArrayLike,
    scale: ArrayLike,
    shear_x: ArrayLike,
    shear_y: ArrayLike,
    height: int,
    width: int,
    center_x: float | None = None,
    center_y: float | None = None,
    bounding_box_format: str = "xyxy",
) -> np.ndarray:
    """The smallest upright boxes around the corners of boxes that are moved, then turned, sheared and scaled.

    A corner at (u, v) from the center comes to scale * (a u + b v, c u + d v), with the sine s and the cosine t of
    `angle`, d = t + s tan(shear_y), c = t tan(shear_y) - s, a = t - c tan(shear_x) and b = s + d tan(shear_x), the
    matrix of Keras. Nothing is cut off at the edges of the image.

    Args:
        boxes: `(boxes, 4)`, or `(batch, boxes, 4)` with a number, or one for each image, `(batch,)`, for what follows.
        angle, shear_x, shear_y: in degrees.
        translate_x, translate_y: shares of `width - 1` and `height - 1`.
        scale: a factor.
        height, width: of the image, in pixels.
        center_x, center_y: shares of `width - 1` and `height - 1`, 0.5 when None.
        bounding_box_format: of the boxes.

    >>> affine_transform([[1.0, 2.0, 3.0, 5.0]], 90.0, 0.0, 0.0, 1.0, 0.0, 0.0, height=11, width=11).round(3).tolist()
    [[2.0, 7.0, 5.0, 9.0]]
    """
    parts = (angle, shear_x, shear_y, translate_x, translate_y, scale)
    turn, slant_x, slant_y, move_x, move_y, factor = (np.asarray(part, np.float64)[..., None, None] for part in parts)
    turn, slant_x, slant_y = np.radians(turn), np.radians(slant_x), np.radians(slant_y)
    middle_x = (width - 1) * (0.5 if center_x is None else center_x)
    middle_y = (height - 1) * (0.5 if center_y is None else center_y)
    corners = _corners(boxes, bounding_box_format, (height, width))
    u = corners[..., [0, 2, 0, 2]] + move_x * (width - 1) - middle_x
    v = corners[..., [1, 1, 3, 3]] + move_y * (height - 1) - middle_y
    c, d = np.cos(turn) * np.tan(slant_y) - np.sin(turn), np.cos(turn) + np.sin(turn) * np.tan(slant_y)
    a, b = np.cos(turn) - c * np.tan(slant_x), np.sin(turn) + d * np.tan(slant_x)
    x, y = factor * (a * u + b * v) + middle_x, factor * (c * u + d * v) + middle_y
    moved = np.stack([x.min(-1), y.min(-1), x.max(-1), y.max(-1)], -1)
    return convert_format(moved, "xyxy", bounding_box_format, height, width)


def _scales(variance: ArrayLike | None) -> np.ndarray:
    scales = np.ones(4) if variance is None else np.asarray(variance, np.float64)
    if scales.shape[-1:] != (4,):
        raise ConfigError(f"variance must be four numbers, got {variance!r}")
    return scales


def encode_box_to_deltas(
    anchors: ArrayLike,
    boxes: ArrayLike,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: ArrayLike | None = None,
    image_shape: Shape | None = None,
) -> np.ndarray:
    """Offsets of boxes from anchors: those of the centers in sides of the anchor, and the logarithms of the sides.

    Args:
        anchors, boxes: `(..., 4)`.
        anchor_format, box_format: theirs.
        encoding_format: the order of the result, `"center_yxhw"` or `"center_xywh"`.
        variance: four numbers that the offsets are divided by.
        image_shape: `(height, width, ...)` of the image, for shares.
    """
    pairs = ((anchors, anchor_format), (boxes, box_format))
    base, other = (
        convert_format(_corners(one, kind, image_shape), "xyxy", encoding_format, dtype="float64")
        for one, kind in pairs
    )
    ratios = np.log(np.maximum(other[..., 2:], epsilon()) / np.maximum(base[..., 2:], epsilon()))
    offsets = np.concatenate([(other[..., :2] - base[..., :2]) / base[..., 2:], ratios], axis=-1)
    return (offsets / _scales(variance)).astype(np.float32)


def decode_deltas_to_boxes(
    anchors: ArrayLike,
    boxes_delta: ArrayLike,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: ArrayLike | None = None,
    image_shape: Shape | None = None,
) -> np.ndarray:
    """The inverse of `encode_box_to_deltas`: boxes in `box_format`.

    >>> anchor, box = np.array([[0.0, 0.0, 4.0, 2.0]]), np.array([[1.0, 1.0, 3.0, 5.0]])
    >>> offsets = encode_box_to_deltas(anchor, box, "xyxy", "xyxy")
    >>> decode_deltas_to_boxes(anchor, offsets, "xyxy", "xyxy").round(4).tolist()
    [[1.0, 1.0, 3.0, 5.0]]
    """
    base = convert_format(_corners(anchors, anchor_format, image_shape), "xyxy", encoded_format, dtype="float64")
    offsets = np.asarray(boxes_delta) * _scales(variance)
    centers, sides = offsets[..., :2] * base[..., 2:] + base[..., :2], np.exp(offsets[..., 2:]) * base[..., 2:]
    height, width = (None, None) if image_shape is None else image_shape[:2]
    return convert_format(np.concatenate([centers, sides], axis=-1), encoded_format, box_format, height, width)
