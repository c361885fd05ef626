"""Data sources, splits and encoders: one table of sources, one of encoders, one of bad data."""

import gzip
import json
import struct
import tracemalloc
from collections import Counter
from statistics import NormalDist

import numpy as np
import pytest
from registered import registered
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from nnlite.data import (
    Agreement,
    Boolean,
    Classes,
    ColumnEncoder,
    Columns,
    Csv,
    Cyclic,
    Data,
    DataSource,
    Dates,
    Excel,
    GapIndicator,
    HashedLevels,
    HashedText,
    Idx,
    ImageFolder,
    Inline,
    InputEncoder,
    JsonLines,
    Labels,
    Logarithm,
    Npy,
    Npz,
    Numeric,
    OneHot,
    Ordinal,
    Parquet,
    Preprocessing,
    Quantiles,
    Quantities,
    Ranks,
    Raw,
    SeasonalSeries,
    SklearnDataset,
    Split,
    Table,
    TableEncoder,
    TargetEncoder,
    TargetMeans,
    Texts,
    TwoValued,
    read_frame,
    read_idx,
)
from nnlite.errors import ConfigError, DataError, ShapeError

ROWS = 60


def write_csv(path, columns, delimiter=","):
    lines = [delimiter.join(columns), *(delimiter.join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def houses(random):
    """A table with amounts, categories, missing cells and a column that nobody needs."""
    area = random.uniform(20, 200, ROWS).round(1)
    place = random.choice(["coast", "hill", ""], ROWS)
    return {
        "id": range(ROWS),
        "area": ["" if row % 9 == 4 else value for row, value in enumerate(area)],
        "rooms": random.integers(1, 9, ROWS),
        "place": place,
        "price": (3000 * area + 1000 * (place == "coast")).round(2),
        "sold": random.choice(["no", "yes"], ROWS),
    }


def write_idx(path, array, compressed=False):
    codes = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, codes[array.dtype.name], array.ndim, *array.shape)
    content = header + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(content) if compressed else content)


def sklearn_dataset(folder, random):
    write_csv(folder / "new.csv", {f"x{i}": column for i, column in enumerate(load_iris().data.T)})
    return SklearnDataset("iris"), "new.csv"


def csv(folder, random):
    write_csv(folder / "houses.csv", houses(random), delimiter=";")
    return Csv("houses.csv", "sold", categorical=["place"], drop=["id"], delimiter=";"), "houses.csv"


def ordinal(folder, random):
    write_csv(folder / "houses.csv", houses(random))
    return Csv("houses.csv", "sold", ordinal=["place"], drop=["id"]), "houses.csv"


def text(folder, random):
    write_csv(folder / "notes.csv", {"note": [f"good day {row}" for row in range(ROWS)], "t": ["a", "b"] * 30})
    return Csv("notes.csv", "t", text="note"), "notes.csv"


def npz(folder, random):
    np.savez(folder / "arrays.npz", a=random.normal(size=(ROWS, 3, 2)), b=random.integers(2, size=ROWS))
    return Npz("arrays.npz", inputs="a", target="b"), "arrays.npz"


def excel(folder, random):
    openpyxl = pytest.importorskip("openpyxl")
    book, columns = openpyxl.Workbook(), houses(random)
    for row in [list(columns), *zip(*columns.values(), strict=True)]:
        book.active.append([cell.item() if isinstance(cell, np.generic) else cell or None for cell in row])
    book.save(folder / "houses.xlsx")
    return Excel("houses.xlsx", "sold", categorical=["place"], drop=["id"]), "houses.xlsx"


def parquet(folder, random):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = houses(random)
    columns = {**columns, "id": list(columns["id"]), "area": [None if cell == "" else cell for cell in columns["area"]]}
    parquet.write_table(pyarrow.table(columns), folder / "houses.parquet")
    return Parquet("houses.parquet", "sold", categorical=["place"], drop=["id"]), "houses.parquet"


def json_lines(folder, random):
    columns = houses(random)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    lines = [{key: cell for key, cell in row.items() if cell != ""} for row in rows]
    text = "\n".join(json.dumps(line, default=lambda cell: cell.item()) for line in lines)
    (folder / "houses.jsonl").write_text(text, encoding="utf-8")
    return JsonLines("houses.jsonl", "sold", categorical=["place"], drop=["id"]), "houses.jsonl"


def npy(folder, random):
    np.save(folder / "inputs.npy", random.normal(size=(ROWS, 3)))
    np.save(folder / "labels.npy", random.integers(2, size=ROWS))
    return Npy("inputs.npy", "labels.npy"), "inputs.npy"


def idx(folder, random):
    write_idx(folder / "images.gz", random.integers(256, size=(ROWS, 4, 5)).astype(np.uint8), compressed=True)
    write_idx(folder / "labels", random.integers(3, size=ROWS).astype(np.uint8))
    return Idx("images.gz", "labels"), "images.gz"


def image_folder(folder, random):
    image = pytest.importorskip("PIL.Image")
    for label in ("a", "b"):
        (folder / "images" / label).mkdir(parents=True)
        for row in range(ROWS // 2):
            pixels = random.integers(256, size=(6, 5), dtype=np.uint8)
            image.fromarray(pixels).save(folder / "images" / label / f"{row}.png")
    return ImageFolder("images", (4, 5), "grayscale"), "images"


def inline(folder, random):
    inputs = random.normal(size=(ROWS, 2)).round(3)
    write_csv(folder / "new.csv", dict(zip("ab", inputs.T, strict=True)))
    return Inline(inputs.tolist(), (inputs[:, 0] > 0).tolist()), "new.csv"


def agreement(folder, random):
    source = Agreement(ROWS, clauses=1, seed=4)
    (folder / "new.txt").write_text("\n\n".join(source.load("binary").inputs), encoding="utf-8")
    return source, "new.txt"


def series(folder, random):
    source = SeasonalSeries(ROWS, window=5, horizon=2)
    steps = source.load("regression").inputs[..., 0].T
    write_csv(folder / "new.csv", {f"step_{number}": column for number, column in enumerate(steps)})
    return source, "new.csv"


# maker of the source and of a file with the same inputs -> class, shape of one encoded row, its dtype, number of rows,
# what its target is
CASES = {
    sklearn_dataset: (SklearnDataset, (4,), np.float32, 150, "sparse"),
    csv: (Csv, (6,), np.float32, ROWS, "sparse"),
    ordinal: (Csv, (4,), np.float32, ROWS, "sparse"),
    text: (Csv, (), object, ROWS, "sparse"),
    npz: (Npz, (3, 2), np.float32, ROWS, "sparse"),
    npy: (Npy, (3,), np.float32, ROWS, "sparse"),
    excel: (Excel, (6,), np.float32, ROWS, "sparse"),
    parquet: (Parquet, (6,), np.float32, ROWS, "sparse"),
    json_lines: (JsonLines, (6,), np.float32, ROWS, "sparse"),
    idx: (Idx, (4, 5), np.uint8, ROWS, "sparse"),
    image_folder: (ImageFolder, (4, 5, 1), np.float32, ROWS, "sparse"),
    inline: (Inline, (2,), np.float32, ROWS, "sparse"),
    agreement: (Agreement, (), object, ROWS, "sparse"),
    series: (SeasonalSeries, (5, 1), np.float32, ROWS, "regression"),
}


def test_every_source_has_a_case():
    ours = set(registered(DataSource))
    assert {member.__name__ for member, *_ in CASES.values()} == ours


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_source(make, tmp_path):
    source, new_inputs = make(tmp_path, np.random.default_rng(0))
    member, shape, dtype, count, kind = CASES[make]
    assert type(source) is member
    source = source.located(tmp_path)
    assert DataSource.get(json.loads(json.dumps(source.to_spec()))).to_spec() == source.to_spec()

    data = Data(source, Split(validation=0.1, test=0.2, stratify=kind == "sparse"))
    prepared = data.prepare(kind, seed=1)
    sizes = {"training": count - count // 10 - count // 5, "validation": count // 10, "test": count // 5}
    assert {part: len(y) for part, (_, y) in prepared.parts.items()} == sizes
    for x, y in prepared.parts.values():
        assert x.shape == (len(y), *shape)
        assert x.dtype == dtype
        assert dtype is object or np.isfinite(x).all()
        assert y.dtype.kind == ("i" if kind == "sparse" else "f")

    again, other = data.prepare(kind, seed=1), data.prepare(kind, seed=2)
    for part, (x, y) in prepared.parts.items():
        assert np.array_equal(x, again.parts[part][0])
        assert np.array_equal(y, again.parts[part][1])
        assert not np.array_equal(x, other.parts[part][0])

    restored = Preprocessing.get(json.loads(json.dumps(prepared.preprocessing.to_spec())))
    everything = restored.inputs.encode(source.read_inputs(str(tmp_path / new_inputs)))
    assert len(everything) == count
    known = set(map(repr, everything.tolist()))
    assert {repr(row) for x, _ in prepared.parts.values() for row in x.tolist()} == known


DATES = np.array(["1970-01-02T12", "NaT", "1970-04-01"], "M8[h]")
FRAME = read_frame({"n": [1.5, None, 3], "c": ["x", None, "?"], "b": [True, None, False], "d": DATES})
LOWEST, HIGHEST = map(NormalDist().inv_cdf, (1e-7 - np.spacing(1), 1 - (1e-7 - np.spacing(1))))
SPRING = [2 * np.pi * part for part in (0.5, 0.0)], [2 * np.pi * 4 / 7, 2 * np.pi * 2 / 7], [0, np.pi / 2]
TABLE = Table("t.csv", {"n": ["1", "NA", "4", "10"], "c": ["b", "a", "", "b"], "x": ["?"] * 4}, [2, 3, 4, 5])
NOTES = read_frame({"c": ["Two two", "a", None]})
ENCODERS = {
    "numeric": (Numeric("n", fill=4, mean=1, scale=2), TABLE, [[0], [1.5], [1.5], [4.5]]),
    "one hot": (OneHot("c", ["", "b"]), TABLE, [[0, 1], [0, 0], [1, 0], [0, 1]]),
    "ordinal": (Ordinal("c", ["", "b"]), TABLE, [[2], [0], [1], [2]]),
    "one hot of another value": (OneHot("c", ["", "b"], 1.5), TABLE, [[0, 1.5], [0, 0], [1.5, 0], [0, 1.5]]),
    "gap of a number": (GapIndicator("n"), FRAME, [[0], [1], [0]]),
    "gap of a date": (GapIndicator("d", "date"), FRAME, [[0], [1], [0]]),
    "boolean": (Boolean("b"), FRAME, [[1], [0], [-1]]),
    "two values": (TwoValued("c", ["?", "x"]), FRAME, [[1], [0], [-1]]),
    "two values, one unknown": (TwoValued("c", ["w", "x"]), FRAME, [[1], [0], [0]]),
    "dates": (
        Dates("d", 7.5, ["hour", "weekday", "month"]),
        FRAME,
        [
            [1.5, *(function(turns[0]) for turns in SPRING for function in (np.sin, np.cos))],
            [7.5, 0, 0, 0, 0, 0, 0],
            [90, *(function(turns[1]) for turns in SPRING for function in (np.sin, np.cos))],
        ],
    ),
    "cyclic": (
        Cyclic("n", 1, period=8),
        FRAME,
        [[np.sin(2 * np.pi * turn / 8), np.cos(2 * np.pi * turn / 8)] for turn in (1.5, 1, 3)],
    ),
    "logarithm": (Logarithm("n", 1, 2, 1, 0.5), FRAME, [[(np.log1p(size / 2) - 1) / 0.5] for size in (1.5, 1, 3)]),
    "quantiles": (Quantiles("n", 1, [1, 2, 3]), FRAME, [[NormalDist().inv_cdf(0.25)], [LOWEST], [HIGHEST]]),
    "ranks": (Ranks("c", ["x", "?"], 5, 1, 2), FRAME, [[-0.5], [2], [0]]),
    "means of the target": (
        TargetMeans("c", ["?", "x"], [[1, 2], [3, 4]], [5, 6], [0, 0], [1, 2], ["a", "b"]),
        FRAME,
        [[2, 2], [5, 3], [1, 1.5]],
    ),
    "hashed levels": (HashedLevels("c", 2), FRAME, [[0, 1], [0, 0], [-1, 0]]),
    "hashed text": (HashedText("c", 4, 1), NOTES, [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
    "dates without cycles": (Dates("d", 7.5, []), FRAME, [[1.5], [7.5], [90]]),
    "table": (
        TableEncoder(["n", "c", "b", "d"], True, [Numeric("n", 2, 0, 1), GapIndicator("n"), Boolean("b")]),
        FRAME,
        [[1.5, 0, 1], [2, 1, 0], [3, 0, -1]],
    ),
    "texts of a table": (Texts("c"), TABLE, ["b", "a", "", "b"]),
    "texts": (Texts(), np.array(["b c", "a"]), ["b c", "a"]),
    "columns": (
        Columns([OneHot("c", ["a"]), Numeric("n", fill=0, mean=0, scale=1)]),
        TABLE,
        [[0, 1], [1, 0], [0, 4], [0, 10]],
    ),
    "raw": (Raw((2,)), np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "classes, sparse": (Classes("t", ["a", "b", "c"], "sparse"), np.array(["c", "a"]), [2, 0]),
    "classes, categorical": (Classes("t", [3, 5], "categorical"), np.array([5, 3, 5]), [[0, 1], [1, 0], [0, 1]]),
    "classes, binary": (Classes("t", [False, True], "binary"), np.array([True, False]), [[1], [0]]),
    "labels": (Labels(["a", "b"]), np.array([[0, 1], [1, 1]]), [[0, 1], [1, 1]]),
    "joined labels": (Labels(["a", "b"], "|", "t", [0.2, 0.4]), np.array(["b", "b|a", ""]), [[0, 1], [1, 1], [0, 0]]),
    "logarithms": (Quantities(["a"], [1], [2], "log"), np.exp([[1.0], [5.0]]), [[0], [2]]),
    "quantities": (Quantities(["a", "b"], [1, 0], [2, 1]), np.array([[1, 2], [5, 3.0]]), [[0, 2], [2, 3]]),
}


def test_every_encoder_has_a_case():
    ours = {name for family in (ColumnEncoder, InputEncoder, TargetEncoder) for name in registered(family)}
    assert {type(encoder).__name__ for encoder, *_ in ENCODERS.values()} == ours


@pytest.mark.parametrize("case", ENCODERS)
def test_encoder(case):
    encoder, raw, expected = ENCODERS[case]
    family = next(base for base in (ColumnEncoder, InputEncoder, TargetEncoder) if isinstance(encoder, base))
    restored = family.get(json.loads(json.dumps(encoder.to_spec())))
    for fitted in (encoder, restored):
        if isinstance(encoder, Dates):
            np.testing.assert_allclose(fitted.encode(raw), expected, rtol=1e-15, atol=1e-15)
        else:
            assert np.array_equal(fitted.encode(raw), np.array(expected))


def test_csv_is_encoded_as_by_sklearn_fitted_on_the_training_rows_alone(tmp_path):
    source, _ = csv(tmp_path, np.random.default_rng(3))
    source = source.located(tmp_path)
    table, rows = source.load("sparse").inputs, np.arange(0, ROWS, 2)
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    reference = ColumnTransformer([("numeric", numeric, [0, 1, 3]), ("one hot", one_hot, [2])])
    raw = np.empty((ROWS, 4), object)
    for index, name in enumerate(["area", "rooms", "place", "price"]):
        raw[:, index] = table.texts(name) if name == "place" else table.numbers(name)
    expected = reference.fit(raw[rows]).transform(raw)[:, [0, 1, 3, 4, 5, 2]]
    assert np.array_equal(source.fit_inputs(table, rows).encode(table), expected.astype(np.float32))


def test_a_regression_target_is_standardised_by_the_training_part_and_inverted(tmp_path):
    path = write_csv(tmp_path / "h.csv", houses(np.random.default_rng(4)))
    data = Data(Csv(path, ["price", "rooms"], categorical=["place", "sold"]), Split(validation=0, test=0.5))
    prepared = data.prepare("regression", seed=0)
    _, y = prepared.parts["training"]
    assert list(prepared.parts) == ["training", "test"]
    assert y.shape == (ROWS // 2, 2)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-6)

    raw = Data(data.source, data.split, standardize_target=False).prepare("regression", seed=0)
    decoded = prepared.preprocessing.target.decode(y)
    assert list(decoded) == ["price", "rooms"]
    np.testing.assert_allclose(np.stack(list(decoded.values()), axis=1), raw.parts["training"][1], rtol=1e-5)


def test_classes_are_decoded_to_labels_and_probabilities():
    outputs = np.array([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
    decoded = Classes("kind", ["a", "b", "c"], "sparse").decode(outputs)
    assert list(decoded) == ["kind", "probability_a", "probability_b", "probability_c"]
    assert decoded["kind"] == ["b", "a"]
    assert decoded["probability_b"].tolist() == [0.7, 0.3]
    binary = Classes("kind", [3, 8], "binary").decode(np.array([[0.75], [0.25]]))
    assert binary["kind"] == [8, 3]
    assert binary["probability_3"].tolist() == [0.25, 0.75]


def test_classes_of_bundled_sets_have_their_names():
    _, y = Data(SklearnDataset("breast_cancer"), Split(0, 0)).prepare("binary", seed=0).parts["training"]
    bunch = load_breast_cancer()
    assert y.shape == (569, 1)
    assert y.sum() == (bunch.target_names[bunch.target] == "malignant").sum()


def test_one_hot_targets_are_classes(tmp_path):
    codes = np.arange(12) % 3
    np.savez(tmp_path / "a.npz", inputs=np.ones((12, 2)), target=np.eye(3)[codes])
    _, y = Data(Npz(str(tmp_path / "a.npz")), Split(0, 0)).prepare("categorical", seed=0).parts["training"]
    assert np.array_equal(np.sort(y.argmax(axis=1)), np.sort(codes))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
def test_idx_round_trip(tmp_path, dtype):
    array = np.arange(-12, 12).reshape(2, 3, 4).astype(dtype)
    for compressed in (False, True):
        write_idx(tmp_path / "a", array, compressed)
        found = read_idx(str(tmp_path / "a"))
        assert found.dtype == dtype
        assert np.array_equal(found, array)


def test_csv_cells(tmp_path):
    text = '\ufeffa , b,c\n1, x ,007\n\n"2","two\nlines",7\nNaN,n/a,8\n'
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    table = Table.read(str(tmp_path / "t.csv"))
    assert list(table.columns) == ["a", "b", "c"]
    assert table.lines == [2, 5, 6]
    assert table.texts("b").tolist() == ["x", "two\nlines", ""]
    assert np.array_equal(table.numbers("a"), [1, 2, np.nan], equal_nan=True)
    assert table.labels("c").tolist() == [7, 7, 8]
    assert Table("", {"c": ["10", "-7", "8"]}, [2, 3, 4]).labels("c").tolist() == [10, -7, 8]


def test_categories_are_those_of_the_training_rows():
    assert OneHot.fit("c", TABLE, np.array([0, 3])).categories == ["b"]
    assert Ordinal.fit("c", TABLE, np.array([3, 2, 0])).categories == ["", "b"]


def test_fitted_encoders_are_used_as_they_are():
    data = Data(SklearnDataset("diabetes"))
    fitted = Preprocessing(Raw((10,)), Quantities(["target"], [0], [100]))
    prepared = data.prepare("regression", seed=0, fitted=fitted)
    assert prepared.preprocessing is fitted
    assert prepared.parts["test"][1].max() > 2.5


def test_split_is_disjoint_complete_and_stratified():
    classes = np.repeat(["a", "b"], [80, 20])
    rows = Split(validation=0.2, test=0.3, stratify=True).rows(100, classes, seed=5)
    assert list(rows) == ["training", "validation", "test"]
    assert sorted(np.concatenate(list(rows.values()))) == list(range(100))
    assert [int((classes[taken] == "b").sum()) for taken in rows.values()] == [10, 4, 6]
    assert not np.array_equal(rows["test"], np.sort(rows["test"]))


def test_split_in_order_puts_the_last_rows_apart():
    split = Split(validation=0.2, test=0.3, shuffle=False)
    rows = {part: taken.tolist() for part, taken in split.rows(10, None, seed=5).items()}
    assert rows == {"training": [0, 1, 2, 3, 4], "validation": [5, 6], "test": [7, 8, 9]}
    assert split.rows(10, None, seed=6)["test"].tolist() == [7, 8, 9]
    assert list(Split(validation=0, test=0.3, shuffle=False).rows(10, None, seed=5)) == ["training", "test"]


@pytest.mark.parametrize(
    ("arguments", "count", "classes", "message"),
    [
        ({"shuffle": False, "stratify": True}, 9, None, "stratify draws rows at random, shuffle: false keeps"),
        ({"shuffle": False, "validation": 0.01}, 9, None, "0.01 of 9 rows is 0 rows"),
        ({"validation": 0.5, "test": 0.5}, 9, None, "leave no rows for training"),
        ({"test": 1.0}, 9, None, "test: must be in [0, 1)"),
        ({"validation": 0.01, "test": 0}, 9, None, "0.01 of 9 rows is 0 rows"),
        ({"stratify": True}, 30, ["a"] * 28 + ["b"] * 2, "class 'b' has 2 rows, too few for 3 parts"),
        ({"stratify": True}, 18, list("abcdef") * 3, "4 rows of test cannot hold 6 classes"),
        ({"test": 0.6, "stratify": True}, 33, ["a"] * 30 + ["b"] * 3, "class 'b' has 3 rows, too few for 3 parts"),
        ({"stratify": True}, 8, [["a", "b"]] * 8, "needs one label per row, the target has shape (8, 2)"),
    ],
)
def test_bad_split(arguments, count, classes, message):
    with pytest.raises((ConfigError, DataError)) as caught:
        Split.get(arguments).rows(count, None if classes is None else np.array(classes), seed=0)
    assert message in str(caught.value)


def test_sections_are_named_by_their_keys_alone():
    spec = {"source": {"SklearnDataset": {"name": "iris"}}, "split": {"test": "much"}}
    with pytest.raises(ConfigError) as caught:
        Data.get(spec)
    assert str(caught.value) == "split.test: expected a number, got 'much'"
    with pytest.raises(ConfigError, match=r"split: expected arguments as 'key: value', got 0\.2"):
        Data.get({**spec, "split": 0.2})
    data = Data.get({**spec, "split": {"test": 0.5}})
    given = {name: value for name, value in data.to_spec()["split"].items() if value not in (None, {})}
    assert given == {"validation": 0.1, "test": 0.5, "stratify": False, "shuffle": True}


def test_stratify_needs_classes():
    with pytest.raises(ConfigError, match=r"split\.stratify: the target of a regression has no classes"):
        Data(SklearnDataset("diabetes"), Split(stratify=True)).prepare("regression", seed=0)


GOOD = "a,b,t\n1,x,0\n2,y,1\n"
BAD_CSV = {
    "empty file": ("", {}, "d.csv: the file is empty"),
    "header only": ("a,b,t\n", {}, "d.csv: only column names, no rows"),
    "repeated name": ("a,a,t\n1,2,0\n2,1,1\n", {"ordinal": ["a"]}, "d.csv: the column name 'a' occurs more than once"),
    "short row": ("a,b,t\n1,x,0\n\n2,y\n", {}, "d.csv, line 4: 2 cells, but the first line names 3 columns"),
    "text": (
        GOOD,
        {"drop": ["a"]},
        "d.csv, line 2, column 'b': text 'x' in a numeric column; add it to `categorical` or to `drop`",
    ),
    "infinite": ("a,t\n1,0\ninf,1\n", {}, "d.csv, line 3, column 'a': 'inf' is not a finite number"),
    "missing target": ("a,t\n1,0\n2,\n3,1\n", {}, "d.csv, line 3, column 't': the value is missing"),
    "no target": (GOOD, {"target": "tt"}, "d.csv: no column 'tt'; did you mean 't'? Columns: a, b, t"),
    "no categorical": (GOOD, {"categorical": ["bb"]}, "d.csv: no column 'bb'; did you mean 'b'?"),
    "no ordinal": (GOOD, {"ordinal": ["bb"]}, "d.csv: no column 'bb'; did you mean 'b'?"),
    "no text": (GOOD, {"text": "bb"}, "d.csv: no column 'bb'; did you mean 'b'?"),
    "two kinds": (GOOD, {"ordinal": ["b"], "categorical": ["b"]}, "Csv.ordinal: 'b' is categorical as well"),
    "text and categories": (GOOD, {"text": "b", "categorical": ["a"]}, "Csv.text: a model of texts takes one column"),
    "text and ordinals": (GOOD, {"text": "b", "ordinal": ["a"]}, "Csv.text: a model of texts takes one column"),
    "text is the target": (GOOD, {"text": "t"}, "Csv.text: 't' is the target, or dropped"),
    "text is dropped": (GOOD, {"text": "b", "drop": ["b"]}, "Csv.text: 'b' is the target, or dropped"),
    "no drop": (GOOD, {"drop": ["zip"]}, "d.csv: no column 'zip'"),
    "no inputs": (GOOD, {"drop": ["a", "b"]}, "d.csv: no input columns are left"),
    "one class": ("a,t\n1,0\n2,0\n", {}, "needs two or more classes, the target 't' has 1: 0"),
    "only missing": (
        "a,b,t\n,1,0\n,2,1\n",
        {"drop": ["b"]},
        "column 'a' has no value in the training part; add it to `drop`",
    ),
    "two targets": (GOOD, {"target": ["a", "t"]}, "source.Csv.target: a classification has one target column"),
    "delimiter": (GOOD, {"delimiter": ""}, "Csv.delimiter: expected one character, got ''"),
    "not text": (b"a,t\n\xff\0,1\n", {}, "d.csv, line 2: not a text file; it holds the character '\\x00'"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_bad_csv(case, tmp_path):
    content, arguments, message = BAD_CSV[case]
    path = tmp_path / "d.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((DataError, ConfigError)) as caught:
        Data(Csv(**{"path": str(path), "target": "t", **arguments}), Split(0, 0)).prepare("sparse", seed=0)
    assert message in str(caught.value)


def test_text_in_a_regression_target(tmp_path):
    path = write_csv(tmp_path / "d.csv", {"a": [1, 2], "t": ["3", "dear"]})
    with pytest.raises(DataError, match=r"line 3, column 't': text 'dear' in a numeric column; only numbers"):
        Data(Csv(path, "t"), Split(0, 0)).prepare("regression", seed=0)


ONES = np.ones((4, 2))
BAD_NPZ = {
    "no such array": ({"inputs": ONES}, "sparse", "no array 'target'; Allowed: inputs"),
    "objects": ({"inputs": ONES, "target": np.array([{}] * 4)}, "sparse", "holds Python objects, which are not read"),
    "NaN": ({"inputs": np.diag([1, np.nan]), "target": [0, 1]}, "sparse", "'inputs': row 1, column 1 is nan"),
    "NaN target": ({"inputs": ONES, "target": [0, 1, np.nan, 1]}, "sparse", "'target': row 2 is nan"),
    "lengths": (
        {"inputs": ONES, "target": [0, 1]},
        "sparse",
        "'target' has shape (2,), but there are 4 rows of inputs",
    ),
    "text": ({"inputs": [["a"], ["b"]], "target": [0, 1]}, "sparse", "'inputs' holds <U1, expected numbers"),
    "flat": ({"inputs": np.ones(4), "target": [0] * 4}, "sparse", "has shape (4,), expected (rows, features, ...)"),
    "no rows": ({"inputs": np.ones((0, 2)), "target": []}, "sparse", "with at least one row"),
    "many labels": (
        {"inputs": ONES, "target": 2 * np.eye(4)},
        "binary",
        "(4, 4), expected one label per row, or 0 and 1",
    ),
    "no one-hot": ({"inputs": ONES, "target": 2 * np.eye(4)}, "categorical", "expected one label, or one 1 among 0"),
    "three classes": (
        {"inputs": ONES, "target": [0, 1, 2, 0]},
        "binary",
        "exactly two classes, the target 'target' has 3",
    ),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_bad_npz(case, tmp_path):
    arrays, target_kind, message = BAD_NPZ[case]
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError) as caught:
        Data(Npz(str(tmp_path / "a.npz")), Split(0, 0)).prepare(target_kind, seed=0)
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 not a zip", b"text"])
def test_damaged_npz(content, tmp_path):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: not an \.npz file of plain arrays"):
        Npz(str(tmp_path / "a.npz")).load("sparse")


BAD_IDX = {
    b"": "not an IDX file; it begins with nothing",
    b"\x89PNG": "not an IDX file; it begins with 89 50 4e 47",
    b"\0\0\x08\x02\0\0\0\2": "damaged; shape (2, 0) of uint8 needs 12 bytes, found 8",
    b"\0\0\x08\x01\0\0\0\5abc": "damaged; shape (5,) of uint8 needs 13 bytes, found 11",
    b"\0\0\x08\x01\0\0\0\2abc": "damaged; shape (2,) of uint8 needs 10 bytes, found 11",
    gzip.compress(b"\0\0\x08\x01\0\0\0\1a", mtime=0)[:-9]: "damaged gzip file",
}


@pytest.mark.parametrize("content", BAD_IDX)
def test_damaged_idx(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(str(tmp_path / "a"))
    assert BAD_IDX[content] in str(caught.value)


def test_missing_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    with pytest.raises(DataError) as caught:
        Csv("no.csv", "t").located("configs")
    tried = f"{tmp_path / 'configs' / 'no.csv'} and {tmp_path / 'no.csv'}"
    assert str(caught.value) == f"no file 'no.csv'; looked for {tried}"
    for read in (Table.read, read_idx, Npz("x").read_inputs):
        with pytest.raises(DataError, match=r"no\.file: No such file"):
            read("no.file")


def test_files_beside_the_config_win_over_those_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "d.csv").touch()
    assert Csv("d.csv", "t").located("configs").path == str(tmp_path / "d.csv")
    (tmp_path / "configs" / "d.csv").touch()
    assert Csv("d.csv", "t").located("configs").path == str(tmp_path / "configs" / "d.csv")


def test_bad_sources():
    with pytest.raises(ConfigError, match=r"SklearnDataset\.name: unknown data set 'digit'; did you mean 'digits'"):
        SklearnDataset("digit")
    with pytest.raises(DataError, match="'diabetes' has no classes"):
        SklearnDataset("diabetes").load("sparse")
    with pytest.raises(DataError, match="Inline: the rows differ in length"):
        Inline([[1, 2], [3]], [0, 1]).load("sparse")


PLURALS = {"children", *(f"{noun}s" for noun in Agreement.nouns)}


def test_sentences_agree_where_they_say_so():
    def agree(noun, verb):
        return (noun in PLURALS) == (verb in Agreement.verbs)

    data = Agreement(rows=500, clauses=3, seed=1).load("binary")
    depths = set()
    for sentence, label in zip(data.inputs, data.target, strict=True):
        article, first, *between, last = sentence.split()
        assert article == "the"
        assert label == ("right" if agree(first, last) else "wrong")
        depths.add(between.count("the"))
        while between:
            opening, _, noun, *between = between
            assert opening in ("that", *Agreement.prepositions)
            if opening == "that":
                assert agree(noun, between.pop(0))
    assert depths == {0, 1, 2, 3}
    assert 200 < (data.target == "right").sum() < 300
    again = Agreement(rows=500, clauses=3, seed=1).load("binary").inputs
    assert (again == data.inputs).all()
    assert (Agreement(rows=500, clauses=3, seed=2).load("binary").inputs != data.inputs).any()


def test_counts_of_words_do_not_tell_whether_sentences_agree():
    data = Agreement(rows=4000).load("binary")
    seen = {}
    for sentence, label in zip(data.inputs, data.target, strict=True):
        words = sentence.split()
        forms = [sum(word in kind for word in words) for kind in (PLURALS, Agreement.verbs, ["that"], ["the"])]
        seen.setdefault(tuple(forms), Counter())[label] += 1
    assert sum(max(labels.values()) for labels in seen.values()) < 0.87 * 4000


def test_windows_of_a_series_and_what_follows():
    data = SeasonalSeries(rows=7, window=4, horizon=3, period=5, long_period=9, trend=0.5, noise=0).load("regression")
    time = np.arange(13)
    series = np.sin(2 * np.pi * time / 5) + np.sin(2 * np.pi * time / 9) + 0.5 * time
    assert data.target_names == ["step_1", "step_2", "step_3"]
    for row in range(7):
        np.testing.assert_allclose(data.inputs[row, :, 0], series[row : row + 4])
        np.testing.assert_allclose(data.target[row], series[row + 4 : row + 7])
    noisy = [SeasonalSeries(rows=2000, noise=0.3, seed=seed).load("regression").inputs for seed in (0, 0, 1)]
    assert np.array_equal(noisy[0], noisy[1])
    noise = noisy[0] - SeasonalSeries(rows=2000, noise=0).load("regression").inputs
    assert noise[:, 0, 0].std() == pytest.approx(0.3, rel=0.05)
    assert (noisy[0] != noisy[2]).all()


@pytest.mark.parametrize(
    ("source", "target_kind", "message"),
    [
        (Agreement(), "regression", "Agreement has two classes; choose a loss of classes"),
        (SeasonalSeries(), "binary", "SeasonalSeries has numbers to predict; choose a regression loss"),
    ],
)
def test_a_task_with_the_wrong_loss(source, target_kind, message):
    with pytest.raises(DataError, match=message):
        Data(source).prepare(target_kind, seed=0)


def test_files_that_hold_no_sentences(tmp_path):
    path = tmp_path / "s.txt"
    for content, message in ((b"\x01", "line 1: not a text file"), (b"\n \n", "the file holds no text")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"s\.txt[,:] {message}"):
            Agreement().read_inputs(str(path))
    with pytest.raises(DataError, match=r"no\.txt: No such file"):
        Agreement().read_inputs("no.txt")


def test_where_columns_stand():
    columns = Columns([Numeric("a", 0, 0, 1), OneHot("b", ["x", "y"]), Ordinal("c", ["x", "y"]), Numeric("d", 0, 0, 1)])
    assert columns.places() == {"a": [0], "b": [1, 2], "c": [3], "d": [4]}


def test_new_inputs_that_do_not_fit(tmp_path):
    table = Table.read(write_csv(tmp_path / "d.csv", {"area": [1], "other": ["text"]}))
    assert Columns([Numeric("area", 0, 0, 1)]).encode(table).tolist() == [[1]]
    with pytest.raises(DataError, match="no column 'aera'; did you mean 'area'"):
        Columns([Numeric("aera", 0, 0, 1)]).encode(table)
    with pytest.raises(ShapeError, match=r"rows of shape \(3,\), the inputs have \(2,\)"):
        Raw((3,)).encode(np.ones((4, 2)))


@pytest.mark.parametrize("labels", [["a", "c"], [1, 3], [0.5, 1.5]])
def test_unknown_classes_are_refused(labels):
    encoder = Classes("t", labels, "sparse")
    unknown = np.array([labels[0], *(["b"] if labels[0] == "a" else [1.25])])
    with pytest.raises(DataError, match=r"unknown class .* in 't'"):
        encoder.encode(unknown)


@pytest.mark.parametrize(
    ("encoder", "good", "bad", "message"),
    [
        (
            Classes("t", list("abc"), "sparse"),
            (None, 3),
            (None, 2),
            "3 classes (a, b, c), for which a sparse loss needs 3",
        ),
        (Classes("t", [0, 1], "binary"), (None, 1), (None, 2), "needs 1 output units; the model's last layer has 2"),
        (Quantities(["u", "v"], [0, 0], [1, 1]), (None, 2), (None, 1), "(batch, 2); they have (batch, 1)"),
    ],
)
def test_model_outputs_must_fit_the_target(encoder, good, bad, message):
    encoder.check_outputs(good)
    with pytest.raises(ShapeError) as caught:
        encoder.check_outputs(bad)
    assert message in str(caught.value)


def test_arrays_are_in_memory_twice_while_they_are_divided_and_once_after_that(tmp_path):
    images = np.random.default_rng(0).random((400, 32, 32, 3), np.float32)
    np.savez(tmp_path / "images.npz", inputs=images, target=np.arange(400) % 2)
    data = Data(Npz(str(tmp_path / "images.npz")), split={"validation": 0.2, "test": 0.2})
    tracemalloc.start()
    try:
        prepared = data.prepare("binary", seed=0)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.3 * images.nbytes and kept < 1.1 * images.nbytes
    x, _ = prepared.parts["test"]
    assert np.array_equal(x, images[prepared.rows["test"]])
    ordered = Data(Npz(str(tmp_path / "images.npz")), split={"validation": 0.2, "shuffle": False})
    parts = ordered.prepare("binary", seed=0).parts
    assert parts["training"][0].base is not None and parts["training"][0].base is parts["validation"][0].base
