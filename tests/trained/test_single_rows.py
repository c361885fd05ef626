"""The plan for one row encodes as the encoder does, whatever encoders there are; else it leaves the row to it."""

import numpy as np
import pytest

from nnlite.data import (
    Boolean,
    ColumnEncoder,
    Columns,
    Cyclic,
    Dates,
    GapIndicator,
    HashedLevels,
    HashedText,
    Logarithm,
    Numeric,
    OneHot,
    Ordinal,
    Quantiles,
    Ranks,
    TableEncoder,
    TargetMeans,
    TwoValued,
    read_frame,
)
from nnlite.trained.single_rows import SingleRows

ENCODERS = [
    Numeric("age", 30.0, 31.5, 7.25),
    GapIndicator("age"),
    Numeric("height", 170.0, 0.1, 3.0),
    OneHot("city", ["", "Oslo", "Rome"], 1.5),
    Ordinal("zip", ["1", "20", "3.5"]),
    TwoValued("side", ["left", "right"]),
    Boolean("member"),
    Dates("day", 18_000.0, ["weekday"]),
    Logarithm("pay", 0.0, 10.0, 1.0, 2.0),
    Quantiles("rank", 2.0, [1.0, 2.0, 4.0, 8.0]),
    Cyclic("hour", 0.0, 24.0),
    Ranks("size", ["small", "medium", "large"], unknown=1.0),
    TargetMeans("shop", ["a", "b"], [[0.5, 2.0]], [1.0], [1.25], [0.75], []),
    HashedLevels("code", 8),
    HashedText("note", 16),
]
ROW = {
    "age": 41,
    "height": 1.8,
    "city": "Rome",
    "zip": "1",
    "side": "left",
    "member": True,
    "day": np.datetime64("2021-03-05"),
    "pay": 250.0,
    "rank": 3.0,
    "hour": 18,
    "size": "medium",
    "shop": "b",
    "code": "x-17",
    "note": "a small red house",
}
CHANGES = [
    {},
    {"age": None},
    {"age": float("nan"), "height": np.float64(2.5)},
    {"age": True},
    {"city": None},
    {"city": ""},
    {"zip": 1},
    {"zip": 1.0},
    {"zip": 3.5},
    {"side": "right", "member": False},
    {"member": 1},
    {"day": None},
    {"pay": -3.5, "rank": 9.0, "hour": 6.5},
    {"size": "large", "shop": "a"},
    {"code": "y-18", "note": "red"},
    {"more": "than needed"},
]


def table_encoder():
    random = np.random.default_rng(0)
    table = {
        "age": [None if row % 5 == 0 else float(row) for row in range(60)],
        "city": random.choice(["Rome", "Oslo", "Bern"], 60).tolist(),
        "zip": [f"{row % 15}" for row in range(60)],
        "side": random.choice(["left", "right"], 60).tolist(),
        "member": [row % 3 == 0 for row in range(60)],
        "height": random.normal(size=60).tolist(),
        "day": np.arange(60).astype("datetime64[D]"),
    }
    return TableEncoder.fit(table)


def test_these_are_all_encoders():
    assert {type(own) for own in ENCODERS} == set(ColumnEncoder.members().values())
    frame = read_frame([ROW])
    assert all(own.read(frame).values[0] is not None for own in ENCODERS)  # the kinds are right


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("encoder", [Columns(ENCODERS), table_encoder()], ids=["Columns", "TableEncoder"])
def test_one_row_is_encoded_as_a_table_is(encoder, change):
    row = ROW | change
    encoded = SingleRows.of(encoder).encode(row)
    if encoded is None:  # left to the encoder
        assert change in ({"age": True}, {"member": 1}, {"zip": 3.5}, {"city": None}, {"city": ""})
        return
    expected = encoder.encode(read_frame([row]))
    assert np.array_equal(encoded.astype(expected.dtype), expected)


@pytest.mark.parametrize(
    "change",
    [
        {"age": "41"},
        {"age": float("inf")},
        {"age": 1e200},
        {"age": 10**400},
        {"age": [1.0, 2.0]},
        {"city": "Rom"},
        {"city": ["Rome", "Oslo"]},
        {"city": 3},
        {"member": "yes"},
        {"day": "today"},
        {"zip": 999},
    ],
    ids=str,
)
def test_what_needs_a_word_is_left_to_the_encoder(change):
    assert SingleRows.of(Columns(ENCODERS)).encode(ROW | change) is None


def test_a_row_that_lacks_a_column_is_left_to_the_encoder():
    plan = SingleRows.of(Columns(ENCODERS))
    for name in ROW:
        assert plan.encode({key: cell for key, cell in ROW.items() if key != name}) is None


def test_columns_found_by_place_have_no_plan():
    assert SingleRows.of(TableEncoder.fit(np.arange(6.0).reshape(3, 2))) is None
