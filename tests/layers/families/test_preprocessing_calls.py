"""Preprocessing layers used as Keras users do: without a batch, from batches, from files, as sparse matrices."""

import numpy as np
import pytest

from nnlite import saving
from nnlite.errors import ConfigError, DataError, ModelFileError, ShapeError
from nnlite.layers import (
    CategoryEncoding,
    Dense,
    Discretization,
    HashedCrossing,
    Hashing,
    Input,
    IntegerLookup,
    Normalization,
    Rescaling,
    StringLookup,
    TextVectorization,
)
from nnlite.layers.core.input import KerasTensor
from nnlite.models import Model, Sequential, load_model
from nnlite.models.files import model_state

WORDS = ["a", "b", "c"]


def batch(*values):
    return np.array(values)


@pytest.mark.parametrize(
    ("mode", "flat", "single", "rows"),
    [
        ("one_hot", [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]], [[0, 1, 0, 0]], None),
        ("multi_hot", [0, 1, 1, 1], [0, 1, 0, 0], [[0, 1, 1, 0], [0, 1, 0, 1]]),
        ("count", [0, 2, 1, 1], [0, 1, 0, 0], [[0, 1, 1, 0], [0, 1, 0, 1]]),
    ],
)
def test_encodings_without_a_batch(mode, flat, single, rows):
    layer = CategoryEncoding(4, output_mode=mode)
    assert layer([1, 2, 3, 1]).tolist() == flat
    assert layer(1).tolist() == single
    assert layer([[1, 2], [3, 1]]).shape == ((2, 4) if rows else (2, 2, 4))
    assert rows is None or layer([[1, 2], [3, 1]]).tolist() == rows
    assert layer.compute_output_shape((4,)) == np.shape(flat)
    assert layer.compute_output_shape((None, 3)) == ((None, 3, 4) if mode == "one_hot" else (None, 4))


def test_lookups_without_a_batch():
    assert StringLookup(vocabulary=WORDS)("b") == 2
    assert IntegerLookup(vocabulary=[3, 5])(5) == 2
    assert StringLookup(vocabulary=WORDS, output_mode="multi_hot")(["a", "z", "c", "c"]).tolist() == [1, 1, 0, 1]
    assert StringLookup(vocabulary=WORDS, output_mode="count")(["a", "z", "c", "c"]).tolist() == [1, 1, 0, 2]
    weighted = StringLookup(vocabulary=WORDS, output_mode="tf_idf", idf_weights=[1.0, 2.0, 3.0])
    assert weighted(["a", "z", "c", "c"]).tolist() == [2, 1, 0, 6]
    bins = Discretization(bin_boundaries=[0.0, 1.0], output_mode="count")
    assert bins([-1.0, 0.5, 0.7]).tolist() == [1, 2, 0]
    assert Discretization(bin_boundaries=[0.0, 1.0])(0.5) == 1
    text = TextVectorization(vocabulary=["foo", "bar"])
    assert text("foo bar").tolist() == [2, 3]
    assert TextVectorization(vocabulary=["foo", "bar"], output_mode="count")(["foo foo"]).tolist() == [[0, 2, 0]]


def test_another_rank_in_each_call():
    text = TextVectorization(vocabulary=["foo", "bar"])
    assert text(["foo bar"]).tolist() == [[2, 3]]
    assert text([["foo bar"], ["x"]]).tolist() == [[2, 3], [1, 0]]
    lookup = StringLookup(vocabulary=WORDS)
    assert lookup([["a", "b"]]).tolist() == [[1, 2]]
    assert lookup([["a"], ["b"]]).tolist() == [[1], [2]]
    assert lookup([[["c"]]]).tolist() == [[[3]]]


def test_in_a_model_flat_inputs_are_one_entry_each():
    model = Sequential([Input((), dtype="string"), StringLookup(vocabulary=WORDS, output_mode="multi_hot"), Dense(2)])
    assert model.predict(np.array(WORDS), verbose=0).shape == (3, 2)


def test_count_weights():
    layer = CategoryEncoding(4, output_mode="count")
    assert layer([[1, 2], [3, 1]], count_weights=[[0.5, 2], [1, 3]]).tolist() == [[0, 0.5, 2, 0], [0, 3, 0, 1]]
    assert layer([1, 2, 1], count_weights=[0.5, 2, 1]).tolist() == [0, 1.5, 2, 0]
    with pytest.raises(ShapeError, match=r"needs count_weights of shape \(1, 2\), got \(2,\)"):
        layer([[1, 2]], count_weights=[1, 2])
    with pytest.raises(ConfigError, match='with output_mode="count"'):
        CategoryEncoding(4)([[1, 2]], count_weights=[[1, 2]])


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (CategoryEncoding(4, "count", sparse=True), [[1, 1], [2, 3]]),
        (StringLookup(vocabulary=WORDS, output_mode="multi_hot", sparse=True), [["a", "z"], ["c", "c"]]),
        (IntegerLookup(vocabulary=[3, 5], output_mode="one_hot", sparse=True), [3, 4]),
        (Hashing(4, output_mode="one_hot", sparse=True), ["x", "y"]),
        (HashedCrossing(4, output_mode="one_hot", sparse=True), [["x", "u"], ["y", "v"]]),
        (Discretization([0.0], output_mode="count", sparse=True), [[1.0, 2.0], [-1.0, 2.0]]),
        (TextVectorization(vocabulary=WORDS, output_mode="count", sparse=True), ["a a b", "z"]),
    ],
    ids=repr,
)
def test_sparse_matrices(layer, inputs):
    scipy = pytest.importorskip("scipy.sparse")
    found = layer(inputs)
    assert isinstance(found, scipy.csr_matrix)
    dense = type(layer).from_config({**layer.get_config(), "sparse": False})(inputs)
    assert isinstance(dense, np.ndarray)
    assert np.array_equal(found.toarray(), dense)


def test_what_cannot_be_sparse():
    pytest.importorskip("scipy.sparse")
    with pytest.raises(ConfigError, match=r"StringLookup\.sparse"):
        StringLookup(sparse=True)
    with pytest.raises(ShapeError, match="cannot give a sparse matrix of 3 axes"):
        CategoryEncoding(4, "one_hot", sparse=True)([[1, 2]])


class Batches:
    """Batches by number, as a `PyDataset` has them, of inputs and targets."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return [batch(1, 2), batch(2, 3)][index], None


@pytest.mark.parametrize(
    "make",
    [
        lambda: (own for own in (batch(1, 2), batch(2, 3))),
        lambda: [batch(1, 2), batch(2), batch(3)],
        lambda: [batch([1], [2]), batch([2], [3])],
        Batches,
        lambda: [[1, 2], [2, 3]],
    ],
)
def test_adapt_takes_batches(make):
    layer = IntegerLookup()
    layer.adapt(make())
    assert layer.get_vocabulary() == [-1, 2, 3, 1]
    words = StringLookup()
    words.adapt(np.array(WORDS)[own - 1] for own in (batch(1, 2), batch(2, 3)))
    assert words.get_vocabulary() == ["[UNK]", "b", "c", "a"]


def test_adapt_takes_so_many_steps():
    layer = IntegerLookup()
    layer.adapt((batch(value) for value in (1, 2, 3)), steps=2)
    assert layer.get_vocabulary() == [-1, 2, 1]
    text = TextVectorization()
    text.adapt(["foo", "bar", "baz"], batch_size=1, steps=2)
    assert text.get_vocabulary() == ["", "[UNK]", "foo", "bar"]
    numbers = Normalization()
    numbers.adapt(batch([1.0], [2.0]) + shift for shift in (0, 2))
    assert numbers.mean.tolist() == [[2.5]]
    numbers.adapt((batch([1.0], [2.0]) + shift for shift in (0, 2)), steps=1)
    assert numbers.mean.tolist() == [[1.5]]
    bins = Discretization(num_bins=2)
    bins.adapt([[1.0], [2.0]] for _ in range(2))
    assert len(bins.bin_boundaries) == 1
    with pytest.raises(ConfigError, match="takes steps >= 1"):
        layer.adapt(iter([batch(1)]), steps=0)
    with pytest.raises(DataError, match="got no batch"):
        layer.adapt(iter([]))


def test_vocabularies_in_files(tmp_path):
    words, numbers = tmp_path / "words.txt", tmp_path / "numbers.txt"
    words.write_text("ä\nb\n", encoding="latin-1")
    numbers.write_text("3\n5\n")
    assert StringLookup(vocabulary=str(words), encoding="latin-1").vocabulary == ["ä", "b"]
    assert TextVectorization(vocabulary=str(words), encoding="latin-1")(["b"]).tolist() == [[3]]
    assert IntegerLookup(vocabulary=str(numbers))([5, 4]).tolist() == [2, 0]
    for wrong in ({"encoding": "utf-8"}, {"encoding": "no-such"}):
        with pytest.raises(ConfigError, match=r"words\.txt is none"):
            StringLookup(vocabulary=str(words), **wrong)


def test_places_of_the_unknown():
    remainder = IntegerLookup(vocabulary=[3], num_oov_indices=2)
    assert remainder([4, 5, 3]).tolist() == [0, 1, 2]
    hashes = IntegerLookup(vocabulary=[3], num_oov_indices=7, oov_method="farmhash")
    numbers = np.arange(100, 120)
    assert np.array_equal(hashes(numbers), Hashing(7)(numbers))
    salted = StringLookup(vocabulary=["x"], num_oov_indices=7, salt=(1, 2))
    strings = numbers.astype(str)
    assert np.array_equal(salted(strings), Hashing(7, salt=(1, 2))(strings))
    assert not np.array_equal(salted(strings), hashes(numbers))


def test_integer_types():
    assert Hashing(4, dtype="int32")(["a"]).dtype == np.int32
    assert Hashing(4, dtype="int64", output_mode="one_hot")(["a"]).dtype == np.int64
    assert IntegerLookup(vocabulary=[3], invert=True, vocabulary_dtype="int32")([1]).dtype == np.int32
    with pytest.raises(ConfigError, match=r"Hashing\.dtype"):
        Hashing(4, dtype="int8")


def test_scales_of_any_make():
    assert Rescaling(np.float32(2), offset=np.array(1.0))([1.0, 2.0]).tolist() == [3, 5]
    layer = Rescaling(np.array([2.0, 4.0]), [0.0, 1.0])
    assert layer([[1.0, 1.0]]).tolist() == [[2, 5]]
    assert layer.get_config()["scale"] == [2.0, 4.0]
    with pytest.raises(ConfigError, match=r"Rescaling\.scale"):
        Rescaling("two")


def test_shapes_before_adapt():
    for mode, shape in (("one_hot", (None, 4, 4)), ("multi_hot", (None, 4)), ("int", (None, 4))):
        assert Discretization(num_bins=4, output_mode=mode).compute_output_shape((None, 4)) == shape


def test_moments_as_attributes(tmp_path):
    data = np.arange(24.0).reshape(2, 3, 4)
    for axis, shape in ((-1, (1, 1, 4)), (1, (1, 3, 1)), (None, (1, 1, 1)), ((1, 2), (1, 3, 4))):
        layer = Normalization(axis=axis)
        assert layer.mean is None
        layer.adapt(data)
        axes = tuple(place for place, length in enumerate(shape) if length == 1)
        np.testing.assert_allclose(layer.mean, data.mean(axes, keepdims=True), rtol=1e-6)
        np.testing.assert_allclose(layer.variance, data.var(axes, keepdims=True), rtol=1e-6)
        assert layer.mean.shape == shape
        assert layer.get_config()["mean"] is None
    model = Sequential([Input((3, 4)), Normalization(mean=3.0, variance=2.0)])
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert again.layers[0].get_config() == model.layers[0].get_config()
    assert np.array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))


def test_a_function_gets_the_array():
    seen = []

    def shorten(texts):
        seen.append(np.shape(texts))
        return np.char.replace(np.asarray(texts, str), "oo", "")

    layer = TextVectorization(standardize=shorten, vocabulary=["f", "bar"])
    assert layer(["foo bar", "bar"]).tolist() == [[2, 3], [3, 0]]
    assert seen == [(2,)]
    each = TextVectorization(standardize=lambda text: text.replace("oo", ""), vocabulary=["f", "bar"])
    assert each([["foo bar"], ["bar"]]).tolist() == [[2, 3], [3, 0]]


def test_rows_of_unequal_lengths_are_refused():
    with pytest.raises(ConfigError, match=r"TextVectorization\.ragged"):
        TextVectorization(ragged=True)


def test_configs_of_lookups_are_those_of_keras():
    layer = StringLookup(vocabulary=["a", "b"])
    config = layer.get_config()
    assert (config["vocabulary_size"], config["oov_method"]) == (3, "floormod")
    assert StringLookup.from_config(config).get_config() == config
    assert IntegerLookup().get_config()["vocabulary_size"] is None
    assert Hashing(4, salt=5).get_config()["salt"] == [5, 5]
    farm = IntegerLookup(vocabulary=[1], salt=5, oov_method="farmhash")
    assert farm.get_config()["salt"] == [5, 5]
    assert HashedCrossing(5, "one_hot").compute_output_shape([(2, 1), (2, 1)]) == (2, 5)


def test_moments_of_unequal_shapes_are_refused():
    with pytest.raises(ConfigError, match="of one shape"):
        Normalization(mean=[1.0, 2.0], variance=[1.0])
    with pytest.raises(ConfigError, match="along its axis"):
        Normalization(mean=[[1.0, 2.0]], variance=[[1.0, 2.0]])


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
def test_encodings_by_lookups_are_integers(mode):
    for layer, tokens in (
        (StringLookup(vocabulary=WORDS, output_mode=mode), [["a"], ["q"]]),
        (IntegerLookup(vocabulary=[3, 4, 5], output_mode=mode), [[3], [9]]),
    ):
        assert layer(tokens).dtype == np.int64 and layer(tokens).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]
        model = Sequential([Input((1,), dtype="string" if layer.token_type is str else "int64"), layer])
        assert model.predict(np.array(tokens), verbose=0).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]
        assert model.output.dtype == model.predict(np.array(tokens), verbose=0).dtype == np.int64
        model.add(Dense(1))
        assert model.predict(np.array(tokens), verbose=0).dtype == np.float32
    texts = TextVectorization(vocabulary=WORDS, output_mode="count")
    assert texts(["a a"]).dtype == np.int64
    weighted = StringLookup(vocabulary=WORDS, output_mode="tf_idf", idf_weights=[0.5, 1.0, 2.0])
    assert weighted([["a"]]).dtype == np.float32


@pytest.mark.parametrize(
    ("layer", "dtype"),
    [
        (StringLookup(vocabulary=WORDS, dtype="float16"), "string"),
        (TextVectorization(vocabulary=WORDS, dtype="string"), "string"),
        (IntegerLookup(vocabulary=[3], dtype="int32"), "int64"),
        (Hashing(3), "int64"),
        (Hashing(3, dtype="int32"), "int32"),
        (Hashing(3, output_mode="count"), "float32"),
        (HashedCrossing(3), "int64"),
    ],
)
def test_the_type_of_a_layer_of_categories_is_that_of_keras(layer, dtype):
    assert layer.dtype == layer.compute_dtype == layer.variable_dtype == dtype
    twin = type(layer).from_config(layer.get_config())
    assert twin.dtype == dtype and twin.get_config() == layer.get_config()


def test_the_state_of_a_normalization_has_the_names_of_keras():
    x = np.array([[1.0, 2.0], [3.0, 6.0]])
    for axis, axes in ((-1, (-1,)), (None, ()), ((), ()), ([1], (1,)), (np.int64(1), (1,))):
        layer = Normalization(axis=axis)
        assert layer.axis == axes and Normalization.from_config(layer.get_config()).axis == axes
    assert repr(Normalization()) == "Normalization()" and repr(Normalization(axis=1)) == "Normalization(axis=1)"
    with pytest.raises(ConfigError, match=r"Normalization\.axis: expected an integer, got 1\.5"):
        Normalization(axis=1.5)
    layer = Normalization()
    layer.adapt(x)
    assert layer.adapt_mean.numpy().tolist() == [2, 4] and layer.adapt_variance.numpy().tolist() == [1, 4]
    layer.adapt_mean.assign([1.0, 2.0])
    layer.finalize_state()
    np.testing.assert_allclose(layer(x), (x - [1, 2]) / [1, 2])
    assert layer.mean.tolist() == [[1, 2]]


def test_a_normalization_has_the_weights_of_keras():
    x = np.arange(24.0, dtype=np.float32).reshape(4, 2, 3)
    for axis, lengths in ((-1, (3,)), (1, (2,)), ((1, 2), (2, 3)), (None, ())):
        layer = Normalization(axis=axis)
        layer.adapt(x)
        assert [(weight.name, weight.shape) for weight in layer.weights] == [
            ("mean", lengths),
            ("variance", lengths),
            ("count", ()),
        ]
        assert layer.count.dtype == np.int32 and layer.count.numpy() == 0 and not layer.trainable_weights
        assert layer.mean.ndim == 3 and layer.mean.size == np.prod(lengths)
        assert np.allclose(layer(x).mean(), 0, atol=1e-6)
        layer.set_weights(layer.get_weights())
    assert Normalization(mean=1.0, variance=2.0)(x).shape == x.shape


def test_files_with_normalizations_without_a_count_are_read(tmp_path):
    x = np.arange(24.0, dtype=np.float32).reshape(4, 2, 3) ** 2
    model = Sequential([Input((2, 3)), Normalization(axis=1), Dense(2), Normalization()])
    model.adapt(x)
    header, arrays = model_state(model)
    kept = [name for name in arrays if not name.endswith(".count")]
    older = {f"weights/{number}.{name.partition('.')[2]}": arrays[name] for number, name in enumerate(kept)}
    older |= {name: older[name].reshape(2, 1) for name in ("weights/0.mean", "weights/1.variance")}
    older |= {name: older[name].reshape(1, 2) for name in ("weights/4.mean", "weights/5.variance")}
    saving.write(tmp_path / "model.safetensors", header, older)
    assert np.array_equal(load_model(tmp_path / "model.safetensors").predict(x, verbose=0), model.predict(x, verbose=0))
    del older["weights/5.variance"]
    saving.write(tmp_path / "model.safetensors", header, older)
    with pytest.raises(ModelFileError, match="missing"):
        load_model(tmp_path / "model.safetensors")


def test_states_of_lookups_are_counted_in_parts():
    layer = StringLookup(output_mode="tf_idf")
    whole = StringLookup(output_mode="tf_idf")
    whole.adapt([["b", "a"], ["b", "c"], ["c", "c"]])
    layer.update_state([["b", "a"]])
    layer.update_state([["b", "c"], ["c", "c"]])
    layer.finalize_state()
    assert layer.get_vocabulary() == whole.get_vocabulary() == ["[UNK]", "c", "b", "a"]
    assert layer.idf_weights == whole.idf_weights
    layer.reset_state()
    assert layer.get_vocabulary() == whole.get_vocabulary()  # which stays
    layer.update_state([["d", "e"]])
    layer.finalize_state()
    assert layer.get_vocabulary() == ["[UNK]", "e", "d"]


def test_bins_of_data_in_parts_are_those_of_keras():
    layer = Discretization(num_bins=4)
    layer.update_state(np.arange(4.0))
    layer.update_state(np.arange(4.0, 8.0))
    assert layer.bin_boundaries is None and layer.summary.shape == (2, 8)
    layer.finalize_state()
    assert layer.bin_boundaries == [1.0, 3.0, 5.0]


def test_bins_of_more_data_than_quantiles_are_those_of_keras():
    layer = Discretization(num_bins=4, epsilon=0.1)
    layer.adapt([1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 0.0, 2.0, 6.0, 3.0, 7.0, 6.0])
    np.testing.assert_allclose(layer.bin_boundaries, [1.7, 3.0, 5.7])


def test_symbols_of_strings_are_taken():
    words, text = KerasTensor((None, 2), dtype="string"), KerasTensor((None, 1), dtype="string")
    assert StringLookup(vocabulary=WORDS).compute_output_spec(words).shape == (None, 2)
    assert Hashing(3)(words).dtype == "int64"
    assert TextVectorization(vocabulary=WORDS, output_sequence_length=3)(text).shape == (None, 3)


def test_arguments_without_a_meaning_are_refused():
    with pytest.raises(ConfigError, match=r"CategoryEncoding.num_tokens: needs the number of tokens"):
        CategoryEncoding()
    with pytest.raises(ConfigError, match=r"IntegerLookup.salt: is of oov_method"):
        IntegerLookup(vocabulary=[1, 2], salt=3)


@pytest.mark.parametrize("shape", [(1,), ()])
def test_a_crossing_takes_features_in_graphs(shape, tmp_path):
    words, numbers = np.array(["A", "B", "A"]).reshape(3, *shape), np.array([101, 101, 102]).reshape(3, *shape)
    layer = HashedCrossing(10, output_mode="one_hot")
    inputs = Input(shape, dtype="string"), Input(shape, dtype="int64")
    model = Model(inputs, layer(inputs))
    expected = HashedCrossing(10)([["A", 101], ["B", 101], ["A", 102]])
    assert model.predict([words, numbers], verbose=0).argmax(axis=-1).tolist() == expected.tolist()
    assert layer([["A", 101], ["B", 101]]).argmax(axis=-1).tolist() == expected[:2].tolist()  # rows of features too
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors").predict([words, numbers], verbose=0)
    assert again.argmax(axis=-1).tolist() == expected.tolist()


@pytest.mark.parametrize("several_first", [True, False])
def test_a_crossing_takes_features_apart_and_side_by_side_in_one_graph(several_first):
    sides = np.array([[1, 4], [2, 5], [3, 6]])
    apart = [sides[:, :1], sides[:, 1:]]
    layer, expected = HashedCrossing(64), HashedCrossing(64)(sides)
    layer(apart if several_first else sides)
    first, second, both = (Input((width,), dtype="int64") for width in (1, 1, 2))
    model = Model([first, second, both], [layer([first, second]), layer(both)])
    of_apart, of_sides = model.predict([*apart, sides], verbose=0)
    np.testing.assert_array_equal(of_apart[:, 0], expected)
    np.testing.assert_array_equal(of_sides, expected)


def test_a_normalization_takes_a_single_example():
    layer = Normalization()
    layer.adapt(np.array([[1.0, 2.0], [3.0, 6.0]]))
    assert layer(np.array([3.0, 6.0])).tolist() == [[1.0, 1.0]]
    with pytest.raises(ShapeError):
        layer(np.ones((2, 3)))


def test_a_crossing_in_use_refuses_features_that_do_not_fit():
    layer = HashedCrossing(5)
    layer((["A", "B"], [1, 2]))
    for features in ((["A", "B"], [[1], [2]]), (["A", "B"],), [["A"], ["B"]]):
        with pytest.raises(ShapeError, match="needs two or more features"):
            layer(features)


def test_bins_of_no_data_are_refused():
    layer = Discretization(num_bins=2)
    with pytest.raises(DataError, match="finalize_state needs data"):
        layer.finalize_state()
    assert not layer.adapted


def test_a_normalization_that_was_pickled_without_a_count_is_still_read():
    x = np.arange(24.0).reshape(4, 2, 3)
    layer, earlier = Normalization(), Normalization.__new__(Normalization)
    layer.adapt(x)
    state = layer.__getstate__()
    earlier.__setstate__({name: value for name, value in state.items() if name not in ("count", "_aligned")})
    np.testing.assert_array_equal(earlier(x), layer(x))


@pytest.mark.parametrize("kind", ["int32", "uint8"])
def test_layers_of_a_type_of_integers(kind):
    numbers = np.array([[1, 2, 3], [4, 6, 8]])
    bins = Discretization(bin_boundaries=[2, 4.5], dtype=kind)  # 4.5 is no integer, and stays 4.5
    assert bins(numbers).tolist() == [[0, 1, 1], [1, 2, 2]]
    assert bins(numbers).dtype == np.int32
    for layer in (Discretization([2, 4.5], output_mode="one_hot", dtype=kind), CategoryEncoding(9, dtype=kind)):
        assert layer(numbers).dtype == kind
    scaled = Normalization(mean=[1, 2, 3], variance=[1, 4, 9], dtype=kind)(numbers)
    assert scaled.dtype == np.float32
    assert np.allclose(scaled, [[0, 0, 0], [3, 2, 5 / 3]])


def test_a_normalization_of_integers_computes_in_the_default_type(double_precision):
    assert Normalization(mean=1, variance=4, dtype="int32")(np.array([[1, 3]])).dtype == np.float64


def test_bytes_are_text_in_utf_8():
    lookup = StringLookup(vocabulary=["ä", "b"])
    assert lookup(["ä".encode(), b"b"]).tolist() == [1, 2]
    assert lookup(np.array([b"b", b"c"])).tolist() == [2, 0]
    assert lookup(list(np.array([b"b", b"c"]))).tolist() == [2, 0]  # of np.bytes_
    assert TextVectorization(vocabulary=["a"])([b"A a"]).tolist() == [[2, 2]]


def test_empty_inputs_of_lookups():
    assert TextVectorization(vocabulary=["a"])([]).shape == (0, 1)
    assert IntegerLookup(vocabulary=[10, 20], output_mode="multi_hot")([]).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (IntegerLookup(vocabulary=[10]), ["a"]),
        (IntegerLookup(vocabulary=[10]), [1.5]),
        (TextVectorization(vocabulary=["a"]), [1, 2]),
    ],
    ids=str,
)
def test_inputs_of_a_wrong_type_are_type_errors_too(layer, inputs):
    with pytest.raises(TypeError) as error:
        layer(inputs)
    assert isinstance(error.value, DataError)


def test_lookups_need_no_shape_to_be_built_from():
    layer = StringLookup(vocabulary=WORDS)
    layer(["a"])
    assert layer.get_build_config() == {}
    assert TextVectorization(vocabulary=WORDS).get_build_config() is None


def test_types_and_shapes_that_hashing_refuses():
    with pytest.raises(ConfigError, match=r"Hashing\.dtype: must be int32 or int64, got float32"):
        Hashing(4, dtype="float32")
    with pytest.raises(ShapeError, match=r"\(batch, 1\)"):
        HashedCrossing(4)((batch(["a", "b"]), batch([1, 2])))


def test_an_unknown_oov_method_of_strings_is_refused():
    assert StringLookup(vocabulary=["a"], oov_method="farmhash")(["a", "b"]).tolist() == [1, 0]
    with pytest.raises(ValueError, match="oov_method"):
        StringLookup(vocabulary=["a"], oov_method="sha")
