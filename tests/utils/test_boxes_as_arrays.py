"""Bounding boxes as arrays: formats, overlaps, and cut images."""

import numpy as np
import pytest

from nnlite.errors import ConfigError
from nnlite.layers.images.boxes import FORMATS
from nnlite.utils import bounding_boxes

BOXES = np.array([[1.0, 2.0, 5.0, 6.0], [4.0, 4.0, 30.0, 9.0]])
CORNERS = {
    "xyxy": [4.0, 4.0, 30.0, 9.0],
    "yxyx": [4.0, 4.0, 9.0, 30.0],
    "xywh": [4.0, 4.0, 26.0, 5.0],
    "center_xywh": [17.0, 6.5, 26.0, 5.0],
    "center_yxhw": [6.5, 17.0, 5.0, 26.0],
}


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_and_their_inverses(kind):
    made = bounding_boxes.convert_format(BOXES, "xyxy", kind, height=10, width=40, dtype="float64")
    vertical = kind.removeprefix("rel_").removeprefix("center_").startswith("y")
    unit = [10, 40] * 2 if vertical else [40, 10] * 2
    wanted = np.array(CORNERS[kind.removeprefix("rel_")]) / (unit if kind.startswith("rel_") else 1)
    np.testing.assert_allclose(made[1], wanted)
    back = bounding_boxes.convert_format({"boxes": made, "labels": [1, 2]}, kind, "xyxy", height=10, width=40)
    np.testing.assert_allclose(back["boxes"], BOXES, rtol=1e-6)
    assert back["labels"] == [1, 2] and back["boxes"].dtype == "float32"


def test_formats_that_cannot_be_converted():
    with pytest.raises(ConfigError, match="unknown format of boxes 'xyxz'; did you mean 'xyxy'"):
        bounding_boxes.convert_format(BOXES, "xyxz", "xyxy")
    with pytest.raises(ConfigError, match="need the height and width of the image"):
        bounding_boxes.convert_format(BOXES, "xyxy", "rel_xyxy")
    with pytest.raises(ConfigError, match="needs the height and width of the image for 'xywh'"):
        bounding_boxes.clip_to_image_size({"boxes": BOXES, "labels": [1, 2]}, bounding_box_format="xywh")


def test_overlaps():
    # 1 x 2 pixels are shared, of 16 + 130 - 2.
    np.testing.assert_allclose(bounding_boxes.compute_iou(BOXES, BOXES, "xyxy"), [[1, 2 / 144], [2 / 144, 1]])
    shares = bounding_boxes.convert_format(BOXES, "xyxy", "rel_xyxy", height=10, width=40)
    by_size = bounding_boxes.compute_iou(shares[None], shares, "rel_xyxy", image_shape=(10, 40, 3))
    assert by_size.shape == (1, 2, 2) and by_size[0, 0, 1] == pytest.approx(2 / 144)
    absent = np.full((1, 4), -1.0)
    assert bounding_boxes.compute_iou(BOXES, absent, "xyxy", use_masking=True).tolist() == [[-1], [-1]]
    assert bounding_boxes.compute_ciou(BOXES, BOXES, "xyxy") == pytest.approx([1, 1])
    # Centers (3, 4) and (17, 6.5) in a box of 29 x 7; arctan of 4 / 4 and of 26 / 5.
    shape = (2 / np.pi * (np.arctan(26 / 5) - np.arctan(1))) ** 2
    wanted = 2 / 144 - (14**2 + 2.5**2) / (29**2 + 7**2) - shape**2 / (shape - 2 / 144 + 1)
    assert bounding_boxes.compute_ciou(*BOXES, "xyxy") == pytest.approx(wanted, rel=1e-5)


def test_images_that_are_cut_or_padded():
    clipped = bounding_boxes.clip_to_image_size({"boxes": [*BOXES, [30, 30, 40, 40]], "labels": [1, 2, 3]}, 7, 20)
    assert clipped["boxes"].tolist() == [[1, 2, 5, 6], [4, 4, 20, 7], [20, 7, 20, 7]]
    assert clipped["labels"].tolist() == [1, 2, -1]
    assert bounding_boxes.crop(BOXES, 1, 2, 5, 6).tolist() == [[0, 1, 3, 5], [2, 3, 6, 5]]
    assert bounding_boxes.pad(BOXES, 1, 2, 5, 6).tolist() == [[3, 3, 7, 7], [6, 5, 32, 10]]


@pytest.mark.parametrize("encoding", ["center_yxhw", "center_xywh"])
def test_offsets_from_anchors_and_back(encoding):
    anchors, boxes = BOXES, BOXES * [1, 0.5, 1.5, 2]
    options = {"variance": [0.1, 0.1, 0.2, 0.2]}
    offsets = bounding_boxes.encode_box_to_deltas(anchors, boxes, "xyxy", "xyxy", encoding, **options)
    x = (boxes[0, [0, 2]].mean() - 3) / 4 / 0.1
    assert offsets[0, encoding.index("x") - encoding.index("_") - 1] == pytest.approx(x)
    back = bounding_boxes.decode_deltas_to_boxes(anchors, offsets, "xyxy", "xywh", encoding, **options)
    np.testing.assert_allclose(back, bounding_boxes.convert_format(boxes, "xyxy", "xywh"), rtol=1e-5)
