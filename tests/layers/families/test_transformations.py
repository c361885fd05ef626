"""Draws of augmentations written by hand, with the keys that Keras uses, and what they do."""

import numpy as np
import pytest

from nnlite import layers

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
BOXES = np.array([[[1.0, 1, 4, 5], [2, 3, 7, 8]], [[0, 0, 8, 8], [3, 3, 5, 4]]], "float32")
ONE_EACH, SHAPE, FIRST = (2, 1, 1, 1), (2, 8, 8, 3), np.array([True, False])
CORNERS = np.tile([[0.0, 0], [7, 0], [0, 7], [7, 7]], (2, 1, 1)).astype("float32")
INWARDS = np.tile([[1.0, 0], [6, 1], [0, 6], [7, 7]], (2, 1, 1)).astype("float32")
LEFT = np.broadcast_to((np.arange(8) < 3)[:, None], (2, 8, 8, 1))

WRITTEN = [
    ("RandomBrightness", {"factor": 0.3}, {"rgb_delta": np.full(ONE_EACH, 30, "float32")}),
    ("RandomContrast", {"factor": 0.3}, {"contrast_factor": np.full(ONE_EACH, 0.5, "float32")}),
    ("RandomHue", {"factor": 0.3}, {"factor": np.array([0.25, -0.1], "float32")}),
    ("RandomSaturation", {"factor": 0.3}, {"factor": np.array([0, 0.5], "float32")}),
    ("RandomSharpness", {"factor": 0.3}, {"factor": np.array([0, 0.8], "float32")}),
    ("RandomColorDegeneration", {"factor": 0.3}, {"factor": np.full(ONE_EACH, 0.5, "float32")}),
    ("RandomPosterization", {"factor": 4}, {"shift_factor": np.array([4, 6], "uint8")}),
    ("RandomInvert", {"factor": 0.3}, {"apply_inversion": FIRST}),
    ("RandomGrayscale", {"factor": 0.3}, FIRST.reshape(ONE_EACH)),
    ("Solarization", {}, {"additions": np.full(ONE_EACH, 9.0), "thresholds": np.full(ONE_EACH, 99.0)}),
    ("RandomFlip", {"mode": "horizontal"}, {"flips": FIRST.reshape(ONE_EACH), "input_shape": SHAPE}),
    ("RandomFlip", {}, {"flips": FIRST.reshape(ONE_EACH), "input_shape": SHAPE}),
    (
        "RandomTranslation",
        {"height_factor": 0.2, "width_factor": 0.2},
        {"translations": np.float32([[1, 0], [0.5, -2]])},
    ),
    (
        "RandomZoom",
        {"height_factor": 0.2},
        {"height_zoom": np.float32([[0.5], [1]]), "width_zoom": np.float32([[2], [1]])},
    ),
    ("RandomShear", {"x_factor": 0.2}, {"shear_factor": np.float32([[0.2, 0], [0, 0.3]])}),
    ("RandomCrop", {"height": 4, "width": 5}, (1, 2)),
    (
        "RandomErasing",
        {"factor": 0.3},
        {"apply_erasing": FIRST, "batch_masks": LEFT, "fill_value": np.zeros(SHAPE, "float32")},
    ),
    (
        "RandomPerspective",
        {"factor": 0.3},
        {"apply_perspective": FIRST, "start_points": CORNERS, "end_points": INWARDS},
    ),
    ("MixUp", {}, {"mix_weight": np.array([0.3, 0.8], "float32"), "permutation_order": np.array([1, 0])}),
    (
        "CutMix",
        {},
        {"permutation_order": np.array([1, 0]), "batch_masks": LEFT, "mix_weight": np.full(ONE_EACH, 0.4, "float32")},
    ),
]
NAMES = [f"{name}{number}" for number, (name, *_) in enumerate(WRITTEN)]


@pytest.mark.parametrize(("name", "arguments", "draw"), WRITTEN, ids=NAMES)
def test_a_written_draw_does_what_it_does_in_keras(name, arguments, draw):
    keras = pytest.importorskip("keras")
    theirs, ours = getattr(keras.layers, name)(**arguments), getattr(layers, name)(**arguments)
    expected = keras.ops.convert_to_numpy(
        theirs.transform_images(keras.ops.convert_to_tensor(IMAGES), _in(keras, draw))
    )
    np.testing.assert_allclose(ours.transform_images(IMAGES, draw), expected, atol=2e-3)
    labels = np.eye(2, dtype="float32")
    expected = theirs.transform_labels(keras.ops.convert_to_tensor(labels), _in(keras, draw))
    np.testing.assert_allclose(ours.transform_labels(labels, draw), keras.ops.convert_to_numpy(expected), atol=1e-6)
    if name == "RandomFlip":
        boxes = {"boxes": BOXES.copy(), "labels": np.array([[0, 1], [2, 1]])}
        theirs.bounding_box_format = ours.bounding_box_format = "xyxy"
        moved = theirs.transform_bounding_boxes({key: keras.ops.convert_to_tensor(boxes[key]) for key in boxes}, draw)
        moved = keras.ops.convert_to_numpy(moved["boxes"])
        np.testing.assert_allclose(ours.transform_bounding_boxes(boxes, draw)["boxes"], moved, atol=1e-5)


def _in(keras, draw):
    """A draw for Keras, which takes arrays of PyTorch in some places."""
    if isinstance(draw, np.ndarray):
        return keras.ops.convert_to_tensor(draw)
    if isinstance(draw, tuple):
        return draw
    return {
        key: keras.ops.convert_to_tensor(np.array(v)) if isinstance(v, np.ndarray) else v for key, v in draw.items()
    }


@pytest.mark.parametrize(("name", "arguments", "draw"), WRITTEN, ids=NAMES)
def test_draws_have_the_keys_of_written_ones(name, arguments, draw):
    layer = getattr(layers, name)(**arguments)
    drawn = layer.get_random_transformation(IMAGES)
    if isinstance(draw, dict):
        assert set(draw) <= set(drawn)
        for key in set(draw) - {"input_shape", "batch_masks", "permutation_order"}:
            assert np.shape(drawn[key]) == np.shape(draw[key]) and np.dtype(drawn[key].dtype).name in (
                "bool",
                "uint8",
                "float32",
            )
    assert layer.get_random_transformation(IMAGES, training=False) is None
    first = layer.transform_images(IMAGES, drawn)
    np.testing.assert_array_equal(first, layer.transform_images(IMAGES, drawn))


def test_a_call_asks_for_the_transformation():
    class Brighter(layers.RandomBrightness):
        def get_random_transformation(self, data, training=True, seed=None):
            return {"rgb_delta": np.full(ONE_EACH, 5.0, "float32")} if training else None

    layer = Brighter(0.3)
    np.testing.assert_allclose(layer(IMAGES), np.clip(IMAGES + 5, 0, 255))
    np.testing.assert_array_equal(layer(IMAGES, training=False), IMAGES)
    np.testing.assert_allclose(layer({"images": IMAGES})["images"], np.clip(IMAGES + 5, 0, 255))


def test_parts_of_a_single_image_are_changed_by_a_draw_for_one():
    layer = layers.RandomFlip("horizontal", bounding_box_format="xyxy")
    draw = {"flips": np.ones((1, 1, 1, 1), bool), "input_shape": (1, 8, 8, 3)}
    np.testing.assert_array_equal(layer.transform_single_image(IMAGES[0], draw), IMAGES[0, :, ::-1])
    assert layer.transform_single_label(np.array([1.0, 0.0]), draw).tolist() == [1, 0]
    mask = np.arange(64).reshape(8, 8, 1)
    np.testing.assert_array_equal(layer.transform_single_segmentation_mask(mask, draw), mask[:, ::-1])
    moved = layer.transform_single_bounding_box({"boxes": BOXES[0], "labels": np.array([0, 1])}, draw)
    assert moved["boxes"].tolist() == [[4, 1, 7, 5], [1, 3, 6, 8]] and moved["labels"].tolist() == [0, 1]


def test_boxes_follow_a_perspective_and_those_of_mixed_images_are_joined():
    layer = layers.RandomPerspective((1.0, 1.0), bounding_box_format="xyxy")
    boxes = {"boxes": np.array([[[0.0, 0.0, 7.0, 7.0]]] * 2), "labels": np.array([[3], [4]])}
    draw = {"apply_perspective": FIRST, "start_points": CORNERS, "end_points": INWARDS, "input_shape": SHAPE}
    moved = layer.transform_bounding_boxes(boxes, draw)["boxes"]
    np.testing.assert_allclose(moved, [[[0, 0, 7, 7]], [[0, 0, 7, 7]]], atol=1e-5)  # the corners (0, 6) and (7, 7)
    half = INWARDS.copy()
    half[:] = CORNERS / 2
    moved = layer.transform_bounding_boxes(boxes, {**draw, "end_points": half})["boxes"]
    np.testing.assert_allclose(moved, [[[0, 0, 3.5, 3.5]], [[0, 0, 7, 7]]], atol=1e-5)
    both = layers.MixUp(bounding_box_format="xyxy").transform_bounding_boxes(
        boxes, {"mix_weight": np.array([0.5, 0.5]), "permutation_order": np.array([1, 0])}
    )
    assert both["boxes"].shape == (2, 2, 4) and both["labels"].tolist() == [[3, 4], [4, 3]]


def test_flags_of_a_draw_may_be_numbers():
    layer, images = layers.RandomErasing(1.0, fill_value=7.0), np.ones((2, 4, 4, 3), "float32")
    draw = layer.get_random_transformation(images)
    draw.update(apply_erasing=[1, 0], batch_masks=np.ones(images.shape, int))
    assert layer.transform_images(images, draw)[:, 0, 0, 0].tolist() == [7, 1]
