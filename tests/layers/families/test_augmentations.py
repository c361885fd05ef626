"""Augmentations and spectrograms: fixed factors against Keras, draws, dicts of images and labels."""

import numpy as np
import pytest
from draws import normal

from nnlite import layers
from nnlite.errors import ConfigError, ShapeError

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 16, 15, 3)).round().astype("float32")
DETERMINISTIC = [
    ("AutoContrast", {}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 3)}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": 1.5, "tile_grid_size": (1, 1)}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (40, 9)}),
    ("RandomInvert", {"factor": (1.0, 1.0)}),
    ("RandomPosterization", {"factor": (3, 3)}),
    ("Solarization", {}),
    ("RandomColorDegeneration", {"factor": (0.3, 0.3)}),
    ("RandomSaturation", {"factor": (0.25, 0.25)}),
    ("RandomSharpness", {"factor": (0.0, 0.0)}),
    ("RandomSharpness", {"factor": (0.8, 0.8)}),
    ("RandomGaussianBlur", {"factor": (1.0, 1.0), "kernel_size": 5, "sigma": (0.7, 0.7)}),
]


@pytest.mark.parametrize(("kind", "options"), DETERMINISTIC, ids=str)
def test_fixed_factors_give_the_numbers_of_keras(kind, options):
    keras = pytest.importorskip("keras")
    expected = np.asarray(getattr(keras.layers, kind)(**options)(IMAGES, training=True))
    np.testing.assert_allclose(getattr(layers, kind)(**options)(IMAGES), expected, atol=1e-3)
    scaled = getattr(layers, kind)(**options, value_range=(0, 1))(IMAGES / 255, training=True)
    np.testing.assert_allclose(scaled, expected / 255, atol=1e-5)


@pytest.mark.parametrize("bins", [256, 16])
def test_a_single_image_is_equalized_as_by_keras(bins):
    keras = pytest.importorskip("keras")
    expected = np.asarray(keras.layers.Equalization(bins=bins)(IMAGES[:1]))
    np.testing.assert_array_equal(layers.Equalization(bins=bins)(IMAGES[0]), expected[0])
    np.testing.assert_array_equal(layers.Equalization(bins=bins)(IMAGES[:1], training=False), expected)


AUDIO = [
    ("MelSpectrogram", {"fft_length": 256, "sequence_stride": 100, "num_mel_bins": 20, "sampling_rate": 8000}),
    (
        "MelSpectrogram",
        {"fft_length": 64, "sequence_stride": 32, "sequence_length": 50, "power_to_db": False, "mag_exp": 1.0}
        | {"num_mel_bins": 9, "window": "hamming"},
    ),
    ("STFTSpectrogram", {"frame_length": 64}),
    ("STFTSpectrogram", {"mode": "psd", "frame_length": 60, "frame_step": 20, "padding": "same", "expand_dims": True}),
    ("STFTSpectrogram", {"mode": "stft", "frame_length": 32, "scaling": "spectrum", "periodic": True}),
    ("STFTSpectrogram", {"mode": "magnitude", "frame_length": 32, "data_format": "channels_first"}),
]


@pytest.mark.parametrize(("kind", "options"), AUDIO, ids=str)
def test_spectrograms_are_those_of_keras(kind, options):
    keras = pytest.importorskip("keras")
    shape = (2, 400) if kind == "MelSpectrogram" else (2, 2, 300) if "data_format" in options else (2, 300, 2)
    signals = normal(*shape).astype("float32")
    twin = getattr(keras.layers, kind)(**options)
    expected = keras.ops.convert_to_numpy(twin(signals))
    layer = getattr(layers, kind)(**options)
    np.testing.assert_allclose(layer(signals), expected, rtol=1e-3, atol=2e-4)
    assert layer.compute_output_shape((None, *signals.shape[1:])) == (None, *expected.shape[1:])
    assert [(weight.name, weight.shape) for weight in layer.weights] == [(one.name, one.shape) for one in twin.weights]


def test_saturation_stays_in_the_range():
    full = layers.RandomSaturation((1.0, 1.0))(IMAGES)
    assert full.min() >= 0 and full.max() <= 255
    np.testing.assert_allclose(full.max(axis=-1), IMAGES.max(axis=-1))
    colored = IMAGES.max(axis=-1) > IMAGES.min(axis=-1)
    np.testing.assert_allclose(full.min(axis=-1)[colored], 0, atol=1e-3)


NEAREST = layers.RandomShear(0.4, interpolation="nearest")
LAYERS = [
    layers.RandomInvert(0.9),
    layers.RandomPosterization(4),
    layers.Solarization(0.3, 0.5),
    layers.RandomSaturation(0.9),
    layers.RandomColorDegeneration(0.9),
    layers.RandomSharpness(0.9),
    layers.RandomGaussianBlur((0.5, 0.9)),
    layers.RandomShear(0.3, 0.2),
    layers.RandomPerspective(),
    layers.RandomElasticTransform(),
    layers.RandomColorJitter(brightness_factor=0.2, hue_factor=0.3),
    layers.RandAugment(),
    layers.AugMix(),
    layers.MixUp(0.9),
    layers.CutMix(),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_draws_follow_seeds_and_differ_by_image(layer):
    different = isinstance(layer, (layers.MixUp, layers.CutMix))
    images = normal(8, 6, 5, 3) * 40 + 120 if different else np.repeat(IMAGES[:1], 12, axis=0)
    first, same, other = (
        type(layer).from_config({**layer.get_config(), "seed": seed})(images, training=True) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    assert len({image.tobytes() for image in first}) > 1
    np.testing.assert_array_equal(layer(images, training=False), images.astype("float32"))
    moved = type(layer).from_config({**layer.get_config(), "seed": 1, "data_format": "channels_first"})
    swapped = np.moveaxis(moved(np.moveaxis(images, -1, 1), training=True), 1, -1)
    np.testing.assert_allclose(swapped, first, atol=1e-2)


def test_masks_move_with_their_images_and_labels_are_mixed_with_them():
    masks = (IMAGES[..., :1] > 128).astype("int32")
    for layer in (layers.RandomFlip(), layers.RandomCrop(9, 7), layers.Resizing(8, 30, "nearest"), NEAREST):
        result = layer({"images": IMAGES, "labels": np.arange(2), "segmentation_masks": masks})
        np.testing.assert_array_equal(result["segmentation_masks"], result["images"][..., :1] > 128)
        assert result["segmentation_masks"].dtype == np.int32 and result["labels"].tolist() == [0, 1]
    kept = layers.RandomBrightness(0.3)({"images": IMAGES[0], "segmentation_masks": masks[0]})
    np.testing.assert_array_equal(kept["segmentation_masks"], masks[0])
    assert kept["images"].shape == IMAGES.shape[1:]
    gray = np.arange(4.0).reshape(4, 1, 1, 1) * np.ones((4, 9, 9, 1))
    for layer in (layers.MixUp(0.8), layers.CutMix((0.9, 1.0), data_format="channels_last")):
        mixed = layer({"images": gray, "labels": np.eye(4)})
        np.testing.assert_allclose(mixed["labels"] @ np.arange(4), mixed["images"].mean(axis=(1, 2, 3)), atol=1e-5)
        assert layer({"images": gray, "labels": np.eye(4)}, training=False)["labels"].tolist() == np.eye(4).tolist()
        flat = layer({"images": gray, "segmentation_masks": gray[..., 0]})
        np.testing.assert_allclose(flat["segmentation_masks"], flat["images"][..., 0])
    boxes = {"images": IMAGES, "bounding_boxes": {"boxes": np.zeros((2, 1, 4)), "labels": np.zeros((2, 1))}}
    with pytest.raises(ConfigError, match="needs bounding_box_format"):
        layers.RandomFlip()(boxes)
    assert layers.RandomInvert(bounding_box_format="xyxy")(boxes)["bounding_boxes"] is boxes["bounding_boxes"]


def test_masks_without_channels_move_and_large_labels_stay_exact():
    masks = (IMAGES[..., 0] > 128) * (2**24 + 1)
    for layer in (layers.Resizing(8, 30, "nearest"), layers.CenterCrop(9, 7), layers.RandomFlip(seed=1)):
        data = {"images": IMAGES, "segmentation_masks": masks}
        moved, whole = layer(data), layer({**data, "segmentation_masks": masks[..., None]})
        np.testing.assert_array_equal(moved["segmentation_masks"] > 0, moved["images"][..., 0] > 128)
        assert set(np.unique(moved["segmentation_masks"])) == {0, 2**24 + 1}
        assert whole["segmentation_masks"].shape == (*moved["segmentation_masks"].shape, 1)
        alone = layer({"images": IMAGES[0], "segmentation_masks": masks[0]}, training=False)
        assert alone["segmentation_masks"].shape == alone["images"].shape[:2]


@pytest.mark.parametrize(
    "layer",
    [*LAYERS, layers.Equalization(), layers.AutoContrast(), layers.ContrastLimitedAdaptiveHistogramEqualization()],
    ids=lambda layer: type(layer).__name__,
)
def test_a_batch_may_be_empty(layer):
    fresh = type(layer).from_config(layer.get_config())
    assert fresh(IMAGES[:0]).shape == (0, 16, 15, 3)


def test_a_large_grid_of_tiles_takes_no_memory():
    layer = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(10**9, 10**9))
    same = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(16, 15))
    assert layer(IMAGES).shape == same(IMAGES).shape == IMAGES.shape


def test_layers_made_within_a_call_follow_its_training():
    class Inverting(layers.Layer):
        def call(self, inputs):
            return layers.RandomInvert((1.0, 1.0))(inputs)

    class Hearing(layers.Layer):
        def call(self, inputs):
            return layers.MelSpectrogram(16, 8, num_mel_bins=3)(inputs)

    layer = Inverting()
    np.testing.assert_array_equal(layer(IMAGES), IMAGES)
    np.testing.assert_array_equal(layer(IMAGES, training=True), 255 - IMAGES)
    signals = normal(2, 64)
    np.testing.assert_array_equal(Hearing()(signals), layers.MelSpectrogram(16, 8, num_mel_bins=3)(signals))


def test_elastic_moves_are_smooth_and_of_the_stated_size():
    columns = np.tile(np.arange(80.0).reshape(1, 1, 80, 1), (6, 80, 1, 1))
    moves = (layers.RandomElasticTransform((1.0, 1.0), (1.0, 1.0), seed=3)(columns) - columns)[:, 10:-10, 10:-10, 0]
    assert 1.2 < moves.std() < 2.8  # 1/40 of 80
    assert np.abs(np.diff(moves, axis=2)).std() < 0.35 * moves.std()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.RandomPosterization(9), ConfigError, r"bits in \[1, 8\]"),
        (lambda: layers.RandomPosterization(0), ConfigError, r"bits in \[1, 8\]"),
        (lambda: layers.RandomInvert(2.0), ConfigError, "factor"),
        (lambda: layers.RandomColorDegeneration(1.5), ConfigError, "factor"),
        (lambda: layers.RandomGaussianBlur(kernel_size=2), ConfigError, "must be odd"),
        (lambda: layers.RandomShear(-0.5), ConfigError, "x_factor"),
        (lambda: layers.RandomPerspective(scale=2.0), ConfigError, "scale"),
        (lambda: layers.AutoContrast((1.0, 1.0)), ConfigError, "value_range"),
        (lambda: layers.RandomColorJitter(brightness_factor=2.0), ConfigError, "brightness_factor"),
        (lambda: layers.RandomColorJitter(contrast_factor=2.0), ConfigError, "RandomColorJitter: contrast_factor"),
        (lambda: layers.Equalization(bins=10**9), ConfigError, "bins"),
        (lambda: layers.RandomFlip()({"labels": np.eye(2)}), ConfigError, "needs the entry 'images'"),
        (lambda: layers.MelSpectrogram(min_freq=9000.0), ConfigError, "must be < max_freq = 8000"),
        (lambda: layers.STFTSpectrogram()(np.ones((1, 9, 1))), ShapeError, "at least frame_length = 256 steps"),
        (lambda: layers.RandomSaturation(0.5)(IMAGES[..., :1]), ShapeError, "3 channels, got 1"),
        (lambda: layers.STFTSpectrogram(frame_length=8, fft_length=4), ConfigError, "fft_length"),
        (lambda: layers.STFTSpectrogram(frame_length=8, frame_step=9), ConfigError, "frame_step"),
        (lambda: layers.STFTSpectrogram(frame_length=8, window=[1.0]), ConfigError, "window"),
        (lambda: layers.STFTSpectrogram()(IMAGES), ShapeError, "batch, steps, channels"),
        (lambda: layers.MelSpectrogram(8, sequence_length=9), ConfigError, "sequence_length"),
        (lambda: layers.MelSpectrogram()(IMAGES), ShapeError, "batch, steps"),
    ],
)
def test_refused_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_bands_on_the_mel_scale_are_those_of_keras():
    keras = pytest.importorskip("keras")
    arguments = {"num_mel_bins": 3, "num_spectrogram_bins": 9, "sampling_rate": 4000, "lower_edge_hertz": 50.0}
    for options in ({}, {**arguments, "upper_edge_hertz": 1800.0}):
        expected = keras.layers.MelSpectrogram().linear_to_mel_weight_matrix(**options)
        bands = layers.MelSpectrogram().linear_to_mel_weight_matrix(**options)
        np.testing.assert_allclose(bands, keras.ops.convert_to_numpy(expected), atol=1e-4)
        assert bands.dtype == np.float32


def test_bounds_of_a_shear_are_read_from_both_forms_of_its_config():
    layer = layers.RandomShear(0.2, (0.5, 0.1))
    assert (layer.x_factor, layer.y_factor) == ((-0.2, 0.2), (0.1, 0.5))
    again = layers.RandomShear.from_config(layer.get_config())
    assert (again.x_factor, again.y_factor) == ((-0.2, 0.2), (0.1, 0.5))


def test_bounds_of_factors_have_the_names_of_keras():
    moved, zoomed = layers.RandomTranslation(0.2, (0.1, 0.3)), layers.RandomZoom((-0.1, 0.3), 0.2)
    assert (moved.height_lower, moved.height_upper, moved.width_lower, moved.width_upper) == (-0.2, 0.2, 0.1, 0.3)
    assert (zoomed.height_lower, zoomed.height_upper, zoomed.width_lower, zoomed.width_upper) == (-0.1, 0.3, -0.2, 0.2)
    assert (layers.Hashing(3).strong_hash, layers.Hashing(3, salt=1).strong_hash) == (False, True)


def test_a_turn_with_ties_reads_the_pixels_of_keras():
    keras = pytest.importorskip("keras")
    image = np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)
    options = {"factor": (0.125, 0.125), "fill_mode": "constant", "interpolation": "nearest"}
    expected = keras.ops.convert_to_numpy(keras.layers.RandomRotation(**options)(image))
    np.testing.assert_array_equal(layers.RandomRotation(**options)(image), expected)


@pytest.mark.parametrize(("name", "size"), [("Resizing", (9, 20)), ("CenterCrop", (9, 7)), ("CenterCrop", (20, 18))])
def test_sizes_of_whole_pixels_are_those_of_keras(name, size):
    keras = pytest.importorskip("keras")
    images = IMAGES.astype("uint8")
    layer = getattr(layers, name)(*size, dtype="uint8")
    expected = keras.ops.convert_to_numpy(getattr(keras.layers, name)(*size, dtype="uint8")(images))
    for inputs in (images, IMAGES):
        assert layer(inputs).dtype == np.uint8
        assert np.abs(layer(inputs).astype(int) - expected).max() <= 1
    assert layer(layers.Input(IMAGES.shape[1:])).dtype == "uint8"
    assert type(layer).from_config(layer.get_config()).dtype == "uint8"


PASSED_ON = {"RandomContrast": 0.3, "RandomHue": 0.3, "RandomInvert": 1.0, "RandomPosterization": 3}
PASSED_ON |= {"RandomSaturation": 0.5, "RandomColorDegeneration": 0.5}


@pytest.mark.parametrize("kind", PASSED_ON)
def test_integers_pass_inference_and_are_cast_in_training(kind):
    layer, images = getattr(layers, kind)(PASSED_ON[kind], seed=0), IMAGES[:, :3, :3].astype("uint8")
    kept = layer(images, training=False)
    assert kept.dtype == np.uint8
    assert np.array_equal(kept, images)
    changed = layer.transform_images(images, layer.get_random_transformation(images, seed=1))
    assert changed.dtype == np.float32
    as_floats = layer.transform_images(images.astype("float32"), layer.get_random_transformation(images, seed=1))
    assert np.array_equal(changed, as_floats)


def test_mixed_images_of_integers():
    mix, data = layers.MixUp(seed=0), {"images": IMAGES.astype("uint8"), "labels": np.eye(2, dtype="float32")}
    assert mix(data, training=False)["images"].dtype == np.uint8
    assert mix(data, training=True)["images"].dtype == np.float32


def test_shades_of_gray_of_integers_are_truncated():
    image = np.array([[[[240, 159, 174]]]], "uint8")  # 184.9
    assert layers.RandomGrayscale(1.0)(image, training=True).ravel().tolist() == [184] * 3


def test_dicts_of_images_in_half_precision():
    data = {"images": IMAGES, "labels": np.eye(2, dtype="float32")}
    assert layers.RandomFlip(dtype="mixed_float16")(data, training=True)["images"].dtype == np.float16
    assert layers.MixUp(dtype="float16")(data, training=True)["images"].dtype == np.float16


def test_ranges_are_sorted_lists_as_in_keras():
    assert layers.AutoContrast((255, 0)).value_range == [0, 255]
    assert layers.RandomSaturation(0.5, value_range=(1, 0)).get_config()["value_range"] == [0, 1]
    assert layers.RandomHue(0.5, value_range=(0, 1)).get_config()["value_range"] == (0, 1)
