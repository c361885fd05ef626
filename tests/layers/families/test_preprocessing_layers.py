"""Lookups, hashing, bins and texts: the results that Keras documents, models that begin with strings, refusals."""

import subprocess
import sys

import numpy as np
import pytest
from bounds import quickest

from nnlite import saving
from nnlite.errors import ConfigError, DataError, ModelFileError, NotReadyError, ShapeError
from nnlite.features import FeatureSpace
from nnlite.jacobians import Jacobians
from nnlite.layers import (
    Cast,
    CategoryEncoding,
    Dense,
    Discretization,
    Embedding,
    Flatten,
    HashedCrossing,
    Hashing,
    Input,
    IntegerLookup,
    Layer,
    Normalization,
    Rescaling,
    StringLookup,
    TextVectorization,
)
from nnlite.models import Sequential, load_model
from nnlite.registry import register_function

LETTERS = ["a", "b", "c", "d"]
NUMBERS = [12, 36, 1138, 42]
FEW, MORE = [["a", "c", "d"], ["d", "z", "b"]], [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
WHOLE, MORE_WHOLE = [[12, 1138, 42], [42, 1000, 36]], [[12, 1138, 42, 42], [42, 7, 36, 7]]
EYE = np.roll(np.eye(5), 1, axis=1)
IDF = [0.25, 0.75, 0.6, 0.4]
MODES = {
    "multi_hot": [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]],
    "count": [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]],
    "tf_idf": [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]],
}


def same(found, expected, dtype=None):
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.shape == np.shape(expected)
    assert found.dtype == (dtype or ("int64" if np.asarray(expected).dtype.kind == "i" else "float32"))


# ---------------------------------------------------------------- what Keras documents


@pytest.mark.parametrize(
    ("kind", "vocabulary", "few", "more", "unknown"),
    [(StringLookup, LETTERS, FEW, MORE, "[UNK]"), (IntegerLookup, NUMBERS, WHOLE, MORE_WHOLE, -1)],
    ids=["strings", "integers"],
)
class TestLookup:
    def test_known_vocabulary(self, kind, vocabulary, few, more, unknown):
        layer = kind(vocabulary=vocabulary)
        same(layer(few), [[1, 3, 4], [4, 0, 2]])
        assert layer.get_vocabulary() == [unknown, *vocabulary]
        assert layer.get_vocabulary(include_special_tokens=False) == vocabulary
        assert layer.vocabulary_size() == 5

    def test_encodings(self, kind, vocabulary, few, more, unknown):
        alone = np.array([*vocabulary, "z" if kind is StringLookup else 7])
        for column in (alone, alone[:, None]):
            same(kind(vocabulary=vocabulary, output_mode="one_hot")(column), EYE, "int64")
        same(kind(vocabulary=vocabulary, output_mode="one_hot")(few)[1], EYE[[3, 4, 1]], "int64")
        for mode, expected in MODES.items():
            weights = IDF if mode == "tf_idf" else None
            layer = kind(vocabulary=vocabulary, output_mode=mode, idf_weights=weights)
            same(layer(more), expected, "float32" if mode == "tf_idf" else "int64")
            assert layer.output_shape == (None, 5)

    def test_weights_of_special_tokens(self, kind, vocabulary, few, more, unknown):
        layer = kind(output_mode="tf_idf")
        layer.set_vocabulary([unknown, *vocabulary], idf_weights=[0.9, *IDF])
        same(layer(more), [[0, 0.25, 0, 0.6, 0.8], [1.8, 0, 0.75, 0, 0.4]], "float32")
        twin = Layer.get(layer.to_spec())
        same(twin(more), layer(more))

    def test_inverse(self, kind, vocabulary, few, more, unknown):
        forth, back = kind(vocabulary=vocabulary), kind(vocabulary=[unknown, *vocabulary], invert=True)
        expected = np.array(few, dtype=object)
        expected[1, 1] = unknown
        assert back(forth(few)).tolist() == expected.tolist()
        assert back(np.array([[9, -3, 0]])).tolist() == [[unknown] * 3]

    def test_mask_token_has_index_0_or_is_left_out(self, kind, vocabulary, few, more, unknown):
        masked, tokens = vocabulary[3], vocabulary[:3]
        layer = kind(vocabulary=tokens, mask_token=masked)
        same(layer(few), [[2, 4, 0], [0, 1, 3]])
        assert layer.get_vocabulary() == [masked, unknown, *tokens]
        counts = kind(vocabulary=tokens, mask_token=masked, output_mode="count")
        same(counts(more), [[0, 1, 0, 1], [2, 0, 1, 0]], "int64")
        assert counts.get_vocabulary() == [unknown, *tokens]
        hot = kind(vocabulary=tokens, mask_token=masked, output_mode="one_hot")
        assert not hot([masked]).any()

    def test_padding_to_max_tokens(self, kind, vocabulary, few, more, unknown):
        options = {"output_mode": "tf_idf", "idf_weights": IDF, "max_tokens": 7, "pad_to_max_tokens": True}
        layer = kind(vocabulary=vocabulary, **options)
        same(layer(more), np.pad(MODES["tf_idf"], ((0, 0), (0, 2))), "float32")

    def test_without_place_for_unknown_ones_they_are_refused(self, kind, vocabulary, few, more, unknown):
        layer = kind(vocabulary=vocabulary, num_oov_indices=0, name="kind")
        same(layer(few[:1]), [[0, 2, 3]])
        offender = few[1][1]
        with pytest.raises(DataError, match=rf"layer 'kind' \({kind.__name__}\) got {offender!r}, .* 4 tokens"):
            layer(few)

    def test_refusals_of_vocabularies(self, kind, vocabulary, few, more, unknown):
        first = vocabulary[0]
        for options, message in [
            ({"vocabulary": [*vocabulary, first]}, f"{first!r} occurs more than once"),
            ({"vocabulary": []}, "at least one token"),
            ({"vocabulary": vocabulary, "max_tokens": 4}, "max_tokens=4, got 5"),
            ({"vocabulary": vocabulary, "mask_token": first}, f"{first!r} as a special token"),
            ({"vocabulary": [*vocabulary, unknown], "invert": True}, f"{unknown!r} as a special token"),
            ({"vocabulary": vocabulary, "output_mode": "tf_idf"}, "idf_weights"),
            ({"vocabulary": vocabulary, "idf_weights": IDF}, "idf_weights"),
            ({"idf_weights": IDF, "output_mode": "tf_idf"}, "vocabulary"),
            ({"vocabulary": vocabulary, "output_mode": "tf_idf", "idf_weights": IDF[:2]}, "got 2 for 4"),
            ({"output_mode": "count", "invert": True}, 'output_mode="int" for invert'),
            ({"pad_to_max_tokens": True}, "max_tokens"),
            ({"max_tokens": 1}, "max_tokens"),
            ({"max_tokens": 2, "num_oov_indices": 2}, "max_tokens above its 2 special ones"),
            ({"vocabulary": "words.txt"}, "words.txt is none"),
        ]:
            with pytest.raises(ConfigError) as caught:
                kind(**options)
            assert kind.__name__ in str(caught.value)
            assert message in str(caught.value)

    def test_not_adapted(self, kind, vocabulary, few, more, unknown):
        for mode in ("int", "multi_hot"):
            with pytest.raises(NotReadyError, match=rf"'kind' \({kind.__name__}\) has no vocabulary yet.*adapt"):
                kind(name="kind", output_mode=mode)(few)

    def test_vocabulary_from_a_file(self, kind, vocabulary, few, more, unknown, tmp_path):
        path = tmp_path / "tokens.txt"
        path.write_text("\n".join(map(str, vocabulary)) + "\n")
        layer = kind()
        layer.set_vocabulary(str(path))
        same(layer(few), [[1, 3, 4], [4, 0, 2]])
        with pytest.raises(ConfigError, match="one token per line"):
            layer.set_vocabulary(str(tmp_path / "missing.txt"))


def test_adapt_orders_by_frequency_then_backwards():
    strings, numbers = StringLookup(), IntegerLookup()
    strings.adapt(FEW), numbers.adapt(WHOLE)
    assert strings.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert numbers.get_vocabulary() == [-1, 42, 1138, 1000, 36, 12]
    same(strings(FEW), [[5, 3, 1], [1, 2, 4]])
    same(numbers(WHOLE), [[5, 2, 1], [1, 3, 4]])


def test_adapt_keeps_the_most_frequent_and_knows_special_tokens():
    layer = StringLookup(max_tokens=4, mask_token="")
    layer.adapt([["a", "b", "b"], ["", "[UNK]", "c"], ["c", "c", ""], ["[UNK]"] * 3])
    assert layer.get_vocabulary() == ["", "[UNK]", "c", "b"]
    layer.adapt(np.array(["x", "y", "x"]))  # a new vocabulary in place of the old one
    assert layer.get_vocabulary() == ["", "[UNK]", "x", "y"]


def test_a_new_vocabulary_changes_the_width():
    layer = StringLookup(vocabulary=["a"], output_mode="count")
    same(layer([["a"], ["b"]]), [[0, 1], [1, 0]], "int64")
    layer.adapt(["a", "b"])
    same(layer([["a"], ["b"]]), [[0, 0, 1], [0, 1, 0]], "int64")
    assert layer.output_shape == (None, 3)


def test_adapt_finds_weights_of_documents():
    layer = StringLookup(output_mode="tf_idf")
    layer.adapt([["a", "a", "b"], ["a", "c", "c"], ["d", "d", "d"]])
    assert layer.vocabulary == ["d", "a", "c", "b"]
    documents = np.array([1, 2, 1, 1])
    np.testing.assert_allclose(layer.idf_weights, np.log(1 + 3 / (1 + documents)))
    with pytest.raises(DataError, match="adapt found no token in 2 examples"):
        StringLookup(mask_token="a").adapt(["a", "a"])


def test_several_places_for_unknown_tokens():
    same(IntegerLookup(vocabulary=NUMBERS, num_oov_indices=2)([[12, 1138, 42], [37, 1000, 36]]), [[2, 4, 5], [1, 0, 3]])
    layer = StringLookup(vocabulary=LETTERS, num_oov_indices=3, mask_token="")
    found = layer([[*LETTERS, ""], [f"other {number}" for number in range(5)]])
    same(found[0], [4, 5, 6, 7, 0])
    assert set(StringLookup(vocabulary=["a"], num_oov_indices=3)([str(n) for n in range(40)]).tolist()) == {0, 1, 2}
    same(found, layer([[*LETTERS, ""], [f"other {number}" for number in range(5)]]))


def test_category_encoding():
    same(CategoryEncoding(4, output_mode="one_hot")([3, 2, 0, 1]), np.eye(4)[[3, 2, 0, 1]], "float32")
    pairs = [[0, 1], [0, 0], [1, 2], [3, 1]]
    expected = [[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1]]
    same(CategoryEncoding(num_tokens=4)(pairs), expected, "float32")
    expected[1][0] = 2
    same(CategoryEncoding(4, "count")(pairs), expected, "float32")
    for wrong in ([4], [-1], [0.5]):
        with pytest.raises(DataError, match=r"'c' \(CategoryEncoding\)"):
            CategoryEncoding(4, name="c")(wrong)


def test_discretization():
    values = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])
    same(Discretization(bin_boundaries=[0.0, 1.0, 2.0])(values), [[0, 2, 3, 1], [1, 3, 2, 1]], "int32")
    layer = Discretization(num_bins=4, epsilon=0.01)
    layer.adapt(values)
    same(layer(values), [[0, 2, 3, 2], [1, 3, 3, 1]], "int32")
    assert layer.bin_boundaries == [0.0, 0.5, 1.3]
    assert Layer.get(layer.to_spec()).bin_boundaries == layer.bin_boundaries


@pytest.mark.parametrize(
    ("bins", "epsilon", "boundaries"),
    [(4, 0.01, [3783, 15377, 34783]), (3, 0.05, [6273, 25313]), (4, 0.3, [5476, 22201]), (3, 0.001, [6779, 27445.667])],
)
def test_epsilon_decides_how_exact_boundaries_are(bins, epsilon, boundaries):
    layer = Discretization(num_bins=bins, epsilon=epsilon)
    layer.adapt(np.arange(250.0) ** 2)
    np.testing.assert_allclose(layer.bin_boundaries, boundaries, rtol=1e-4)


def test_new_boundaries_change_the_width():
    layer = Discretization(num_bins=3, output_mode="count")
    layer.adapt([0.0, 1.0])
    same(layer([[0.0], [1.0]]), [[0, 1], [0, 1]], "float32")
    layer.adapt(np.arange(9.0))
    assert layer([[0.0]]).shape == (1, 3)
    assert layer.output_shape == (None, 3)


def test_discretization_makes_bins_of_equal_size():
    values = np.random.default_rng(0).normal(size=10_000)
    for bins in (2, 7, 49):
        layer = Discretization(num_bins=bins, epsilon=0.001)
        layer.adapt(values)
        sizes = np.bincount(layer(values), minlength=bins)
        assert len(sizes) == bins == layer.depth
        assert np.abs(sizes / len(values) - 1 / bins).max() < 0.005
    constant = Discretization(num_bins=3)
    constant.adapt(np.ones(50))
    same(constant([0.0, 1.0, 2.0]), [0, 2, 2], "int32")


def test_a_boundary_that_is_in_the_data_belongs_to_the_upper_bin_in_float32_too():
    same(Discretization([0.1, 0.3, 0.7])([0.1, 0.3, 0.7]), [1, 2, 3], "int32")


def test_refusals_of_discretization():
    for options, message in [
        ({}, "needs bin_boundaries, or num_bins"),
        ({"bin_boundaries": [0.0, 1.0], "num_bins": 2}, "not both"),
        ({"bin_boundaries": [1.0, 0.0]}, "must rise"),
        ({"num_bins": 3, "epsilon": 0.0}, "epsilon"),
    ]:
        with pytest.raises(ConfigError, match=message):
            Discretization(**options)
    with pytest.raises(NotReadyError, match=r"'d' \(Discretization\) has no bin boundaries.*adapt"):
        Discretization(num_bins=3, name="d")([1.0])
    with pytest.raises(ConfigError, match="num_bins in their place"):
        Discretization([0.0]).adapt([1.0])
    for data in ([], [np.nan, 1.0], ["a"]):
        with pytest.raises(DataError, match="adapt"):
            Discretization(num_bins=3).adapt(data)


# ---------------------------------------------------------------- hashing


# Texts of 0 to 199 bytes, and what Keras 3 gives for them with TensorFlow 2.21.
HASHED = [
    ("Zürich, " * 30).encode()[:size].decode(errors="ignore")
    for size in (0, 1, 3, 4, 7, 8, 16, 17, 32, 33, 65, 128, 200)
]
KERAS_HASHES = {
    "FarmHash64": [254201053263, 77971048282, 220414055540, 676792232251, 387958240443, 466255508395, 522410336090,
                   846230773688, 263607885742, 754998128294, 705937688098, 562203351816, 381813656028],
    "SipHash64": [272418671437, 431076492218, 424223369700, 302197643837, 913287662518, 175022491764, 211973997696,
                  698033652115, 163810913023, 663214105693, 248581867979, 291846579742, 390253762997],
}  # fmt: skip


def test_hashes_are_those_of_keras():
    """These bins are in people's trained models."""
    assert Hashing(2**40)(HASHED).tolist() == KERAS_HASHES["FarmHash64"]
    assert Hashing(2**40, salt=(133, 7))(HASHED).tolist() == KERAS_HASHES["SipHash64"]
    words = [["A"], ["B"], ["C"], ["D"], ["E"]]
    assert Hashing(num_bins=1000)(words).ravel().tolist() == [564, 528, 7, 295, 12]
    assert Hashing(num_bins=1000, salt=133)(words).ravel().tolist() == [819, 238, 862, 793, 742]
    lookup = StringLookup(vocabulary=["a"], num_oov_indices=50)
    assert lookup(words).ravel().tolist() == [14, 28, 7, 45, 12]


def test_crossings_are_those_of_keras():
    texts, numbers = ["", "Z", "Zü", "Züri"], [-30, -23, -16, -9]
    expected = [221790290788, 715910271754, 137659531578]
    assert HashedCrossing(2**40)((texts, numbers)).tolist()[:3] == expected
    assert HashedCrossing(2**40)([list(row) for row in zip(texts, numbers, strict=True)]).tolist()[:3] == expected


@pytest.mark.parametrize(
    "layer",
    [Hashing(9), HashedCrossing(9), StringLookup(vocabulary=["a"], num_oov_indices=12),
     IntegerLookup(vocabulary=[1], num_oov_indices=2, oov_method="farmhash")],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_files_whose_bins_were_others_are_refused(tmp_path, layer):
    width = 2 if isinstance(layer, HashedCrossing) else 1
    kind = "int64" if isinstance(layer, IntegerLookup) else "string"
    Sequential([Input((width,), dtype=kind), layer], seed=0).save(tmp_path / "m.safetensors")
    header, arrays = saving.read(tmp_path / "m.safetensors")
    saving.write(tmp_path / "old.safetensors", {**header, "format": 1}, arrays)
    with pytest.raises(ModelFileError, match=r"nnlite 0\.1 wrote it, which hashed categories by BLAKE2"):
        load_model(tmp_path / "old.safetensors")


def test_older_files_without_hashes_are_read(tmp_path):
    lookup = StringLookup(vocabulary=["a", "b"])
    Sequential([Input((1,), dtype="string"), lookup], seed=0).save(tmp_path / "m.safetensors")
    header, arrays = saving.read(tmp_path / "m.safetensors")
    saving.write(tmp_path / "old.safetensors", {**header, "format": 1}, arrays)
    assert load_model(tmp_path / "old.safetensors").predict([["b"], ["c"]], verbose=0).tolist() == [[2], [0]]


def test_hashing_is_the_same_in_another_process():
    code = "from nnlite.layers import Hashing; print(Hashing(10**6)(['x', 'y', 'ü']).tolist())"
    found = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout for _ in range(2)}
    assert found == {f"{Hashing(10**6)(['x', 'y', 'ü']).tolist()}\n"}


def test_hashing_fills_all_bins_evenly_and_salt_changes_them():
    words = [f"word {number}" for number in range(20_000)]
    plain, salted, other = (Hashing(10, salt=salt)(words) for salt in (None, 133, (133, 134)))
    for bins in (plain, salted, other):
        assert np.abs(np.bincount(bins, minlength=10) - 2000).max() < 200
    assert 0.05 < (plain == salted).mean() < 0.15
    assert 0.05 < (salted == other).mean() < 0.15
    same(salted, Hashing(10, salt=(133, 133))(words))


def test_hashing_takes_numbers_and_a_mask():
    same(Hashing(50)(np.arange(20)), Hashing(50)([str(number) for number in range(20)]))
    same(Hashing(50)(np.arange(20)), Hashing(50)(list(range(20))))
    for mask, values in ((7, np.arange(20)), ("7", list(map(str, range(20))))):
        masked = Hashing(5, mask_value=mask)(values)
        assert [place for place, found in enumerate(masked) if found == 0] == [7]
        rest = np.delete(masked, 7)
        same(rest, 1 + Hashing(4)(np.delete(np.asarray(values), 7)))
    for wrong, found in (([0.5], "0.5 in row 0"), (np.array([1.0]), "an array of float64")):
        with pytest.raises(DataError, match=rf"'h' \(Hashing\) needs strings or integers, got {found}"):
            Hashing(5, name="h")(wrong)


def test_hashed_crossing_of_columns():
    first, second = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])
    layer = HashedCrossing(num_bins=1000, name="cross")
    found = layer((first, second))
    assert found.shape == (5,)
    assert found[0] == found[2]
    assert len(set(found.tolist())) == 4
    assert not (found == layer((second, first))).all()
    same(HashedCrossing(1000)((first[:, None], second[:, None])), found[:, None])
    hot = HashedCrossing(7, "one_hot")((first[:, None], second[:, None]))
    same(hot, np.eye(7)[HashedCrossing(7)((first, second))], "float32")
    with pytest.raises(ShapeError, match=r"'cross' .*one number of examples, got 5 and 4"):
        layer((first, second[:4]))
    with pytest.raises(ShapeError, match="two or more features"):
        HashedCrossing(3)(["a", "b"])


def test_the_time_grows_with_the_number_of_strings_not_with_its_square():
    def seconds(count):
        words = np.array([f"word {number % (count // 2)}" for number in range(count)], dtype=object)
        lookup, texts = StringLookup(), TextVectorization(output_sequence_length=2)

        def call():
            Hashing(1000)(words)
            lookup.adapt(words), lookup(words)
            texts.adapt(words), texts(words)

        return quickest(call)

    few, many = seconds(5000), seconds(50_000)
    assert many < 40 * few  # about 10 times; 100 times, if each were compared with each


# ---------------------------------------------------------------- texts


def test_text_vectorization_as_documented():
    layer = TextVectorization(max_tokens=5000, output_mode="int", output_sequence_length=4)
    layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    same(layer([["foo qux bar"], ["qux baz"]]), [[4, 1, 3, 0], [1, 2, 0, 0]])
    known = TextVectorization(max_tokens=5000, vocabulary=["earth", "wind", "and", "fire"])
    assert known.get_vocabulary() == ["", "[UNK]", "earth", "wind", "and", "fire"]
    assert known.vocabulary_size() == 6
    same(known(["earth, wind", "FIRE!", ""]), [[2, 3], [5, 0], [0, 0]])
    same(known(["", "?"]), [[0], [0]])


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({}, ["the", "cat", "sat", "übrigens"]),
        ({"standardize": None}, ["The", "cat,", "sat!", "Übrigens"]),
        ({"standardize": "lower"}, ["the", "cat,", "sat!", "übrigens"]),
        ({"standardize": "strip_punctuation"}, ["The", "cat", "sat", "Übrigens"]),
        ({"standardize": lambda text: text.replace("cat", "dog")}, ["The", "dog,", "sat!", "Übrigens"]),
        ({"split": None}, ["the cat sat\tübrigens"]),
        ({"split": lambda text: text.split("a")}, ["the c", "t s", "t\tübrigens"]),
        ({"ngrams": 2}, ["the", "cat", "sat", "übrigens", "the cat", "cat sat", "sat übrigens"]),
        ({"ngrams": (3,)}, ["the cat sat", "cat sat übrigens"]),
        ({"ngrams": (9, 1)}, ["the", "cat", "sat", "übrigens"]),
    ],
)
def test_tokens(options, tokens):
    assert TextVectorization(**options).tokens(["The cat, sat!\tÜbrigens"]) == tokens


def shouted(text):
    return text.upper()


def test_a_registered_function_is_saved(tmp_path):
    model = Sequential([TextVectorization(standardize=shouted, output_sequence_length=2)], seed=0)
    model.adapt(["a b", "b"])
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="'shouted'"):
        load_model(tmp_path / "model.safetensors")
    register_function(shouted, name="test_preprocessing_shouted")
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.layers[0].vocabulary == ["B", "A"]
    assert loaded.predict(["a b"], verbose=0).tolist() == [[3, 2]]


def test_characters():
    assert TextVectorization(split="character").tokens(["Ab c."]) == ["a", "b", " ", "c"]


def test_text_modes():
    texts = ["red red blue", "blue green"]
    options = {"vocabulary": ["blue", "red"]}
    same(TextVectorization(output_mode="multi_hot", **options)(texts), [[0, 1, 1], [1, 1, 0]], "int64")
    same(TextVectorization(output_mode="count", **options)(texts), [[0, 1, 2], [1, 1, 0]], "int64")
    weighted = TextVectorization(output_mode="tf_idf", idf_weights=[2.0, 0.5], **options)
    same(weighted(texts), [[0, 2, 1], [1.25, 2, 0]], "float32")
    padded = TextVectorization(5, output_mode="count", pad_to_max_tokens=True, **options)
    same(padded(texts), [[0, 1, 2, 0, 0], [1, 1, 0, 0, 0]], "int64")
    split = TextVectorization(split=None, **options)
    same(split([["Red", "blue!"], ["green", ""]]), [[3, 2], [1, 0]])


def test_refusals_of_texts():
    with pytest.raises(ConfigError, match="output_sequence_length"):
        TextVectorization(output_mode="count", output_sequence_length=3)
    for wrong in ({"standardize": "upper"}, {"split": "words"}, {"ngrams": 0}, {"output_mode": "one_hot"}):
        with pytest.raises(ConfigError, match=f"TextVectorization.{next(iter(wrong))}"):
            TextVectorization(**wrong)
    layer = TextVectorization(name="t")
    for use in (layer, layer.adapt):
        with pytest.raises((ShapeError, NotReadyError), match=r"'t' \(TextVectorization\).* one text per example"):
            use([["a", "b"]])


# ---------------------------------------------------------------- reading strings


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.array([1.0]), r"strings, got an array of float64"),
        ([1, 2], r"strings, got 1 in row 0"),
        (["a", None], r"got None in row 1 \(a missing value"),
        (["a", float("nan")], r"got nan in row 1 \(a missing value"),
        ([["a", "b"], ["c", 3.5]], r"got 3.5 in row 1$"),
        ([["a", "b"], ["c"]], r"got \['a', 'b'\] in row 0"),
        ([b"\xff"], r"got b'\\xff' in row 0"),
    ],
    ids=str,
)
def test_what_is_no_array_of_strings(data, message):
    layer = StringLookup(vocabulary=["a"], name="kind")
    for use in (layer, layer.adapt, Sequential([layer]).predict):
        with pytest.raises(DataError, match=message):
            use(data)
    with pytest.raises(DataError, match=rf"layer 'kind' \(StringLookup\) needs.*{message}"):
        layer(data)


def test_what_is_no_array_of_whole_numbers():
    layer = IntegerLookup(vocabulary=[1], name="kind")
    with pytest.raises(DataError, match=r"layer 'kind' \(IntegerLookup\) needs integers, got 1.5"):
        layer([1.5])
    with pytest.raises(DataError, match=r"layer 'kind' \(IntegerLookup\) needs numbers"):
        layer(["a"])


def test_strings_come_in_many_types():
    pandas = pytest.importorskip("pandas")
    words = ["a", "b", "z"]
    layer = StringLookup(vocabulary=LETTERS)
    for data in (
        words,
        tuple(words),
        np.array(words),
        np.array(words, dtype=object),
        np.array(words, dtype=np.dtypes.StringDType()),
        pandas.Series(words),
        pandas.Series(words, dtype="category"),
    ):
        same(layer(data), [1, 2, 0])
    frame = pandas.DataFrame({"x": words, "y": words})
    same(StringLookup(vocabulary=LETTERS)(frame), [[1, 1], [2, 2], [0, 0]])
    with pytest.raises(DataError, match=r"in row 1 \(a missing value"):
        layer(pandas.Series(["a", None]))
    mixed = pandas.DataFrame({"x": words, "y": [1, 2, 3]})
    same(HashedCrossing(99)(mixed), HashedCrossing(99)((words, [1, 2, 3])))


# ---------------------------------------------------------------- models


def texts_and_labels(rows=200):
    random = np.random.default_rng(5)
    animals, tools = ["cat", "dog", "Bird"], ["saw", "Drill", "nail"]
    labels = random.integers(0, 2, rows)
    texts = [" ".join(random.choice([animals, tools][label], 4)) + "!" for label in labels]
    return texts, labels


@pytest.mark.parametrize("given", [[], [Input(())], [Input((1,))]], ids=["no input", "()", "(1,)"])
@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_a_model_of_texts_learns_and_is_saved(given, mode, tmp_path):
    texts, labels = texts_and_labels()
    texts = np.array(texts, dtype=object).reshape(-1, *(given[0].shape[1:] if given else ()))
    words = {
        "int": [TextVectorization(output_sequence_length=4), Embedding(8, 3), Flatten()],
        "tf_idf": [TextVectorization(output_mode="tf_idf")],
    }
    model = Sequential([*given, *words[mode], Dense(1, activation="sigmoid")], seed=0)
    model.compile({"Adam": {"learning_rate": 0.1}}, "binary_crossentropy", ["accuracy"])
    assert model.built == (mode == "int" and bool(given))
    with pytest.raises(NotReadyError, match=r"'text_vectorization' .* has no vocabulary yet.*model.adapt"):
        model.fit(texts, labels, verbose=0)
    model.adapt(texts)
    model.fit(texts, labels, epochs=5, verbose=0, validation_split=0.1)
    assert model.evaluate(texts, labels, verbose=0)[1] == 1.0
    assert model.evaluate([(texts[:50], labels[:50])], verbose=0)[1] == 1.0
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.layers[0].vocabulary == model.layers[0].vocabulary
    np.testing.assert_array_equal(loaded.predict(texts, verbose=0), model.predict(texts, verbose=0))


def test_the_same_seed_gives_the_same_start_however_late_a_vocabulary_is_known():
    texts, _ = texts_and_labels()
    late = Sequential([TextVectorization(output_mode="count"), Dense(3), Normalization(), Dense(2)], seed=4)
    late.adapt(texts)
    early = Sequential([TextVectorization(**late.layers[0].get_config()), Dense(3), Normalization(), Dense(2)], seed=4)
    early.adapt(texts)
    for one, other in zip(late.weights, early.weights, strict=True):
        np.testing.assert_array_equal(one.value, other.value)


def test_adapt_goes_through_the_model_once_and_leaves_known_layers_alone():
    values = np.linspace(0, 1, 40)[:, None]
    model = Sequential(
        [
            Rescaling(10.0),
            Discretization(num_bins=4),
            IntegerLookup(output_mode="one_hot"),
            Sequential([Normalization(mean=0.0, variance=4.0), Normalization()], seed=1),
            Dense(1),
        ],
        seed=0,
    )
    assert not model.adapted
    model.adapt(values)
    assert model.adapted
    assert model.built
    assert 2.3 < model.layers[1].bin_boundaries[0] < 2.7
    assert sorted(model.layers[2].vocabulary) == [0, 1, 2, 3]
    inner = model.layers[3].layers
    assert inner[0].moments[1].value.tolist() == [4.0] * 5
    np.testing.assert_allclose(inner[1].moments[0].value, np.array([0, 1, 1, 1, 1]) / 8, atol=0.02)
    boundaries = model.layers[1].bin_boundaries
    model.adapt(values + 1)
    assert model.layers[1].bin_boundaries is boundaries


def test_adapt_runs_no_layer_in_vain(monkeypatch):
    model = Sequential([Input((1,)), Normalization(), Dense(1)], seed=0)

    def refused(*arguments, **options):
        raise AssertionError("nobody waits for what comes after this layer")

    for layer in model.layers:
        monkeypatch.setattr(layer, "linearize", refused)
    model.adapt(np.ones((4, 1)))
    assert model.adapted


def test_indices_stay_whole_on_the_way_to_an_embedding():
    """float32 would make 2 ** 24 + 1 an even number."""
    large = 2**24 + 1
    back = StringLookup(vocabulary=["a"], num_oov_indices=0, name="letters")
    model = Sequential([back, IntegerLookup(vocabulary=[0], num_oov_indices=0), Embedding(1, 2)], seed=0)
    assert model.predict(["a", "a"], verbose=0).shape == (2, 2)
    cast, jacobians = Cast(dtype="float32").linearize(np.array([large]))
    assert cast.dtype == np.float32
    assert jacobians[0] is None
    hashing = Hashing(2**26)
    words = [f"w{number}" for number in range(200)]
    odd = [word for word in words if hashing([word])[0] > large and hashing([word])[0] % 2]
    lookup = IntegerLookup(vocabulary=hashing(odd).tolist(), num_oov_indices=0)
    assert Sequential([hashing, lookup], seed=0).predict(odd, verbose=0).tolist() == list(range(len(odd)))


def test_strings_do_not_go_to_a_layer_of_numbers():
    with pytest.raises(ConfigError, match=r"'dense' \(Dense\) needs numbers, .*'string_lookup' .* gives strings"):
        Sequential([Input((2,)), StringLookup(vocabulary=LETTERS, invert=True), Dense(1)])
    model = Sequential([Dense(2), StringLookup(vocabulary=LETTERS)], seed=0)
    with pytest.raises(DataError, match=r"'string_lookup' \(StringLookup\) needs strings, got an array of float32"):
        model.predict(np.ones((3, 2)), verbose=0)


class LengthOfText(Layer):
    """How long each text is."""

    input_kind = "strings"

    def linearize(self, inputs):
        assert inputs.dtype.kind in "UO"
        return np.char.str_len(inputs.astype(str)).astype(self.dtype)[:, None], Jacobians(None)


def test_a_layer_of_ones_own_takes_strings():
    model = Sequential([Input(()), LengthOfText(), Dense(1)], seed=0)
    assert model.built
    assert model.layers[0].output_shape == (None, 1)
    assert LengthOfText()(["ab", ""]).tolist() == [[2.0], [0.0]]
    assert model.predict(["ab", ""], verbose=0).shape == (2, 1)


def test_classes_come_back_as_strings():
    names = StringLookup(vocabulary=LETTERS, invert=True, num_oov_indices=0)
    assert Sequential([names]).predict(np.array([3, 0]), verbose=0).tolist() == ["d", "a"]


# ---------------------------------------------------------------- FeatureSpace


DATA = {
    "age": np.array([20.0, 30.0, 40.0, 50.0]),
    "income": np.array([1.0, 2.0, 3.0, 4.0]),
    "city": np.array(["Rome", "Oslo", "Rome", "Bern"]),
    "rooms": np.array([2, 3, 3, 2]),
    "note": ["warm and small", "small", "large", "warm"],
    "other": [None] * 4,
}


def full_space(**options):
    return FeatureSpace(
        {
            "rooms": "integer_categorical",
            "age": FeatureSpace.float_discretized(num_bins=2),
            "income": "float_normalized",
            "city": FeatureSpace.string_categorical(max_tokens=3),
            "note": FeatureSpace.feature("string", TextVectorization(output_mode="tf_idf"), "float"),
        },
        crosses=[("rooms", "city"), FeatureSpace.cross(("age", "rooms"), crossing_dim=7)],
        crossing_dim=5,
        **options,
    )


def test_feature_space_puts_columns_side_by_side():
    space = full_space()
    with pytest.raises(NotReadyError, match="adapt"):
        space(DATA)
    space.adapt(DATA)
    found = space(DATA)
    apart = full_space(output_mode="dict")
    apart.adapt(DATA)
    parts = apart(DATA)
    assert list(parts) == ["age", "city", "income", "note", "rooms", "age_X_rooms", "rooms_X_city"]
    same(found, np.hstack(list(parts.values())), "float32")
    same(parts["age"], [[1, 0], [0, 1], [0, 1], [0, 1]], "float32")
    same(parts["city"], [[0, 1, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]], "float32")
    np.testing.assert_allclose(parts["income"].ravel(), (DATA["income"] - 2.5) / np.sqrt(1.25), rtol=1e-6)
    same(parts["rooms"], np.eye(3)[[2, 1, 1, 2]], "float32")
    assert parts["note"].shape == (4, 5)
    assert parts["age_X_rooms"].shape == (4, 7)
    assert (parts["rooms_X_city"].sum(axis=1) == 1).all()


def test_every_kind_of_feature_by_name():
    kinds = {
        "age": "float",
        "income": "float_rescaled",
        "rooms": "integer_hashed",
        "city": "string_hashed",
    }
    space = FeatureSpace(kinds, hashing_dim=6)
    same(space(DATA)[:, :1], DATA["age"][:, None], "float32")
    assert space(DATA).shape == (4, 1 + 6 + 1 + 6)
    binned = FeatureSpace({"age": "float_discretized"}, num_discretization_bins=3)
    binned.adapt(DATA)
    assert binned(DATA).shape == (4, 3)
    known = {"age": FeatureSpace.feature("float32", Normalization(mean=20.0, variance=25.0), "float")}
    space = FeatureSpace(known)
    space.adapt(DATA)
    same(space(DATA), [[0], [2], [4], [6]], "float32")
    indices = FeatureSpace({"city": FeatureSpace.string_categorical(output_mode="int")}, output_mode="dict")
    indices.adapt(DATA)
    same(indices(DATA)["city"], [[1], [2], [1], [3]])


def test_feature_space_takes_data_frames_and_is_saved(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(DATA)
    space = full_space(name="flats")
    space.adapt(frame)
    expected = space(DATA)
    same(space(frame), expected)
    space.save(tmp_path / "space.safetensors")
    loaded = FeatureSpace.load(tmp_path / "space.safetensors")
    np.testing.assert_array_equal(loaded(frame), expected)
    assert loaded.get_config() == space.get_config()
    model = Sequential([Input((2,)), Dense(1)])
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="no feature space"):
        FeatureSpace.load(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="no model: its content is 'feature space'"):
        load_model(tmp_path / "space.safetensors")
    saving.write(tmp_path / "headless.safetensors", {"content": "feature space"}, {})
    with pytest.raises(ModelFileError, match="no feature space"):
        FeatureSpace.load(tmp_path / "headless.safetensors")
    with pytest.raises(NotReadyError, match="adapt"):
        full_space().save(tmp_path / "other.safetensors")


def test_refusals_of_feature_spaces():
    for arguments, message in [
        (({},), "at least one feature"),
        (({"a": "numeric"},), "unknown feature 'numeric'"),
        (({"a": "string_hashed"}, "concat", [("a", "b")]), "a cross of 'b', which is not a feature"),
        (({"a": "float"}, "concat", [("a", "a")]), "a cross of 'a', which gives numbers"),
        (({"a": FeatureSpace.integer_hashed(3, output_mode="int")},), "cannot be concatenated"),
        (
            ({"a": {"Feature": {"dtype": "string", "preprocessor": "Normalization", "output_mode": "float"}}},),
            "numbers",
        ),
    ]:
        with pytest.raises(ConfigError, match=message):
            FeatureSpace(*arguments)
    with pytest.raises(ConfigError, match="no indices"):
        FeatureSpace.feature("float32", Rescaling(2.0), "one_hot")
    with pytest.raises(ConfigError, match="gives indices"):
        FeatureSpace.feature("string", TextVectorization(), "float")
    space = full_space()
    for change, message in [
        ({"age": [1.0, np.nan, 2.0, 3.0]}, "feature 'age' holds nan in row 1"),
        ({"city": ["a", None, "b", "c"]}, "feature 'city' needs strings, got None in row 1"),
        ({"rooms": ["a"] * 4}, "feature 'rooms' needs numbers"),
        ({"age": np.ones((4, 2))}, "'age' needs a column"),
    ]:
        with pytest.raises(DataError, match=message):
            space.adapt({**DATA, **change})
    space.adapt(DATA)
    with pytest.raises(DataError, match="no column 'age'"):
        space({name: column for name, column in DATA.items() if name != "age"})
    with pytest.raises(ShapeError, match="'age' has 2"):
        space({**DATA, "age": [1.0, 2.0]})
