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


def test_boxes_around_moved_boxes():
    def moved(boxes, angle=0.0, x=0.0, y=0.0, scale=1.0, slant_x=0.0, slant_y=0.0, **options):
        return bounding_boxes.affine_transform(boxes, angle, x, y, scale, slant_x, slant_y, 10, 20, **options)

    box = np.array([[1.0, 2.0, 3.0, 5.0]])
    np.testing.assert_array_equal(moved(box), box)
    np.testing.assert_allclose(moved(box, x=0.1, y=0.2), [[2.9, 3.8, 4.9, 6.8]], rtol=1e-6)
    np.testing.assert_allclose(moved(box, scale=2.0, x=0.1), [[-3.7, -0.5, 0.3, 5.5]], rtol=1e-5)
    np.testing.assert_allclose(moved(box, 90.0), [[7, 11, 10, 13]], rtol=1e-6)  # about (9.5, 4.5)
    slope = np.tan(np.radians(10))
    np.testing.assert_allclose(moved(box, slant_x=10.0), [[1 - 2.5 * slope, 2, 3 + 0.5 * slope, 5]], rtol=1e-6)
    np.testing.assert_allclose(moved(box, slant_y=10.0), [[1, 2 - 8.5 * slope, 3, 5 - 6.5 * slope]], rtol=1e-6)
    everything = moved(box, 10.0, 0.1, 0.2, 2.0, 10.0, 20.0)
    np.testing.assert_allclose(everything, [[-3.57117, 0.59352, 2.38837, 7.62076]], rtol=1e-5)  # of Keras
    corner = moved(box, 10.0, center_x=0.25, center_y=0.75)
    np.testing.assert_allclose(corner, [[0.23214, 2.37605, 2.7227, 5.67777]], rtol=1e-5)  # of Keras
    batch = moved(np.stack([box, box]), np.array([0.0, 90.0]))
    np.testing.assert_allclose(batch[:, 0], [box[0], [7, 11, 10, 13]], rtol=1e-6)
    shares = bounding_boxes.convert_format(box, "xyxy", "rel_xywh", 10, 20)
    back = bounding_boxes.convert_format(
        moved(shares, 90.0, bounding_box_format="rel_xywh"), "rel_xywh", "xyxy", 10, 20
    )
    np.testing.assert_allclose(back, [[7, 11, 10, 13]], rtol=1e-5)
