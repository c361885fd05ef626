"""`utils`, `random`, `config`, `backend` and `preprocessing` do as Keras does."""

import gzip
import hashlib
import io
import math
import pickle
import random as python_random
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nnlite as keras
from nnlite import Input, Sequential
from nnlite.errors import ConfigError, DataError, NNLiteError
from nnlite.layers import Dense, Dropout, Layer


@pytest.fixture
def defaults():
    """What a test changes of the defaults is undone."""
    yield
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)


def test_to_categorical(defaults):
    rows = keras.utils.to_categorical([[0], [2], [1]])
    np.testing.assert_array_equal(rows, np.eye(3)[[0, 2, 1]])
    assert rows.dtype == np.float64
    assert keras.utils.to_categorical([[0, 1], [2, 3]], num_classes=5).shape == (2, 2, 5)
    assert keras.utils.to_categorical([], 3).shape == (0, 3)
    keras.config.set_floatx("float64")
    assert keras.utils.to_categorical(np.array([1.0, 0.0])).dtype == np.float64
    for wrong in ([0, 3], [-1], [0.5]):
        with pytest.raises(DataError, match="to_categorical"):
            keras.utils.to_categorical(wrong, 3)


def test_normalize():
    np.testing.assert_allclose(keras.utils.normalize(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(keras.utils.normalize([[1, 3], [1, 1]], axis=0, order=1), [[0.5, 0.75], [0.5, 0.25]])
    np.testing.assert_allclose(keras.utils.normalize([[1, -4]], order=np.inf), [[0.25, -1]])
    assert keras.utils.normalize(np.arange(3)).shape == (1, 3)


def test_pad_sequences():
    pad = keras.preprocessing.sequence.pad_sequences
    ragged = [[1], [2, 3], [4, 5, 6]]
    np.testing.assert_array_equal(pad(ragged), [[0, 0, 1], [0, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(pad(ragged, padding="post", value=9), [[1, 9, 9], [2, 3, 9], [4, 5, 6]])
    np.testing.assert_array_equal(pad(ragged, 2, truncating="post"), [[0, 1], [2, 3], [4, 5]])
    assert pad(ragged, 2, "float64").dtype == np.float64
    assert pad([[[1, 2]], [[3, 4], [5, 6]]], 3).shape == (2, 3, 2)
    assert pad([["a"], ["b", "c"]], dtype=object, value="-").tolist() == [["-", "a"], ["b", "c"]]
    assert pad([[], [1]], 1).tolist() == [[0], [1]]
    for wrong, error in (
        ({"sequences": ragged, "padding": "left"}, 'padding must be "pre" or "post"'),
        ({"sequences": ragged, "value": "x"}, "needs a dtype that holds text"),
        ({"sequences": [[1], 2]}, "row 1 is 2"),
        ({"sequences": [[[1, 2]], [[1]]]}, "items of one shape"),
    ):
        with pytest.raises((ConfigError, DataError), match=error):
            pad(**wrong)


def test_a_random_seed_decides_everything_without_a_seed():
    def draws():
        keras.utils.set_random_seed(7)
        model = Sequential([Input((3,)), Dense(4), Dropout(0.5)])
        model.build((None, 3))
        weights = [model.get_weights()[0], keras.random.normal((3,)), model(np.ones((2, 3)), training=True)]
        return [model.seed, python_random.random(), np.random.rand(), *map(np.ndarray.tolist, weights)]  # noqa: NPY002

    try:
        first = draws()
        assert draws() == first and first[0] != Sequential([]).seed
        keras.utils.set_random_seed(8)
        assert Sequential([]).seed != first[0]
    finally:
        keras.random.streams._seeds = None
    with pytest.raises(ConfigError, match="integer in"):
        keras.utils.set_random_seed(-1)


@pytest.mark.parametrize("size", [{"left_size": 0.75}, {"right_size": 0.25}, {"left_size": 6}, {"right_size": 2}])
def test_a_data_set_is_split(size):
    x, y = np.arange(16).reshape(8, 2), np.arange(8)
    left, right = keras.utils.split_dataset((x, y), **size)
    assert [part.tolist() for part in right] == [x[6:].tolist(), [6, 7]] and left[1].tolist() == [0, 1, 2, 3, 4, 5]
    left, right = keras.utils.split_dataset({"a": x, "b": y}, **size, shuffle=True, seed=1)
    assert sorted([*left["b"], *right["b"]]) == list(range(8)) and left["b"].tolist() != list(range(6))
    np.testing.assert_array_equal(left["a"], x[left["b"]])
    assert keras.utils.split_dataset(y, 0.5, 0.25)[1].tolist() == [6, 7]  # the last rows, as in Keras


@pytest.mark.parametrize(
    ("size", "error"),
    [
        ({}, "left_size or right_size"),
        ({"left_size": 9}, "from 1 to 7"),
        ({"right_size": 0}, "from 1 to 7"),
        ({"left_size": 0.9, "right_size": 0.9}, "of 8"),
    ],
)
def test_wrong_sizes_of_parts(size, error):
    with pytest.raises(ConfigError, match=error):
        keras.utils.split_dataset(np.arange(8), **size)


def test_batches_are_packed_and_unpacked():
    assert keras.utils.unpack_x_y_sample_weight((1, 2)) == (1, 2, None)
    assert keras.utils.unpack_x_y_sample_weight(1) == (1, None, None)
    assert keras.utils.pack_x_y_sample_weight([1]) == ([1],)
    assert keras.utils.pack_x_y_sample_weight(1, 2, 3) == (1, 2, 3)
    with pytest.raises(ConfigError, match="4 values"):
        keras.utils.unpack_x_y_sample_weight((1, 2, 3, 4))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_progress_bar_averages_what_is_not_stateful(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    bar = keras.utils.Progbar(4, width=8, interval=0, stateful_metrics=["last"])
    bar.add(1, [("loss", 1.0), ("last", 5.0)])
    bar.add(1, [("loss", 2.0), ("last", 7.0)])
    bar.update(4, [("loss", 3.0), ("last", 6.0)])
    first, second, last = terminal.getvalue().strip().split("\r")
    assert "loss: 1.5000 - last: 7.0000" in second
    assert first.startswith("1/4 ━━       ") and "loss: 1.0000 - last: 5.0000" in first
    assert last.startswith("4/4 ━━━━━━━━ ") and "loss: 3.0000 - last: 6.0000" in last  # as in Keras
    with pytest.raises(ConfigError, match="not both"):
        keras.utils.Progbar(4, stateful_metrics=["last"], stateless_metrics=["loss"])
    quiet = keras.utils.Progbar(None, verbose=0)
    quiet.add(3)
    assert terminal.getvalue().count("\n") == 1


def test_the_progress_bar_writes_its_last_line_alone_to_a_log_file(capsys):
    bar = keras.utils.Progbar(3, width=3, interval=0)
    for _ in range(3):
        bar.add(1)
    text = capsys.readouterr().out
    assert text.startswith("3/3 ━━━ ") and text.count("\n") == 1 and "\r" not in text


def test_a_file_is_fetched_once_and_checked(tmp_path):
    source = tmp_path / "a.txt"
    source.write_bytes(b"one")
    options = {"origin": source.as_uri(), "cache_dir": tmp_path / "cache"}
    path = keras.utils.get_file(**options)
    assert path == str(tmp_path / "cache" / "datasets" / "a.txt") and Path(path).read_bytes() == b"one"
    source.write_bytes(b"two")
    assert Path(keras.utils.get_file(**options)).read_bytes() == b"one"
    for algorithm in ("md5", "sha256"):  # what is there has another checksum, so that it is fetched again
        (tmp_path / "cache" / "datasets" / "a.txt").write_bytes(b"one")
        digest = hashlib.new(algorithm, b"two").hexdigest()
        assert Path(keras.utils.get_file(**options, file_hash=digest)).read_bytes() == b"two"
    source.write_bytes(b"three")
    with pytest.raises(DataError, match="the md5 checksum is"):
        keras.utils.get_file(**options, md5_hash="0" * 32)
    assert Path(path).read_bytes() == b"two" and not list((tmp_path / "cache" / "datasets").glob("*.part"))
    assert Path(keras.utils.get_file("b.txt", **options, force_download=True)).read_bytes() == b"three"
    with pytest.raises(DataError, match="cannot be downloaded"):
        keras.utils.get_file("c.txt", (tmp_path / "none").as_uri(), cache_dir=tmp_path)
    for wrong in ({"origin": None}, {"origin": "ftp://a/b"}, {"origin": "https://a/b", "file_hash": "12"}):
        with pytest.raises(ConfigError):
            keras.utils.get_file(**wrong, cache_dir=tmp_path)


def test_archives_are_unpacked_and_stay_inside(tmp_path):
    with tarfile.open(tmp_path / "f.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("f/a.txt")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"hi"))
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../../outside.txt", "hi")
    with tarfile.open(tmp_path / "link.tar", "w") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    options = {"cache_dir": tmp_path / "cache", "extract": True}
    folder = keras.utils.get_file("named", (tmp_path / "f.tar.gz").as_uri(), **options)
    assert folder.endswith("named") and Path(folder, "f", "a.txt").read_text() == "hi"
    assert keras.utils.get_file(None, (tmp_path / "f.tar.gz").as_uri(), **options).endswith("f_extracted")
    for name, error in (("bad.zip", "outside"), ("link.tar", "link"), ("f.tar.gz", "not an archive")):
        with pytest.raises(DataError, match=error):
            further = {"archive_format": "zip"} if error == "not an archive" else {}
            keras.utils.get_file(None, (tmp_path / name).as_uri(), **options, **further)
    assert not list(tmp_path.rglob("outside.txt"))


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_a_damaged_archive_is_a_data_error(tmp_path, name):
    (tmp_path / "b.txt").write_bytes(np.random.default_rng(0).bytes(40_000))
    if name.endswith("zip"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(tmp_path / "b.txt", "b.txt")
    else:
        with tarfile.open(tmp_path / name, "w:gz") as archive:
            archive.add(tmp_path / "b.txt", "b.txt")
    content = (tmp_path / name).read_bytes()
    damaged = content[:20_000] + bytes(1000) + content[21_000:] if name.endswith("zip") else content[:20_000]
    (tmp_path / name).write_bytes(damaged)
    with pytest.raises(DataError, match=f"{name}: cannot be unpacked"):
        keras.utils.get_file(None, (tmp_path / name).as_uri(), cache_dir=tmp_path / "cache", extract=True)


def test_images_go_to_files_and_back(tmp_path, defaults, monkeypatch):
    pytest.importorskip("PIL")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype("float32")
    keras.utils.save_img(tmp_path / "a.png", pixels, scale=False)
    image = keras.utils.load_img(tmp_path / "a.png")
    with tempfile.NamedTemporaryFile() as file:  # no io.IOBase
        file.write((tmp_path / "a.png").read_bytes())
        file.seek(0)
        assert keras.utils.load_img(file) == image
    np.testing.assert_array_equal(keras.utils.img_to_array(image), pixels)
    assert keras.utils.img_to_array(image, "channels_first").shape == (3, 5, 4)
    assert keras.utils.img_to_array(keras.utils.load_img(tmp_path / "a.png", "grayscale", (2, 3))).shape == (2, 3, 1)
    assert keras.utils.load_img(tmp_path / "a.png", target_size=(2, 2), keep_aspect_ratio=True).size == (2, 2)
    scaled = np.asarray(keras.utils.array_to_img(np.array([-1, 0, 0.5, 1]).reshape(2, 2, 1)))
    assert scaled.tolist() == [[0, 127], [191, 255]]
    keras.config.set_image_data_format("channels_first")
    assert keras.utils.array_to_img(pixels.transpose(2, 0, 1)).size == (4, 5)
    with pytest.raises(DataError, match="an image has the shape"):
        keras.utils.array_to_img(np.zeros((2, 2)))
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"b\.png"):
        keras.utils.load_img(tmp_path / "b.png")
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 5)  # a bomb's error is none of the system's
    with pytest.raises(DataError, match=r"a\.png.*exceeds limit"):
        keras.utils.load_img(tmp_path / "a.png")
    with pytest.raises(ConfigError, match="interpolation must be one of"):
        keras.utils.load_img(tmp_path / "a.png", interpolation="cubic")


def test_images_are_resized_with_their_shape_kept():
    x = np.zeros((1, 8, 4, 1))
    x[:, 2:6] = 1
    np.testing.assert_array_equal(keras.preprocessing.image.smart_resize(x, (2, 2)), np.ones((1, 2, 2, 1)))
    assert keras.preprocessing.image.smart_resize(x[0], (3, 5)).shape == (3, 5, 1)


def test_random_functions_by_integer_generator_and_nothing():
    random = keras.random
    for draw in (
        lambda seed: random.normal((50,), 1, 2, seed=seed),
        lambda seed: random.uniform((50,), -1, 1, seed=seed),
        lambda seed: random.truncated_normal((50,), seed=seed),
        lambda seed: random.randint((50,), 0, 1000, seed=seed),
        lambda seed: random.gamma((50,), 2.0, seed=seed),
        lambda seed: random.beta((50,), 2.0, 3.0, seed=seed),
        lambda seed: random.binomial((50,), 100.0, 0.5, seed=seed),
        lambda seed: random.categorical(np.zeros((5, 1000)), 10, seed=seed),
        lambda seed: random.shuffle(np.arange(50), seed=seed),
        lambda seed: random.dropout(np.ones(50), 0.5, seed=seed),
    ):
        seeds = random.SeedGenerator(3)
        first, second = draw(seeds), draw(seeds)
        np.testing.assert_array_equal(first, draw(3))
        np.testing.assert_array_equal(second, [draw(again) for again in [random.SeedGenerator(3)] * 2][1])
        assert (first != second).any() and (draw(None) != draw(None)).any()
    assert random.normal((3,), seed=-5).tolist() == random.normal((3,), seed=-5).tolist()
    assert random.normal((3,), seed=-5).tolist() != random.normal((3,), seed=5).tolist()
    with pytest.raises(ConfigError, match="seed must be"):
        random.normal((1,), seed="a")


def test_random_functions_have_their_distributions():
    random, count = keras.random, 20_000
    moments = {
        "normal": (random.normal((count,), 1.0, 2.0, seed=0), 1.0, 2.0),
        "uniform": (random.uniform((count,), 1.0, 3.0, seed=0), 2.0, 12**-0.5 * 2),
        "truncated": (random.truncated_normal((count,), seed=0), 0.0, 0.87962566),
        "gamma": (random.gamma((count,), 4.0, seed=0), 4.0, 2.0),
        "beta": (random.beta((count,), 2.0, 2.0, seed=0), 0.5, 20**-0.5),
        "binomial": (random.binomial((count,), 10, 0.5, seed=0), 5.0, 2.5**0.5),
        "randint": (random.randint((count,), 0, 3, seed=0), 1.0, (2 / 3) ** 0.5),
        "dropout": (random.dropout(np.ones(count), 0.2, seed=0), 1.0, 0.5),
    }
    for name, (values, mean, deviation) in moments.items():
        assert abs(values.mean() - mean) < 5 * deviation / count**0.5, name
        assert abs(values.std() / deviation - 1) < 0.05, name
    assert abs(moments["truncated"][0]).max() <= 2 and moments["normal"][0].dtype == np.float32
    with pytest.raises(ConfigError, match="randint gives integers"):
        random.uniform((3,), 0, 5, "int32")
    classes = random.categorical(np.log([[0.1, 0.9]]), count, seed=0)
    assert classes.shape == (1, count) and abs(classes.mean() - 0.9) < 0.02
    pattern = random.dropout(np.ones((4, 6)), 0.5, (4, 1), seed=0)
    assert (pattern == pattern[:, :1]).all() and {*pattern.ravel()} <= {0, 2}


def test_random_functions_inside_a_layer():
    class Noise(Layer):
        def __init__(self, seed=None):
            super().__init__()
            self.seed = seed
            self.seed_generator = keras.random.SeedGenerator(seed)

        def call(self, inputs, training=False):
            return keras.random.dropout(inputs, 0.5, seed=self.seed_generator) if training else inputs

    layer = Noise(1)
    first, second = layer(np.ones((4, 8)), training=True), layer(np.ones((4, 8)), training=True)
    assert (first != second).any() and {*first.ravel()} == {0, 2}
    assert keras.random.SeedGenerator.from_config(layer.seed_generator.get_config()).seed == 1


def test_defaults_and_questions_about_types(defaults):
    backend = keras.backend
    assert keras.config.backend() == "numpy" and backend.epsilon() == 1e-7
    backend.set_epsilon(1e-3)
    assert keras.config.epsilon() == 1e-3
    assert backend.image_data_format() == "channels_last"
    for wrong in (0, math.inf, math.nan, True, "1"):
        with pytest.raises(ConfigError, match="epsilon must be a finite number > 0"):
            backend.set_epsilon(wrong)
    with pytest.raises(ConfigError, match="unknown data format 'middle'"):
        backend.set_image_data_format("middle")
    assert [backend.standardize_dtype(one) for one in (None, int, float, "uint8")] == [
        "float32",
        "int32",
        "float32",
        "uint8",
    ]
    assert backend.is_float_dtype("float64") and backend.is_int_dtype("uint8") and not backend.is_int_dtype("bool")
    assert backend.result_type("int32", "float32") == "float32" and backend.result_type("int8", "int32") == "int32"
    pairs = [("int8", int), ("bool", int), ("float16", float), ("int16", float), (int, int), ("bool", "int8")]
    kinds = ["int8", "int32", "float16", "float32", "int32", "int8"]
    assert [backend.result_type(*pair) for pair in pairs] == kinds
    assert backend.is_keras_tensor(Input((3,))) and not backend.is_keras_tensor(np.ones(3))
    assert [backend.get_uid("a"), backend.get_uid("a")] == [1, 2]
    backend.clear_session()
    assert backend.get_uid("a") == 1
    with pytest.raises(ConfigError, match="unknown dtype"):
        backend.standardize_dtype("float33")


def test_the_default_data_format_is_that_of_layers_made_under_it(defaults):
    x = np.random.default_rng(0).normal(size=(1, 5, 4, 2))
    last = keras.layers.Conv2D(3, 2)
    expected, spec, weights = last(x), last.to_spec(), last.get_weights()
    keras.config.set_image_data_format("channels_first")
    first = keras.layers.Conv2D(3, 2)
    assert first(x.transpose(0, 3, 1, 2)).shape == (1, 3, 4, 3)
    first.set_weights(weights)
    np.testing.assert_allclose(first(x.transpose(0, 3, 1, 2)), expected.transpose(0, 3, 1, 2), rtol=1e-6)
    again = Layer.get(spec)
    assert again(x).shape == expected.shape
    keras.config.set_image_data_format("channels_last")
    assert Layer.get(first.to_spec()).data_format == "channels_first"


def test_names_of_models_and_files(tmp_path):
    model = Sequential([Input((2,)), Dense(1)])
    keras.saving.save_model(model, tmp_path / "m.safetensors")
    again = keras.saving.load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert keras.layers.Convolution2D is keras.layers.Conv2D
    with pytest.raises(AttributeError, match=r"nnlite\.saving"):
        _ = keras.saving.nothing


def test_variables_of_no_layer():
    variable = keras.Variable("ones", (2, 3), name="v")
    np.testing.assert_array_equal(variable.value, np.ones((2, 3)))
    assert variable.dtype == np.float32 and variable.trainable
    assert keras.Variable([1, 2]).dtype.kind == "i" and keras.Variable(1.5, dtype="float64").dtype == np.float64
    np.testing.assert_array_equal(keras.Variable(lambda shape, dtype: np.full(shape, 3.0, dtype), (2,)).value, [3, 3])
    for wrong in ({"initializer": "ones"}, {"initializer": [1.0], "shape": (2,)}):
        with pytest.raises(ConfigError):
            keras.Variable(**wrong)


def test_top_level_names():
    assert keras.Layer is keras.layers.Layer and keras.Loss is keras.losses.Loss
    assert keras.Metric is keras.metrics.Metric and keras.Optimizer is keras.optimizers.Optimizer
    assert keras.Initializer is keras.initializers.Initializer
    assert keras.Regularizer is keras.regularizers.Regularizer


def idx(array):
    lengths = np.array(array.shape, ">u4").tobytes()
    return gzip.compress(b"\0\0\x08" + bytes([array.ndim]) + lengths + array.tobytes())


def test_data_sets_in_the_formats_of_keras(tmp_path, defaults):
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (3, 28, 28)).astype("uint8"), np.arange(3, dtype="uint8")
    np.savez(tmp_path / "mnist.npz", x_train=x, y_train=y, x_test=x[:1], y_test=y[:1])
    (x_train, y_train), (x_test, _) = keras.datasets.mnist.load_data(tmp_path / "mnist.npz")
    np.testing.assert_array_equal(x_train, x)
    assert y_train.tolist() == [0, 1, 2] and x_test.shape == (1, 28, 28)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(x))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(y))
    (x_train, y_train), _ = keras.datasets.fashion_mnist.load_data(tmp_path)
    np.testing.assert_array_equal(x_train, x)
    assert y_train.tolist() == [0, 1, 2]
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x05ab"))
    with pytest.raises(DataError, match=r"damaged; shape \(5,\)"):
        keras.datasets.fashion_mnist.load_data(tmp_path)


def test_california_housing_is_split_as_keras_does(tmp_path):
    x = np.arange(160.0).reshape(20, 8)
    np.savez(tmp_path / "c.npz", x=x, y=np.arange(20.0))
    (x_train, y_train), (_, y_test) = keras.datasets.california_housing.load_data(path=tmp_path / "c.npz")
    assert y_test.tolist() == CALIFORNIA_ORDER and len(y_train) == 16
    np.testing.assert_array_equal(x_train[:, 0], y_train * 8)
    with pytest.raises(ConfigError, match="large"):
        keras.datasets.california_housing.load_data("huge", path=tmp_path / "c.npz")


CALIFORNIA_ORDER = np.random.RandomState(113).permutation(20)[16:].tolist()


REUTERS = [
    [[1, 11, 13], [1, 14, 5], [1, 2, 2, 4, 2], [1, 7, 10]],
    [1, 0, 3, 2],
    [[1, 2, 14, 2, 8], [1, 8, 6, 2]],
    [4, 5],
]
IMDB = [[[2, 11, 13], [2, 14, 5], [2, 7, 10], [2, 8, 6, 2]], [1, 0, 2, 5], [[2, 11, 13], [2, 14, 5]], [1, 0]]


def ragged(rows):
    vector = np.empty(len(rows), object)
    vector[:] = rows
    return vector


def test_texts_by_word_numbers(tmp_path):
    """Values that Keras 3.15 gives for these rows and seeds."""
    rows = [[11, 2], [8, 10], [4, 7], [15, 19, 1, 15], [13, 11, 12, 5], [5, 3, 17]]
    np.savez(tmp_path / "r.npz", x=ragged(rows), y=np.arange(6))
    np.savez(tmp_path / "i.npz", x_train=ragged(rows), y_train=np.arange(6), x_test=ragged(rows[:2]), y_test=[0, 1])
    (train, y_train), (test, y_test) = keras.datasets.reuters.load_data(tmp_path / "r.npz", num_words=15)
    assert [train.tolist(), y_train.tolist(), test.tolist(), y_test.tolist()] == REUTERS
    (train, y_train), (test, y_test) = keras.datasets.imdb.load_data(tmp_path / "i.npz", skip_top=5, maxlen=5)
    assert [train.tolist(), y_train.tolist(), test.tolist(), y_test.tolist()] == IMDB
    (train, _), _ = keras.datasets.imdb.load_data(tmp_path / "i.npz", start_char=None, oov_char=None, index_from=0)
    assert max(map(max, train)) == 17
    with pytest.raises(DataError, match="maxlen=2"):
        keras.datasets.imdb.load_data(tmp_path / "i.npz", maxlen=2)
    (tmp_path / "w.json").write_text('{"the": 1}')
    assert keras.datasets.imdb.get_word_index(tmp_path / "w.json") == {"the": 1}
    assert len(keras.datasets.reuters.get_label_names()) == 46
    with pytest.raises(DataError, match=r"test_split must be in \[0, 1\)"):
        keras.datasets.reuters.load_data(tmp_path / "r.npz", test_split=1.5)
    (tmp_path / "w.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"w\.json: damaged"):
        keras.datasets.imdb.get_word_index(tmp_path / "w.json")


def test_cifar_is_read_without_running_what_its_pickles_hold(tmp_path, defaults):
    rows = np.random.default_rng(0).integers(0, 256, (2, 3072)).astype("uint8")
    for number, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        (tmp_path / name).write_bytes(pickle.dumps({b"data": rows, b"labels": [number, 1]}, 2))
    (x_train, y_train), (x_test, _) = keras.datasets.cifar10.load_data(tmp_path)
    assert x_train.shape == (10, 32, 32, 3) and y_train[:, 0].tolist()[::2] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(x_test[0].transpose(2, 0, 1).ravel(), rows[0])
    keras.config.set_image_data_format("channels_first")
    assert keras.datasets.cifar10.load_data(tmp_path)[1][0].shape == (2, 3, 32, 32)
    for name in ("train", "test"):
        (tmp_path / name).write_bytes(pickle.dumps({b"data": rows, b"fine_labels": [9, 8], b"coarse_labels": [1, 0]}))
    assert keras.datasets.cifar100.load_data("coarse", tmp_path)[0][1].tolist() == [[1], [0]]
    (tmp_path / "test_batch").write_bytes(b"cos\nsystem\n(S'touch outside'\ntR.")
    with pytest.raises(DataError, match=r"os\.system"):
        keras.datasets.cifar10.load_data(tmp_path)


def test_a_missing_data_set_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    datasets = keras.datasets
    for module in (datasets.mnist, datasets.fashion_mnist, datasets.cifar10, datasets.imdb, datasets.reuters):
        with pytest.raises(DataError, match=r"download it from https://.*put it there"):
            module.load_data()
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "mnist.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match="cannot be read as an NPZ file"):
        datasets.mnist.load_data()
    np.savez(tmp_path / "datasets" / "mnist.npz", x_train=np.zeros(1))
    with pytest.raises(DataError, match="lacks an array"):
        datasets.mnist.load_data()


def test_a_damaged_data_set_is_a_data_error(tmp_path):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (20, 28, 28)).astype("uint8")
    np.savez_compressed(tmp_path / "m.npz", x_train=x, y_train=x, x_test=x, y_test=x)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(idx(x))
    content = bytearray((tmp_path / "m.npz").read_bytes())
    content[content.index(b"PK\1\2") + 10] = 99  # a way to compress that Python lacks
    (tmp_path / "m.npz").write_bytes(content)
    content = (tmp_path / "train-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content[:10] + b"\xff" * 200 + content[210:])
    with pytest.raises(DataError, match=r"m\.npz: cannot be read as an NPZ file"):
        keras.datasets.mnist.load_data(tmp_path / "m.npz")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz"):
        keras.datasets.fashion_mnist.load_data(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": None, b"labels": []}))
    with pytest.raises(DataError, match=r"data_batch_1: cannot be read as a batch of CIFAR"):
        keras.datasets.cifar10.load_data(tmp_path)


def test_seed_generators_have_names_and_configs_as_in_keras():
    assert keras.random.SeedGenerator(3).get_config() == {"seed": 3, "name": "seed_generator"}
    assert keras.random.SeedGenerator().get_config()["seed"] is None


def test_arguments_of_a_wrong_kind_are_refused():
    with pytest.raises(ValueError, match="takes a list of sequences, got 5"):
        keras.utils.pad_sequences(5)
    with pytest.raises(ConfigError, match="data_format must be"):
        keras.utils.array_to_img(np.zeros((3, 4, 3)), data_format="last")
    for name in ("image_dataset_from_directory", "text_dataset_from_directory", "timeseries_dataset_from_array"):
        assert getattr(keras.utils, name) is getattr(keras.preprocessing, name)


def test_the_processor_is_the_only_device():
    with keras.device("CPU:0"):
        assert keras.version() == keras.__version__
    with (
        pytest.raises(ConfigError, match="computes on the processor, 'cpu', got 'gpu:0'"),
        keras.device("gpu:0"),
    ):
        pass


def test_shades_beyond_eight_bits_stay():
    pytest.importorskip("PIL")
    shades = np.arange(4.0).reshape(2, 2, 1) * 1000
    assert np.asarray(keras.utils.array_to_img(shades, scale=False)).ravel().tolist() == [0, 1000, 2000, 3000]


def test_single_values_have_no_rows_to_split():
    with pytest.raises(TypeError, match="got 0, which has none"):
        keras.utils.split_dataset([0, 1, 2], left_size=0.5)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: keras.utils.to_categorical([1], num_classes=2.0), TypeError),
        (lambda: keras.utils.load_img(5), TypeError),
        (lambda: keras.utils.normalize([[1.0]], order=0), ValueError),
        (lambda: keras.utils.standardize_dtype("float"), ValueError),
        (lambda: keras.ops.image.pad_images(np.ones((2, 2, 1)), 1.5, 0, 0, 0), TypeError),
        (lambda: keras.ops.image.extract_patches_3d(np.ones((2, 2, 2, 1)), (2, 2)), TypeError),
        (lambda: keras.ops.image.sobel_edges(np.ones((2, 2, 1)), data_format="last"), ValueError),
    ],
    ids=range(7),
)
def test_refused_arguments_of_tools_for_images_and_labels(call, kind):
    with pytest.raises(kind) as error:
        call()
    assert isinstance(error.value, NNLiteError)


def test_lists_keep_their_shape_where_they_are_normalized():
    assert keras.utils.normalize([3.0, 4.0]).tolist() == pytest.approx([0.6, 0.8])
    assert keras.utils.normalize(np.array([3.0, 4.0])).shape == (1, 2)


def test_boxes_without_labels_are_clipped():
    clipped = keras.utils.bounding_boxes.clip_to_image_size({"boxes": np.array([[0.0, 1.0, 9.0, 3.0]])}, 4, 4)
    assert clipped["boxes"].tolist() == [[0, 1, 4, 3]]
    assert clipped.keys() == {"boxes"}
