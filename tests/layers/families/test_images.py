"""Layers of images: against PyTorch, the places pixels come from, random draws; images read from a directory."""

import colorsys

import numpy as np
import pytest
from draws import normal
from numeric import EXACT, relative_error
from torch_parity import assert_same, channels_first, functional, needs_torch

from nnlite.data import image_dataset_from_directory
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.layers import (
    CenterCrop,
    ContrastLimitedAdaptiveHistogramEqualization,
    Dense,
    Equalization,
    Flatten,
    Input,
    MixUp,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomGrayscale,
    RandomHue,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    Rescaling,
    Resizing,
)
from nnlite.models import Sequential, load_model
from nnlite.random import RandomSource

pytestmark = pytest.mark.usefixtures("double_precision")


def trained(layer, inputs, step=0):
    layer._ensure_built((None, *inputs.shape[1:]))
    return layer.linearize(inputs, training=True, random=RandomSource(3, step))[0]


SIZES = [((3, 4), (5, 7)), ((6, 5), (3, 2)), ((4, 4), (4, 4)), ((1, 3), (4, 1)), ((7, 2), (2, 9))]


@needs_torch
@pytest.mark.parametrize(("size", "target"), SIZES)
@pytest.mark.parametrize(("interpolation", "mode"), [("bilinear", "bilinear"), ("nearest", "nearest-exact")])
@pytest.mark.parametrize("data_format", [None, "channels_first"])
def test_resizing_is_that_of_torch(size, target, interpolation, mode, data_format):
    options = {"align_corners": False} if mode == "bilinear" else {}
    layer, inputs = Resizing(*target, interpolation=interpolation, data_format=data_format), normal(2, 3, *size)

    def twin(x):
        return functional.interpolate(x, target, mode=mode, **options)

    if data_format is None:
        assert_same(layer, np.moveaxis(inputs, 1, -1), channels_first(twin))
    else:
        assert_same(layer, inputs, twin)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"])
def test_resizing_keeps_a_constant_and_the_same_size(interpolation):
    assert relative_error(Resizing(5, 3, interpolation)(np.ones((1, 4, 4, 1))), np.ones((1, 5, 3, 1))) <= EXACT
    inputs = normal(1, 4, 5, 2)
    assert relative_error(Resizing(4, 5, interpolation)(inputs), inputs) <= EXACT


def test_bicubic_resizing_has_the_weights_of_keys():
    signal = np.array([0.0, 0, 0, 1, 0, 0, 0, 0]).reshape(1, 8, 1, 1)
    found = Resizing(16, 1, "bicubic")(signal).ravel()[3:11]
    near, far = (1.5 * 0.25 - 2.5) * 0.0625 + 1, ((1.5 * 0.75) - 2.5) * 0.5625 + 1
    outer, last = (((-0.5 * t + 2.5) * t - 4) * t + 2 for t in (1.25, 1.75))
    assert relative_error(found, [last, outer, far, near, near, far, outer, last]) <= EXACT


def test_cropping_and_padding_to_the_aspect_ratio():
    inputs = normal(1, 4, 8, 1)
    cropped = Resizing(2, 2, crop_to_aspect_ratio=True)(inputs)
    assert relative_error(cropped, Resizing(2, 2)(inputs[:, :, 2:6])) <= EXACT
    padded = Resizing(4, 4, pad_to_aspect_ratio=True, fill_value=0.5)(inputs)
    whole = np.pad(inputs, ((0, 0), (2, 2), (0, 0), (0, 0)), constant_values=0.5)
    assert relative_error(padded, Resizing(4, 4)(whole)) <= EXACT


def test_center_crop_cuts_or_enlarges():
    inputs = normal(2, 5, 4, 1)
    np.testing.assert_array_equal(CenterCrop(2, 3)(inputs), inputs[:, 1:3, 0:3])
    assert relative_error(CenterCrop(8, 4)(inputs), Resizing(8, 4, crop_to_aspect_ratio=True)(inputs)) <= EXACT


LAYERS = [
    RandomFlip(),
    RandomRotation(0.2),
    RandomTranslation(0.3, 0.2),
    RandomZoom(0.4),
    RandomCrop(4, 3),
    RandomBrightness(0.5, value_range=(-3.0, 3.0)),
    RandomContrast(0.5, value_range=(-3.0, 3.0)),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_each_example_and_step_has_its_own_draw(layer):
    inputs = np.repeat(normal(1, 6, 5, 2), 8, axis=0)
    outputs = trained(layer, inputs)
    np.testing.assert_array_equal(outputs, trained(layer, inputs))
    assert not np.array_equal(outputs, trained(layer, inputs, step=1))
    assert len({image.tobytes() for image in outputs}) > 2
    if not isinstance(layer, RandomCrop):
        np.testing.assert_array_equal(layer(inputs, training=False), inputs)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_an_own_seed_takes_the_place_of_the_models(layer):
    inputs = normal(8, 6, 5, 2)
    first, second = (type(layer).from_config({**layer.get_config(), "seed": seed}) for seed in (1, 2))
    np.testing.assert_array_equal(trained(first, inputs), trained(first, inputs))
    assert not np.array_equal(trained(first, inputs), trained(second, inputs))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_channels_first_is_the_same_with_moved_axes(layer):
    if isinstance(layer, RandomBrightness):
        pytest.skip("brightness does not know channels")
    inputs = normal(4, 6, 5, 2)
    twin = type(layer).from_config({**layer.get_config(), "data_format": "channels_first"})
    found = np.moveaxis(trained(twin, np.moveaxis(inputs, -1, 1)), 1, -1)
    assert relative_error(found, trained(layer, inputs)) <= EXACT


COLORS = [RandomHue(0.8, value_range=(-9.0, 9.0)), RandomGrayscale(0.6), RandomErasing((0.9, 1.0), value_range=(-3, 3))]


@pytest.mark.parametrize("layer", COLORS, ids=repr)
def test_colors_differ_by_image_step_and_seed_and_not_by_the_place_of_channels(layer):
    inputs = np.repeat(normal(1, 6, 5, 3), 8, axis=0)
    outputs = trained(layer, inputs)
    np.testing.assert_array_equal(outputs, trained(layer, inputs))
    np.testing.assert_array_equal(layer(inputs, training=False), inputs)
    assert not np.array_equal(outputs, trained(layer, inputs, step=1)) and len({one.tobytes() for one in outputs}) > 1
    twin, other = (
        type(layer).from_config({**layer.get_config(), **options})
        for options in ({"data_format": "channels_first"}, {"seed": 5})
    )
    assert not np.array_equal(outputs, trained(other, inputs))
    found = np.moveaxis(trained(twin, np.moveaxis(inputs, -1, 1)), 1, -1)
    assert relative_error(found, outputs) <= EXACT


@pytest.mark.parametrize("turn", [0.0, 0.3, 1.0])
def test_hues_are_turned_as_the_standard_library_does(turn):
    inputs = np.random.default_rng(0).uniform(0, 255, (1, 6, 7, 3))
    outputs = trained(RandomHue((turn, turn)), inputs)[0]
    expected = []
    for direction in (-0.5, 0.5):
        hues = [colorsys.rgb_to_hsv(*pixel) for pixel in inputs.reshape(-1, 3) / 255]
        expected.append([colorsys.hsv_to_rgb((hue + direction * turn) % 1, *rest) for hue, *rest in hues])
    assert min(np.abs(outputs.reshape(-1, 3) / 255 - one).max() for one in expected) < 1e-12
    gray = np.full((1, 2, 2, 3), 77.0)
    np.testing.assert_allclose(trained(RandomHue(1.0), gray), gray)


def test_gray_images_and_erased_parts():
    inputs = np.random.default_rng(0).uniform(0, 255, (200, 3, 4, 3))
    outputs = trained(RandomGrayscale(0.3), inputs)
    shades = (inputs @ np.array([0.2989, 0.587, 0.114]))[..., None]
    gray = np.isclose(outputs, shades).all(axis=(1, 2, 3))
    assert 0.2 < gray.mean() < 0.4
    np.testing.assert_array_equal(outputs[~gray], inputs[~gray])
    erased = trained(
        RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=(1.0, 2.0, 300.0)), np.zeros((9, 8, 8, 3))
    )
    assert (np.count_nonzero(erased[..., 0], axis=(1, 2)) == 16).all() and set(erased[..., 2].ravel()) == {0.0, 255.0}
    np.testing.assert_array_equal(trained(RandomErasing(0.0), inputs), inputs)
    noise = trained(RandomErasing((1.0, 1.0), scale=(1.0, 1.0)), inputs)
    assert noise.min() >= 0 and noise.max() <= 255 and 0.4 < (noise == 0).mean() < 0.6


@pytest.mark.parametrize(
    ("mode", "axes"), [("horizontal", [2]), ("vertical", [1]), ("horizontal_and_vertical", [1, 2])]
)
def test_flips_are_flips(mode, axes):
    inputs = normal(32, 3, 4, 1)
    outputs = trained(RandomFlip(mode), inputs)
    kinds = set()
    for before, after in zip(inputs, outputs, strict=True):
        found = [flips for flips in ([], [0], [1], [0, 1]) if np.array_equal(np.flip(before, flips), after)]
        kinds.add(tuple(found[0]))
    single = {(), *((axis - 1,) for axis in axes)}
    assert kinds == single | ({(0, 1)} if len(axes) == 2 else set())


def test_a_quarter_turn_is_counter_clockwise():
    inputs = normal(2, 4, 4, 1)
    outputs = trained(RandomRotation((0.25, 0.25)), inputs)
    assert relative_error(outputs, np.rot90(inputs, axes=(1, 2))) <= EXACT


FILLED = {
    "reflect": [[1, 0, 0, 1, 2], [2, 3, 4, 4, 3]],
    "wrap": [[3, 4, 0, 1, 2], [2, 3, 4, 0, 1]],
    "nearest": [[0, 0, 0, 1, 2], [2, 3, 4, 4, 4]],
    "constant": [[9, 9, 0, 1, 2], [2, 3, 4, 9, 9]],
}


@pytest.mark.parametrize("fill_mode", FILLED)
def test_translation_moves_down_and_right_and_fills(fill_mode):
    line = np.arange(5.0)
    options = {"fill_mode": fill_mode, "fill_value": 9.0, "interpolation": "nearest"}
    for shift, expected in zip((0.4, -0.4), FILLED[fill_mode], strict=True):
        down = RandomTranslation((shift, shift), 0.0, **options)
        assert trained(down, line.reshape(1, 5, 1, 1)).ravel().tolist() == expected
        right = RandomTranslation(0.0, (shift, shift), **{**options, "interpolation": "bilinear"})
        assert relative_error(trained(right, line.reshape(1, 1, 5, 1)).ravel(), np.array(expected, float)) <= EXACT


def test_half_a_pixel_mixes_two():
    line = np.array([0.0, 2, 6, 8]).reshape(1, 4, 1, 1)
    layer = RandomTranslation((0.125, 0.125), 0.0, fill_mode="constant", fill_value=10.0)
    assert relative_error(trained(layer, line).ravel(), np.array([5.0, 1, 4, 7])) <= EXACT


def test_zoom_out_shows_more_and_zoom_in_less():
    line = np.arange(5.0)
    out = RandomZoom((1.0, 1.0), 0.0, fill_mode="constant", fill_value=9.0)
    assert trained(out, line.reshape(1, 5, 1, 1)).ravel().tolist() == [9, 0, 2, 4, 9]
    inwards = RandomZoom((-0.5, -0.5))
    assert trained(inwards, line.reshape(1, 5, 1, 1)).ravel().tolist() == [1, 1.5, 2, 2.5, 3]
    square = line[:, None] * np.ones(5)
    both = trained(RandomZoom((-0.5, -0.5)), square.reshape(1, 5, 5, 1))[0, ..., 0]
    assert relative_error(both, np.array([1, 1.5, 2, 2.5, 3])[:, None] * np.ones(5)) <= EXACT


def test_random_crops_are_parts_of_the_image():
    inputs = np.arange(2 * 5 * 6.0).reshape(2, 5, 6, 1)
    layer, starts = RandomCrop(3, 4), set()
    for step in range(60):
        for before, after in zip(inputs, trained(layer, inputs, step), strict=True):
            places = [(i, j) for i in range(3) for j in range(3) if np.array_equal(before[i : i + 3, j : j + 4], after)]
            assert len(places) == 1
            starts.add(places[0])
    assert len(starts) == 9
    shrunk = layer(inputs, training=False)
    assert relative_error(shrunk, Resizing(3, 4, crop_to_aspect_ratio=True)(inputs)) <= EXACT


def test_brightness_and_contrast_follow_their_formulas():
    inputs = normal(3, 4, 4, 2)
    brighter = trained(RandomBrightness((0.25, 0.25), value_range=(-1.0, 1.0)), inputs)
    assert relative_error(brighter, np.clip(inputs + 0.5, -1, 1)) <= EXACT
    harder = trained(RandomContrast((0.0, 0.5), value_range=(-9.0, 9.0)), inputs)
    mean = inputs.mean(axis=(1, 2), keepdims=True)
    factors = ((harder - mean) / (inputs - mean)).reshape(3, -1)
    assert relative_error(factors, np.repeat(factors[:, :1], 32, axis=1)) <= 1e-10
    assert (factors >= 1 - 1e-12).all() and (factors <= 1.5).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ConfigError, "not both"),
        (lambda: Resizing(2, 2)(normal(3, 4)), ShapeError, "needs images of the shape"),
        (lambda: RandomRotation(1.5), ConfigError, r"factor must lie in \[-1, 1\], got 1.5"),
        (lambda: RandomZoom((-2.0, 0.0)), ConfigError, r"height_factor must lie in \[-1, 1\]"),
        (lambda: RandomTranslation(0.1, 2.0), ConfigError, r"width_factor must lie in \[-1, 1\]"),
        (lambda: RandomFlip("both"), ConfigError, "unknown value 'both'"),
        (lambda: RandomBrightness(0.1, value_range=(1.0, 1.0)), ConfigError, "value_range must be"),
        (lambda: RandomContrast(-0.5), ConfigError, "factor"),
        (lambda: RandomHue(1.5), ConfigError, "factor"),
        (lambda: RandomGrayscale(-0.1), ConfigError, "factor"),
        (lambda: RandomErasing(value_range=(2.0, 1.0)), ConfigError, "value_range"),
        (lambda: trained(RandomHue(0.5), np.ones((1, 2, 2, 4))), ShapeError, "3 channels, got 4"),
        (lambda: trained(RandomGrayscale(), np.ones((1, 2, 2, 2))), ShapeError, "1 or 3 channels, got 2"),
        (lambda: RandomErasing(fill_value=(1.0, 2.0, 3.0))(np.ones((1, 2, 2, 1))), ShapeError, "3 channels, got 1"),
    ],
)
def test_refused_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.fixture
def directory(tmp_path):
    """Twelve images of two classes, dark and bright, one of each colour mode and format among them."""
    image = pytest.importorskip("PIL.Image")
    random = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 150)):
        (tmp_path / name).mkdir()
        for number in range(6):
            pixels = random.integers(low, low + 100, (6, 8, 3), dtype=np.uint8)
            image.fromarray(pixels).save(tmp_path / name / f"{number}.{'bmp' if number else 'png'}")
    (tmp_path / "dark" / "notes.txt").write_text("no image")
    return tmp_path


def read(directory, **options):
    return image_dataset_from_directory(directory, verbose=False, **options)


def test_a_directory_becomes_batches_of_images_and_labels(directory, capsys):
    batches = image_dataset_from_directory(directory, image_size=(6, 8), batch_size=5, shuffle=False)
    assert capsys.readouterr().out == "Found 12 files belonging to 2 classes.\n"
    assert batches.class_names == ["dark", "light"]
    assert len(batches) == 3
    images, labels = zip(*batches, strict=True)
    assert [len(part) for part in images] == [5, 5, 2]
    assert np.concatenate(labels).tolist() == [0] * 6 + [1] * 6
    assert labels[0].dtype == np.int32 and images[0].dtype == np.float32 and images[0].shape == (5, 6, 8, 3)
    image = pytest.importorskip("PIL.Image")
    for path, found in zip(batches.file_paths, np.concatenate(images), strict=True):
        np.testing.assert_array_equal(np.asarray(image.open(path), np.float32), found)


def test_images_are_resized_as_by_the_layer(directory):
    ((whole, _),) = read(directory, image_size=(6, 8), batch_size=12, shuffle=False)
    ((small, _),) = read(directory, image_size=(4, 4), batch_size=12, shuffle=False, crop_to_aspect_ratio=True)
    assert relative_error(small, Resizing(4, 4, crop_to_aspect_ratio=True)(whole)) <= 1e-5


def test_label_and_colour_modes(directory):
    options = {"image_size": (2, 2), "batch_size": 12, "shuffle": False}
    ((images, labels),) = read(directory, label_mode="categorical", color_mode="grayscale", **options)
    assert images.shape == (12, 2, 2, 1)
    assert labels.dtype == np.float32 and labels.sum(axis=0).tolist() == [6, 6]
    ((images, labels),) = read(directory, label_mode="binary", color_mode="rgba", **options)
    assert images.shape == (12, 2, 2, 4) and (images[..., 3] == 255).all()
    assert labels.shape == (12, 1)
    (images,) = read(directory, label_mode=None, data_format="channels_first", **options)
    assert images.shape == (12, 3, 2, 2)
    ((_, labels),) = read(directory, class_names=["light", "dark"], **options)
    assert labels.tolist() == [0] * 6 + [1] * 6
    ((_, labels),) = read(directory, labels=list(range(12)), **options)
    assert labels.tolist() == list(range(12))
    single = next(iter(read(directory, image_size=(2, 2), batch_size=None)))
    assert single[0].shape == (2, 2, 3)


def test_walks_are_shuffled_anew_and_repeatable(directory):
    orders = []
    for _ in range(2):
        batches = read(directory, image_size=(2, 2), batch_size=12, seed=4)
        orders.append([next(iter(batches))[1].tolist() for _ in range(3)])
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders[0]}) == 3


def test_parts_are_disjoint_and_whole(directory):
    options = {"image_size": (2, 2), "validation_split": 0.25, "seed": 1}
    first, second = read(directory, subset="both", **options)
    assert len(first.file_paths) == 9 and len(second.file_paths) == 3
    assert len({*first.file_paths, *second.file_paths}) == 12
    assert read(directory, subset="validation", **options).file_paths == second.file_paths
    numbered = read(directory, subset="validation", labels=list(range(12)), **options)
    assert len({tuple(next(iter(numbered))[1].tolist()) for _ in range(6)}) == 1


def test_a_model_is_trained_on_a_directory(directory):
    batches = read(directory, image_size=(6, 8), batch_size=4, seed=0, label_mode="binary")
    augmented = [Rescaling(1 / 127.5, -1.0), RandomFlip(), RandomContrast(0.1, value_range=(-1.0, 1.0))]
    model = Sequential([Input((6, 8, 3)), *augmented, Flatten(), Dense(1, activation="sigmoid")], seed=0)
    model.compile({"Adam": {"learning_rate": 1e-2}}, "binary_crossentropy", ["accuracy"])
    history = model.fit(batches, epochs=20, verbose=0)
    assert history.history["accuracy"][-1] == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation_split": 0.5}, ConfigError, "belong together"),
        ({"validation_split": 0.5, "subset": "both"}, ConfigError, "needs a seed"),
        ({"class_names": ["dark", "green"]}, DataError, "no subdirectory 'green'"),
        ({"labels": [1, 2]}, DataError, "holds 12 files, got 2 labels"),
        ({"label_mode": "binary", "class_names": ["dark"]}, DataError, "needs 2 classes, .* has 1"),
        ({"color_mode": "bgr"}, ConfigError, "unknown value 'bgr'"),
        ({"validation_split": 0.01, "subset": "validation", "seed": 0}, DataError, "leaves none for validation"),
    ],
)
def test_what_does_not_fit_is_refused(directory, options, error, message):
    with pytest.raises(error, match=message):
        read(directory, **options)


def test_missing_directories_empty_ones_and_broken_files(tmp_path):
    pytest.importorskip("PIL")
    with pytest.raises(DataError, match="no directory"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no folders in .*; put the files of each class into a folder"):
        read(tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken\.png: no image that Pillow can read"):
        list(read(tmp_path))


@pytest.mark.parametrize(
    "layer",
    [Resizing(2, 2), RandomFlip(), RandomCrop(2, 2), RandomContrast(0.1), MixUp()],
    ids=lambda layer: type(layer).__name__,
)
def test_images_of_other_sizes_and_channels(layer):
    for shape in ((2, 4, 4, 3), (2, 5, 3, 3), (2, 4, 4, 1)):
        assert layer(np.ones(shape)).shape == layer.compute_output_shape(shape)
    with pytest.raises(ShapeError, match=r"needs images of the shape \(batch, height, width, channels\)"):
        layer(np.ones((2, 4)))


def test_colors_are_asked_for_in_each_call():
    layer = RandomHue(0.1)
    layer(np.ones((1, 4, 4, 3)))
    with pytest.raises(ShapeError, match="3"):
        layer(np.ones((1, 4, 4, 6)))


def test_images_of_integers_become_numbers_of_the_layer():
    images = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    for layer in (CenterCrop(2, 2), RandomFlip(seed=0), RandomRotation(0.1, seed=0)):
        assert layer(images).dtype == layer.dtype
        assert layer._fixes == "nothing"


@pytest.mark.parametrize(
    "layer",
    [
        Resizing(4, 4, dtype="uint8"),
        RandomBrightness(0.2, dtype="uint8"),
        Equalization(dtype="int32"),
        RandomRotation(0.1, dtype="uint8"),
        RandomCrop(5, 4, dtype="int64"),
    ],
)
def test_layers_of_images_take_types_of_integers(layer, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    for training in (True, False):
        outputs = layer(images, training=training), layer(images.astype(np.float32), training=training)
        assert [output.dtype for output in outputs] == [layer.dtype] * 2
    assert layer(Input((8, 8, 3))).dtype == layer.dtype
    model = Sequential([Input((8, 8, 3)), layer, Flatten(), Dense(2)])
    model.save(tmp_path / "model.safetensors")
    expected = model.predict(images, verbose=0)
    assert np.array_equal(load_model(tmp_path / "model.safetensors").predict(images, verbose=0), expected)


def test_images_of_integers_stay_such_where_they_do_in_keras():
    images = np.full((1, 2, 2, 3), 250, np.uint8)
    brighter = RandomBrightness((0.1, 0.1))(images)
    assert brighter.dtype == np.uint8 and (brighter == 255).all()
    assert RandomGrayscale(1.0)(images).dtype == np.uint8
    assert ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(1, 1))(images).dtype == np.uint8
    assert RandomContrast(0.1)(images).dtype == np.float64
