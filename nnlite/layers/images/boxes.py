"""Bounding boxes of images, which move as the images do."""

import copy
from typing import Any

import numpy as np

from nnlite.errors import ConfigError, DataError

__all__ = ["FORMATS", "checked_boxes", "corners_of", "formatted", "moved_boxes", "place_maps"]

# The matrix that turns the corners x1, y1, x2, y2 of a box into its entries: corners, or a position and a size.
FROM_CORNERS = {
    "xyxy": np.eye(4),
    "yxyx": np.eye(4)[[1, 0, 3, 2]],
    "xywh": np.array([[1, 0, 0, 0], [0, 1, 0, 0], [-1, 0, 1, 0], [0, -1, 0, 1]]),
    "center_xywh": np.array([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [-1, 0, 1, 0], [0, -1, 0, 1]]),
    "center_yxhw": np.array([[0, 0.5, 0, 0.5], [0.5, 0, 0.5, 0], [0, -1, 0, 1], [-1, 0, 1, 0]]),
}
FORMATS = (*FROM_CORNERS, *(f"rel_{name}" for name in FROM_CORNERS))  # the latter in shares of width and height
EMPTY = 1e-6  # pixels, the side of a box that holds none
NEAR = 1e-3  # pixels between a position and the one that an affine map gives for it


def moved_boxes(layer: Any, bounding_boxes: Any, shape: tuple[int, ...], draw: Any) -> dict[str, np.ndarray]:
    """The boxes of images after a layer of images has moved these.

    Each new box is the smallest that holds the moved corners of the old one, within the image; one without an area
    there gets the label -1.

    Args:
        layer: which moves images as its `place_maps` says: `layer.bounding_box_format` says what the boxes are.
        bounding_boxes: a dict with `boxes`, `(batch, boxes, 4)`, and `labels`, `(batch, boxes)`.
        shape: of the images, `(batch, height, width, channels)`, or with channels first.
        draw: the same as for the images.

    Raises:
        DataError: the dict lacks an entry.
        ConfigError: the layer has no format, or its map is not affine.
    """
    kind = layer.bounding_box_format
    boxes, labels = checked_boxes(layer, bounding_boxes)
    first = layer.data_format == "channels_first"
    size = shape[2:4] if first else shape[1:3]
    matrices, new_size = layer.place_maps(shape[0], size, draw)
    x1, y1, x2, y2 = np.moveaxis(corners_of(boxes, kind, size), -1, 0)
    corners = np.stack([y1, x1, y1, x2, y2, x1, y2, x2], axis=-1).reshape(*boxes.shape[:-1], 4, 2)
    ends = np.einsum("bij,bncj->bnci", matrices[:, :, :2], corners) + matrices[:, None, None, :, 2]
    ends = ends[..., :2] / ends[..., 2:]
    low, high = (np.clip(values, 0, new_size) for values in (ends.min(axis=2), ends.max(axis=2)))
    labels[(high - low < EMPTY).any(axis=-1)] = -1
    moved = np.concatenate([low[..., ::-1], high[..., ::-1]], axis=-1)
    return {**bounding_boxes, "boxes": formatted(moved, kind, new_size).astype(np.float32), "labels": labels}


def checked_boxes(layer: Any, bounding_boxes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and labels; `ConfigError` of a layer without format, `DataError` if the dict lacks an entry."""
    if layer.bounding_box_format is None:
        raise ConfigError(f"{layer.label} needs bounding_box_format for bounding boxes, one of {', '.join(FORMATS)}")
    if not {"boxes", "labels"} <= set(bounding_boxes):
        raise DataError(f"{layer.label} needs bounding_boxes with boxes and labels, got {', '.join(bounding_boxes)}")
    return np.asarray(bounding_boxes["boxes"], np.float64), np.array(bounding_boxes["labels"])


def place_maps(layer: Any, count: int, size: tuple[int, ...], draw: Any) -> tuple[np.ndarray, tuple[int, ...]]:
    """The map of each image `(batch, 3, 3)` from (row, column, 1) to multiples of the new ones, and the new size.

    It is affine, fitted to where the layer reads each new pixel: to what it makes of an image of positions.
    """
    first = layer.data_format == "channels_first"
    rows, columns = np.indices(size) + layer._corner
    seen = np.broadcast_to(
        np.stack([rows, columns, np.ones(size)], axis=0 if first else -1), (count, *_shape(size, first))
    )
    twin = copy.copy(layer)
    for name, value in (("fill_mode", "constant"), ("fill_value", 0.0), ("interpolation", "bilinear")):
        if name in vars(layer):
            vars(twin)[name] = value
    seen = twin.transformed(np.array(seen), draw)
    seen = np.moveaxis(seen, 1, -1) if first else seen
    new_size = seen.shape[1:3]
    pixels = np.stack([*(np.indices(new_size) + layer._corner), np.ones(new_size)], axis=-1).reshape(-1, 3)
    affine = np.stack([_affine(layer, one.reshape(-1, 3), pixels, size) for one in seen])
    return np.concatenate([affine, np.broadcast_to([[0, 0, 1]], (count, 1, 3))], axis=1), new_size


def _shape(size: tuple[int, ...], first: bool) -> tuple[int, ...]:
    return (3, *size) if first else (*size, 3)


def _affine(layer: Any, seen: np.ndarray, pixels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The map `(2, 3)` from old positions to new ones, by least squares over the pixels read from within the image."""
    within = seen[:, 2] > 1 - 1e-6
    low, high = layer._corner + 1e-9, np.array(size) - 1 + layer._corner - 1e-9
    inner = within & ((seen[:, :2] > low) & (seen[:, :2] < high)).all(axis=1)  # at the border positions are repeated
    used = next((part for part in (inner, within) if np.linalg.matrix_rank(pixels[part]) == 3), None)
    if used is None:
        return np.array([[0, 0, -1.0], [0, 0, -1.0]])  # nothing of the image is left
    back, *_ = np.linalg.lstsq(pixels[used], seen[used, :2], rcond=None)
    if np.abs(pixels[used] @ back - seen[used, :2]).max() > NEAR:
        raise ConfigError(f"{layer.label} bends images, so it moves no bounding boxes")
    ahead = np.linalg.inv(back[:2].T)
    return np.concatenate([ahead, -(ahead @ back[2])[:, None]], axis=1)


def corners_of(boxes: np.ndarray, kind: str, size: tuple[int, ...]) -> np.ndarray:
    """Boxes as x1, y1, x2, y2 in pixels."""
    return boxes @ np.linalg.inv(FROM_CORNERS[kind.removeprefix("rel_")]).T * _unit(kind, size)


def formatted(corners: np.ndarray, kind: str, size: tuple[int, ...]) -> np.ndarray:
    """The inverse of `corners_of`."""
    return corners / _unit(kind, size) @ FROM_CORNERS[kind.removeprefix("rel_")].T


def _unit(kind: str, size: tuple[int, ...]) -> np.ndarray:
    """Pixels in the unit of x1, y1, x2 and y2, for images of `size`, `(height, width)`."""
    return np.array([size[1], size[0]] * 2 if kind.startswith("rel_") else [1, 1, 1, 1])
