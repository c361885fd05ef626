"""Bounding boxes that image layers move as they move the images."""

import numpy as np
import pytest

from nnlite import layers
from nnlite.errors import ConfigError, DataError

BOXES = np.array([[[1.0, 2, 5, 6], [0, 0, 2, 2]], [[3, 3, 8, 8], [6, 6, 7, 8]]])


def moved(layer, boxes=BOXES, training=True):
    data = {
        "images": np.ones((2, 8, 8, 3)),
        "bounding_boxes": {"boxes": boxes, "labels": np.array([[1, 2], [3, 4]])},
        "labels": np.array([1, 2]),
    }
    found = layer(data, training=training)["bounding_boxes"]
    return found["boxes"], found["labels"].tolist()


def test_resizing_scales():
    boxes, labels = moved(layers.Resizing(4, 6, bounding_box_format="xyxy"))
    assert np.allclose(boxes, BOXES * [0.75, 0.5, 0.75, 0.5], atol=1e-5)
    assert labels == [[1, 2], [3, 4]]


def test_padding_moves_too():
    boxes, _ = moved(layers.Resizing(4, 6, pad_to_aspect_ratio=True, bounding_box_format="xyxy"))
    assert np.allclose(boxes, BOXES / 2 + [1, 0, 1, 0], atol=1e-5)


def test_what_is_cut_off_has_the_label_minus_one():
    boxes, labels = moved(layers.CenterCrop(4, 4, bounding_box_format="xyxy"))
    assert np.allclose(boxes, np.clip(BOXES - 2, 0, 4), atol=1e-5)
    assert labels == [[1, -1], [3, -1]]


def test_a_translation_moves_and_cuts():
    boxes, labels = moved(layers.RandomTranslation((0.25, 0.25), (-0.25, -0.25), bounding_box_format="xyxy"))
    assert np.allclose(boxes, np.clip(BOXES + np.array([-2, 2, -2, 2]), 0, 8), atol=1e-5)
    assert labels == [[1, -1], [3, -1]]


def test_flips_follow_the_draw_of_each_image():
    layer = layers.RandomFlip("horizontal", seed=1, bounding_box_format="xyxy")
    images = np.zeros((6, 4, 8, 1))
    images[:, 1:3, 0:2] = 1
    boxes = np.tile([[[0.0, 1, 2, 3]]], (6, 1, 1))
    out = layer({"images": images, "bounding_boxes": {"boxes": boxes, "labels": np.ones((6, 1))}}, training=True)
    for image, ((x1, y1, x2, y2),) in zip(
        out["images"], out["bounding_boxes"]["boxes"].round().astype(int), strict=True
    ):
        assert image.sum() == image[y1:y2, x1:x2].sum() == 4
    assert len(np.unique(out["bounding_boxes"]["boxes"][:, 0, 0].round())) == 2


KERAS = {  # Keras 3.15's boxes
    "zoom": (
        layers.RandomZoom((0.5, 0.5), bounding_box_format="xyxy"),
        [
            [[1.8333, 2.5, 4.5, 5.1667], [1.1667, 1.1667, 2.5, 2.5]],
            [[3.1667, 3.1667, 6.5, 6.5], [5.1667, 5.1667, 5.8333, 6.5]],
        ],
    ),
    "eighth of a turn": (
        layers.RandomRotation((0.125, 0.125), bounding_box_format="xyxy"),
        [[[0.672, 1.379, 6.328, 7.036], [0, 2.086, 1.379, 4.914]], [[2.793, 0, 8, 7.036], [7.036, 2.793, 8, 4.914]]],
    ),
}


@pytest.mark.parametrize("name", KERAS)
def test_corners_move_as_in_keras(name):
    layer, expected = KERAS[name]
    assert np.allclose(moved(layer)[0], expected, atol=2e-3)


FORMATS = {
    "yxyx": lambda x1, y1, x2, y2, width, height: (y1, x1, y2, x2),
    "xywh": lambda x1, y1, x2, y2, width, height: (x1, y1, x2 - x1, y2 - y1),
    "center_xywh": lambda x1, y1, x2, y2, width, height: ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1),
    "rel_xyxy": lambda x1, y1, x2, y2, width, height: (x1 / width, y1 / height, x2 / width, y2 / height),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_says_the_same(kind):
    def written(boxes, width, height):
        return np.stack(FORMATS[kind](*np.moveaxis(boxes, -1, 0), width, height), axis=-1)

    expected, _ = moved(layers.Resizing(4, 2, bounding_box_format="xyxy"))
    boxes, _ = moved(layers.Resizing(4, 2, bounding_box_format=kind), written(BOXES, 8, 8))
    assert np.allclose(boxes, written(expected, 2, 4), atol=1e-5)


def test_nothing_moves_outside_training_and_by_layers_of_colors():
    layer = layers.RandomTranslation((0.25, 0.25), 0.0, bounding_box_format="xyxy")
    assert np.allclose(moved(layer, training=False)[0], BOXES, atol=1e-5)
    assert np.array_equal(moved(layers.RandomBrightness(0.2, bounding_box_format="xyxy"))[0], BOXES)


def test_a_config_has_the_format():
    config = layers.RandomFlip(bounding_box_format="xywh").get_config()
    assert layers.RandomFlip.from_config(config).bounding_box_format == "xywh"
    assert "bounding_box_format" not in layers.RandomFlip().get_config()


def test_what_does_not_go_is_refused():
    with pytest.raises(ConfigError, match=r"RandomFlip.*needs bounding_box_format"):
        moved(layers.RandomFlip())
    with pytest.raises(ConfigError, match=r"RandomHue.*needs bounding_box_format"):
        moved(layers.RandomHue(0.2))
    with pytest.raises(ConfigError, match="unknown format 'xxyy'"):
        layers.RandomFlip(bounding_box_format="xxyy")
    with pytest.raises(ConfigError, match="bends images"):
        moved(layers.RandomElasticTransform((1.0, 1.0), (1.0, 1.0), seed=0, bounding_box_format="xyxy"))
    with pytest.raises(ConfigError, match="mixes images"):
        moved(layers.CutMix(bounding_box_format="xyxy"))
    with pytest.raises(DataError, match="boxes and labels"):
        layers.Resizing(4, 4, bounding_box_format="xyxy")(
            {"images": np.ones((1, 8, 8, 3)), "bounding_boxes": {"boxes": BOXES}}
        )


def test_a_number_of_boxes_is_cut_or_filled_up_to():
    boxes, labels = moved(layers.MaxNumBoundingBoxes(3, fill_value=-2, bounding_box_format="xyxy"))
    assert boxes[:, 2].tolist() == [[-2.0] * 4] * 2 and (boxes[:, :2] == BOXES).all()
    assert labels == [[1, 2, -2], [3, 4, -2]]
    boxes, labels = moved(layers.MaxNumBoundingBoxes(1, bounding_box_format="xyxy"))
    assert (boxes == BOXES[:, :1]).all() and labels == [[1], [3]]
    with pytest.raises(ConfigError, match="bounding_box_format"):
        moved(layers.MaxNumBoundingBoxes(3))


def test_one_draw_changes_images_and_what_belongs_to_them():
    data = {
        "images": np.random.default_rng(0).random((4, 6, 6, 3)),
        "labels": np.eye(4),
        "segmentation_masks": np.arange(144).reshape(4, 6, 6, 1),
    }
    for layer in (layers.RandomFlip(seed=1), layers.MixUp(1.0, seed=1), layers.RandomTranslation(0.3, 0.3, seed=1)):
        draw = layer.get_random_transformation(data)
        images = layer.transform_images(data["images"], draw)
        again = type(layer).from_config(layer.get_config())(data, training=True)
        np.testing.assert_array_equal(images, again["images"])
        np.testing.assert_array_equal(layer.transform_labels(data["labels"], draw), again["labels"])
        masks = layer.transform_segmentation_masks(data["segmentation_masks"], draw)
        np.testing.assert_array_equal(masks, again["segmentation_masks"])
        assert (images != data["images"]).any()
        assert layer.get_random_transformation(data, training=False) is None
        assert (layer.transform_images(data["images"], None) == data["images"].astype(np.float32)).all()


def test_one_image_is_changed_by_the_draw_that_was_made_for_it():
    layer, image = layers.RandomRotation(0.2), np.random.default_rng(0).normal(size=(5, 6, 3)).astype("float32")
    drawn = layer.get_random_transformation(image, seed=3)
    turned = layer.transform_images(image, drawn)
    assert turned.shape == image.shape and not np.array_equal(turned, image)
    np.testing.assert_array_equal(turned, layer.transform_images(image[None], drawn)[0])
