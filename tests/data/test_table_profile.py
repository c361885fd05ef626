"""The profile of a table: each kind by its rule, leaks, tasks, and one screen of text."""

import json

import numpy as np
import pytest

from nnlite.data import Table, read_frame
from nnlite.data.frames.spelling import date_format, read_dates, read_truths
from nnlite.data.profile import KINDS, profile_table, task_of
from nnlite.data.profile.cells import read_cells
from nnlite.data.profile.kinds import order_of
from nnlite.errors import DataError

ROWS = 200
RANDOM = np.random.default_rng(3)
NORMAL = RANDOM.normal(size=ROWS)
PRICE = np.round(np.exp(NORMAL + 12), 2)


def cycle(*values):
    return [values[row % len(values)] for row in range(ROWS)]


def texts(values):
    return [str(value) for value in values]


# Column -> its cells in a file, its kind, and a part of the reason.
KINDS_OF = {
    "area": (texts(np.round(RANDOM.normal(size=ROWS), 3)), "number", "numbers"),
    "rooms": (texts(RANDOM.integers(1, 9, ROWS)), "number", "integers"),
    "gaps": (cycle("1.5", "", "3.25", "NA", "7"), "number", "numbers"),
    "year": (texts(np.arange(1800, 1800 + ROWS)), "number", "integers"),
    "zip_code": (texts(1000 + RANDOM.integers(0, 30, ROWS) * 7), "integer_code", "called like a code"),
    "MSSubClass": (texts(RANDOM.integers(2, 9, ROWS) * 10), "integer_code", "called like a code"),
    "plate": ([f"0{value}" for value in RANDOM.integers(100, 130, ROWS)], "integer_code", "digits after a zero"),
    "flag": (cycle("yes", "No", ""), "boolean", "'No' and 'yes'"),
    "truth": (cycle("TRUE", "FALSE"), "boolean", "'FALSE' and 'TRUE'"),
    "bit": (cycle("0", "1", "1"), "boolean", "'0' and '1'"),
    "place": (cycle("INLAND", "NEAR BAY", "ISLAND", "", "NEAR OCEAN"), "category", "4 texts"),
    "sex": (cycle("m", "f", "f"), "category", "2 texts"),
    "only": (cycle("x", ""), "category", "'x' or nothing"),
    "size": (cycle("medium", "small", "large"), "ordered_category", "known order"),
    "ages": (cycle("18-25", "<18", "65+", "26-64"), "ordered_category", "known order"),
    "iso": (texts(np.datetime64("2020-01-01") + np.arange(ROWS)), "date", "dates"),
    "german": ([f"{1 + row % 28}.{1 + row % 12}.2019" for row in range(ROWS)], "date", "%d.%m.%Y"),
    "american": ([f"{1 + row % 12}/{1 + row % 28}/2019 {row % 24}:05" for row in range(ROWS)], "date", "%m/%d/%Y"),
    "clock": ([f"{row % 24}:{row % 60:02d}" for row in range(ROWS)], "date", "times of day"),
    "noon": ([f"{1 + row % 12}:{row % 60:02d} {'AP'[row % 2]}M" for row in range(ROWS)], "date", "times of day"),
    "shift": ([f"{row // 3}:{row % 60:02d}:00" for row in range(ROWS)], "number", "amounts in s"),
    "fee": ([f"$ {row % 7}.50" for row in range(ROWS)], "number", "amounts in $"),
    "below": (["<5" if row % 9 == 0 else str(row) for row in range(ROWS)], "category", "numbers, but for '<5'"),
    "starred": ([f"{row}.5{'*' * (row % 9 == 0)}" for row in range(ROWS)], "category", "but for '0.5*' and 22 others"),
    "other digits": (["".join(chr(0x660 + int(d)) for d in str(row)) for row in range(ROWS)], "identifier", "differ"),
    "reachable": ([f"+49 30 {row:06d}" for row in range(ROWS)], "identifier", "all texts differ"),
    "customerNumber": (texts(RANDOM.permutation(10_000)[:ROWS]), "identifier", "so it is called"),
    "note": ([f"house {row} stands near a lake" for row in range(ROWS)], "text", "6 words a cell"),
    "row_id": (texts(np.arange(1, ROWS + 1)), "identifier", "counts from 1 to 200"),
    "CustomerID": (texts(RANDOM.permutation(10_000)[:ROWS]), "identifier", "so it is called"),
    "uuid": ([f"u-{row:04x}" for row in range(ROWS)], "identifier", "all texts differ"),
    "same": (cycle("7"), "constant", "'7' in every row"),
    "empty": (cycle(""), "mostly_missing", "no value at all"),
    "rarely": ([str(row) if row < 5 else "" for row in range(ROWS)], "mostly_missing", "98% of the cells are empty"),
    "price_in_cents": (texts(PRICE * 100), "leaking", "correlation 1.0000 with 'price'"),
    "log_price": (texts(np.log(PRICE)), "leaking", "rank correlation 1.0000 with 'price'"),
    "copy": (texts(PRICE), "leaking", "equal to 'price'"),
}


def table(columns):
    return Table("t.csv", dict(columns), list(range(2, 2 + len(next(iter(columns.values()))))))


@pytest.fixture(scope="module")
def profile():
    return profile_table(
        table({**{name: cells for name, (cells, *_) in KINDS_OF.items()}, "price": texts(PRICE)}), "price"
    )


@pytest.mark.parametrize("name", KINDS_OF)
def test_kind(profile, name):
    _, kind, reason = KINDS_OF[name]
    column = profile.column(name)
    assert (column.kind, reason in column.reason) == (kind, True), column.reason


def test_every_kind_has_a_case():
    assert {kind for _, kind, _ in KINDS_OF.values()} == set(KINDS)


def as_pandas(columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def as_polars(columns):
    return pytest.importorskip("polars").DataFrame(columns, strict=False)


def as_arrow(columns):
    pa = pytest.importorskip("pyarrow")
    return pa.table({name: pa.array(cells, from_pandas=True) for name, cells in columns.items()})


FRAMES = {"pandas": as_pandas, "polars": as_polars, "arrow": as_arrow, "dict": dict}


@pytest.mark.parametrize("make", FRAMES)
def test_frames(make):
    columns = {
        "age": [31.0, None, 45.5, 27.25] * 50,
        "code": [1, 2, 3, 7] * 50,
        "ok": [True, False, None, True] * 50,
        "since": [np.datetime64("2020-01-01", "us").item()] * 100 + [np.datetime64("2021-05-01", "us").item()] * 100,
        "city": ["Rome", None, "Oslo", "Bern"] * 50,
        "spelled": ["2020-01-31", "2021-02-28", None, "2019-07-01"] * 50,
        "said": ["yes", "no", None, "yes"] * 50,
        "y": [0.5, 2.5, 0.25, 7.0, 1.5] * 40,
    }
    profile = profile_table(FRAMES[make](columns), "y")
    kinds = ["number", "integer_code", "boolean", "date", "category", "date", "boolean"]
    assert [column.kind for column in profile.inputs] == kinds
    assert [column.missing for column in profile.inputs] == [50, 0, 50, 0, 50, 50, 50]
    assert profile.rows == 200


def test_numbers_and_levels(profile):
    gaps = profile.column("gaps")
    assert (gaps.missing, gaps.distinct, gaps.examples) == (80, 3, ["1.5", "3.25", "7"])
    assert (gaps.statistics["min"], gaps.statistics["median"], gaps.statistics["max"]) == (1.5, 3.25, 7.0)
    assert sum(gaps.histogram["counts"]) == 120
    assert len(gaps.histogram["edges"]) == len(gaps.histogram["counts"]) + 1
    assert gaps.levels == {}
    assert profile.column("place").levels == {"INLAND": 40, "NEAR BAY": 40, "ISLAND": 40, "NEAR OCEAN": 40}
    assert profile.column("size").order == ["small", "medium", "large"]
    assert profile.column("ages").order == ["<18", "18-25", "26-64", "65+"]
    assert profile.column("american").form == "%m/%d/%Y %H:%M"
    spelled = profile_table(table({"a": ["1", "1.0", "01.5", "2"] * 5}))
    assert spelled.column("a").distinct == 3


def test_plain_values(profile):
    text = json.dumps(profile.to_dict(), allow_nan=False)
    assert json.loads(text)["columns"][0]["name"] == "area"
    assert profile.to_config()["size"] == "ordinal"
    assert "price" not in profile.to_config()


def test_the_text_fits_on_a_screen(profile):
    lines = str(profile).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120
    assert lines[0] == "t.csv: 200 rows, 38 columns"
    assert "regression" in lines[1]
    assert any("row_id: identifier: counts from 1 to 200" in line for line in lines)
    wide = profile_table(table({f"c{place}": cycle("a", "b", "c") for place in range(74)}))
    assert len(str(wide).splitlines()) <= 40
    assert "more columns" in str(wide).splitlines()[-1]


LEAKS = {  # cells, target -> a part of the reason, None for no leak
    "another spelling": (cycle("N", "Y"), cycle("0", "1"), "another spelling of 'y'"),
    "finer levels": (cycle("a", "b", "c", "d"), cycle("0", "0", "1", "1"), "each value goes with one value of 'y'"),
    "gaps": ([str(row) if row % 2 else "" for row in range(ROWS)], cycle("no", "yes"), "empty depending on 'y'"),
    "a noisy copy of classes": (texts([row % 3 + 1e-4 * row for row in range(ROWS)]), cycle("0", "1", "2"), "ratio"),
    "a good feature": (texts([row % 2 + NORMAL[row] for row in range(ROWS)]), cycle("0", "1"), None),
    "a split": (texts([row % 2 + abs(NORMAL[row]) / 4 for row in range(ROWS)]), cycle("0", "1"), None),
    "levels of few rows": ([f"n{row // 2}" for row in range(ROWS)], texts([row // 2 % 2 for row in range(ROWS)]), None),
    "dates": (texts(np.datetime64("2020-01-01") + np.arange(ROWS)), texts(np.arange(ROWS) / 3), "correlation 1.0000"),
}


@pytest.mark.parametrize("case", LEAKS)
def test_leaks(case):
    cells, target, reason = LEAKS[case]
    profile = profile_table(table({"x": cells, "other": texts(NORMAL), "y": target}), "y")
    assert (profile.column("x").kind == "leaking") == (reason is not None)
    assert reason is None or reason in profile.column("x").reason


def test_few_rows_prove_no_leak():
    few = {"x": ["1", "2", "3", "4"], "other": ["5", "3", "1", "4"], "y": ["2", "4", "6", "8"]}
    assert profile_table(table(few), "y").column("x").kind == "number"


def test_what_is_left_alone_is_kept():
    alone = profile_table(table({"x": texts(range(ROWS)), "y": texts([2 * row for row in range(ROWS)])}), "y")
    assert (alone.column("x").kind, alone.column("x").encoding) == ("leaking", "standardize")


def test_a_mark_among_numbers_is_told():
    marked = profile_table(table({"x": ["unknown", *texts(NORMAL[1:])], "y": cycle("0", "1")}), "y")
    assert "numbers, but for 'unknown'" in marked.column("x").warning


def test_dates_of_several_formats_are_told():
    mixed = [f"{10 + row % 19}/{1 + row % 12}/2019" if row % 3 else f"{1 + row % 12}/28/2019" for row in range(ROWS)]
    column = profile_table(table({"when": mixed, "y": cycle("0", "1")}), "y").column("when")
    assert column.kind != "date"
    assert column.warning.startswith("dates of one format, but for '1/28/2019' and ")
    days = [f"19{row:02d}-01-31" if row % 3 == 0 else f"{row % 28 + 1}.5.20{row:02d}" for row in range(99)]
    days = [f"{1 + row % 28} Mar 18{row:02d}" if row % 3 == 1 else day for row, day in enumerate(days)]
    of_three = {"when": days, "y": cycle("0", "1")[:99]}
    for source in (table(of_three), of_three):
        assert (
            profile_table(source, "y").column("when").warning.endswith("write all in one format for a column of dates")
        )
    few = profile_table(table({"x": [f"house {row}" for row in range(ROWS)], "y": cycle("0", "1")}), "y")
    assert "dates" not in few.column("x").reason


def test_dates_that_fit_in_either_order_are_told():
    either = [f"{1 + row % 12}/{1 + row % 11}/2019" for row in range(ROWS)]
    assert "%m/%d/%Y fits too" in profile_table(table({"x": either, "y": cycle("0", "1")}), "y").column("x").warning
    clear = [*either[1:], "31/1/2019"]
    assert profile_table(table({"x": clear, "y": cycle("0", "1")}), "y").column("x").warning is None


def test_zero_dates_of_databases_are_missing():
    column = profile_table(
        table({"x": ["0000-00-00", *["2020-01-31", "2021-05-01"] * 99, "2022-01-01"], "y": cycle("0", "1")}), "y"
    ).column("x")
    assert (column.form, column.missing) == ("iso", 1)


TASKS = {  # targets, forced -> kind, log
    "yes and no": ([cycle("yes", "no")], None, "binary", False),
    "two numbers": ([cycle("1", "2")], None, "binary", False),
    "texts": ([cycle("a", "b", "c")], None, "multiclass", False),
    "codes": ([cycle("1", "2", "3", "5", "7")], None, "multiclass", False),
    "many integers": ([texts(np.arange(ROWS) % 50)], None, "regression", False),
    "numbers": ([texts(NORMAL)], None, "regression", False),
    "prices": ([texts(PRICE)], None, "regression", True),
    "codes as numbers": ([cycle("1", "2", "3")], "regression", "regression", False),
    "two as classes": ([cycle("1", "2")], "multiclass", "multiclass", False),
    "labels": ([cycle("0", "1"), cycle("1", "0", "0")], None, "multilabel", False),
    "numbers side by side": ([texts(NORMAL), cycle("1", "0", "0")], None, "regression", False),
    "flags as numbers": ([cycle("0", "1"), cycle("1", "0", "0")], "regression", "regression", False),
}


@pytest.mark.parametrize("case", TASKS)
def test_tasks(case):
    targets, forced, kind, log = TASKS[case]
    source = table({f"y{place}": cells for place, cells in enumerate(targets)})
    task = task_of([read_cells(source, name) for name in source.columns], forced)
    assert (task.kind, task.log) == (kind, log)
    assert sum(task.classes.values()) == (ROWS if kind in ("binary", "multiclass") else 0)


JOINED = ["red|blue", "red", "blue|green", "green", "red|green"]


def test_labels_in_one_cell():
    task = task_of([read_cells(table({"y": cycle(*JOINED, "")}), "y")])
    assert (task.kind, task.separator) == ("multilabel", "|")
    assert task.classes == {"red": 101, "green": 99, "blue": 67}
    assert "an empty cell has none, in 33 of 200 rows" in task.reason
    assert "labels: red 60.0%" in str(profile_table(table({"x": texts(NORMAL), "y": cycle(*JOINED)}), "y"))
    forced = task_of([read_cells(table({"y": cycle(*JOINED)}), "y")], "multiclass")
    assert (forced.kind, forced.separator, len(forced.classes)) == ("multiclass", None, 5)
    cities = cycle("Rome, Italy", "Oslo, Norway", "Paris, France", "Bern")
    assert task_of([read_cells(table({"y": cities}), "y")]).kind == "multiclass"
    thousands = Table.from_bytes(
        ("x;y\n" + "".join(f"1;{1 + row % 50}.000,50\n" for row in range(ROWS))).encode(), "t.csv"
    )
    assert task_of([read_cells(thousands, "y")]).kind == "regression"


def test_amounts_that_are_texts_are_suspicious():
    paid = [f"{'$€'[row % 2]} {row}.50" for row in range(ROWS)]
    profile = profile_table(table({"paid": paid, "half": cycle("$1", "none")}))
    warning = "amounts of several units ($, \u20ac), such as '$ 0.50': bring them to one unit"
    assert profile.column("paid").warning == warning
    assert profile.column("half").warning is None


# Column -> its cells, all of one unit.
AMOUNTS = {
    "paid": [f"${1000 * row:.2f}" for row in range(1, ROWS + 1)],
    "owed": [f"({row}.5)" if row % 3 else f"{row}.25" for row in range(ROWS)],
    "rate": [f"{row / 8} %" for row in range(1, ROWS + 1)],
    "weight": [f"{row / 4} kg" for row in range(1, ROWS + 1)],
    "views": [f"{row % 9}.5K" if row % 2 else f"{1 + row % 7}M" for row in range(ROWS)],
}


@pytest.mark.parametrize("make", [table, read_frame], ids=["file", "frame"])
def test_amounts_of_one_unit_are_numbers(make):
    profile = profile_table(make(AMOUNTS))
    assert {column.name: column.kind for column in profile.columns} == dict.fromkeys(AMOUNTS, "number")
    assert not [column.warning for column in profile.columns if column.warning]
    owed = profile.column("owed").statistics
    assert (owed["min"], owed["max"]) == (-199.5, 198.25)
    assert profile.column("paid").statistics["max"] == 200_000 and profile.column("views").statistics["max"] == 7e6


@pytest.mark.parametrize("cells", [["$5", "5"], ["3 kg", "500 g"], ["1st", "2nd"], ["1B", "2B"], ["12A", "12B"]])
def test_codes_and_mixed_units_are_no_amounts(cells):
    assert profile_table(table({"x": cycle(*cells), "n": texts(NORMAL)})).column("x").kind != "number"


BAD_TARGETS = {
    "amounts": ([[f"{row} {'%€'[row % 2]}" for row in range(ROWS)]], None, "such as '0 %': take the currency away"),
    "gaps": ([cycle("")], None, "no value in 200 of 200 rows, first in row 1 after the header"),
    "numbers, but for a word": (
        [["cheap", *map(str, range(1, ROWS))]],
        None,
        "numbers, but for 'cheap'; correct such cells, or leave them empty to skip their rows",
    ),
    "one value": ([cycle("1")], None, "has one value alone, '1'"),
    "names": ([[f"n{row}" for row in range(ROWS)]], None, "200 different texts in 200 rows (identifier: all texts"),
    "text as numbers": ([cycle("a", "b")], "regression", "'a' is not a number; a regression needs numbers"),
    "three as two": ([cycle("a", "b", "c")], "binary", "has 3 values; a binary task has two"),
    "one column of labels": ([cycle("0", "1")], "multilabel", "several columns of 0 and 1: --target a,b,c; or"),
    "labels of texts": ([cycle("0", "1"), cycle("a", "b")], "multilabel", "labels are 0 and 1, it has 'a'"),
    "two columns of classes": ([cycle("0", "1"), cycle("a", "b")], "binary", "2 targets: a binary task has one"),
}


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_bad_targets(case):
    targets, forced, message = BAD_TARGETS[case]
    names = [f"y{place}" for place in range(len(targets))]
    with pytest.raises(DataError) as caught:
        profile_table(table(dict(zip(names, targets, strict=True))), names, forced)
    assert message in str(caught.value)


def test_names_of_targets():
    with pytest.raises(DataError, match="no column 'pric'; did you mean 'price'"):
        profile_table(table({"price": texts(PRICE)}), "pric")
    with pytest.raises(DataError, match="no column 'pric'; did you mean 'price'"):
        profile_table({"price": PRICE}, "pric")
    with pytest.raises(DataError, match="named twice"):
        profile_table(table({"price": texts(PRICE)}), ["price", "price"])


def test_infinity_is_an_error_and_no_text():
    with pytest.raises(DataError, match="line 3, column 'x': 'inf' is not a finite number"):
        profile_table(table({"x": ["1", "inf", "2"]}))


DATES = {
    "iso": (["2020-02-29", "2021-01-01"], "2020-02-29"),
    "iso, time and zone": (["2020-02-29T12:30:00+02:00", "2020-02-29 10:30Z"], "2020-02-29T10:30"),
    "iso, fractions": (["2020-02-29T12:30:00.5"], "2020-02-29T12:30:00.5"),
    "day first": (["13.02.2020", "01.03.2020"], "2020-02-13"),
    "slashes, day first": (["13/02/2020", "01/03/2020"], "2020-02-13"),
    "slashes, month first": (["02/13/2020", "01/03/2020"], "2020-02-13"),
    "names of months": (["13 Feb 2020", "1 Mar 2020"], "2020-02-13"),
    "months": (["2020-02", "2021-03"], "2020-02-01"),
    "months first": (["02/2020", "11/2021"], "2020-02-01"),
    "names of months and years": (["February 2020", "May 2021"], "2020-02-01"),
    "short names": (["Feb-2020", "Mar-2021"], "2020-02-01"),
    "iso, nanoseconds": (["2020-02-29T12:30:00.500000999"], "2020-02-29T12:30:00.5"),
    "comma before the time": (["13.02.2020, 08:15"], "2020-02-13T08:15"),
    "weekday": (["Thu, 13 Feb 2020"], "2020-02-13"),
    "in words": (["Thursday, February 13, 2020"], "2020-02-13"),
    "letters": (["Thu, 13 Feb 2020 10:00:00 +0200"], "2020-02-13T08:00"),
    "compact": (["20200213T081500Z"], "2020-02-13T08:15"),
    "logs": (["13/Feb/2020:08:15:00 +0000"], "2020-02-13T08:15"),
    "time of day": (["8:15", "23:59:59.25"], "1970-01-01T08:15"),
    "before and after noon": (["12:05 AM", "1:00pm"], "1970-01-01T00:05"),
}


@pytest.mark.parametrize("case", DATES)
def test_spelling_of_dates(case):
    cells, first = DATES[case]
    form = date_format(cells)
    assert read_dates("d", cells, form)[0] == np.datetime64(first)


def test_what_is_no_date():
    for cells in (
        ["24:00"],
        ["13:00 PM"],
        ["0:30 am"],
        ["8:75"],
        ["2020-02-30"],
        ["12"],
        ["red"],
        ["2020-01-01", "soon"],
        ["1.5"],
        [],
    ):
        assert date_format(cells) is None
    with pytest.raises(DataError, match="column 'd', row 1: 'soon' is not a date of the form 2020-01-31"):
        read_dates("d", ["2020-01-01", "soon"], "iso")
    with pytest.raises(DataError, match="column 'b', row 0: 'maybe' is neither true nor false"):
        read_truths("b", ["maybe"])


def test_orders():
    assert order_of(["High", "low", "MEDIUM"]) == ["low", "MEDIUM", "High"]
    assert order_of(["10-19", "20-29", "<10", "100+"]) == ["<10", "10-19", "20-29", "100+"]
    assert order_of(["Gd", "TA", "Ex", "Fa"]) == ["Fa", "TA", "Gd", "Ex"]
    for levels in (["low", "high"], ["low", "high", "blue"], ["1H", "2", "3"], ["INLAND", "ISLAND", "BAY"]):
        assert order_of(levels) is None


def test_a_profile_of_a_profiled_frame_is_the_same():
    frame = read_frame({"a": [1.5, 2.5, None] * 10, "c": ["x", "y", "z"] * 10})
    assert profile_table(frame).to_dict() == profile_table(frame).to_dict()
    assert profile_table(frame, source="rows").source == "rows"


def test_marks_of_a_gap_are_told_by_the_numbers_of_the_file(tmp_path):
    """Decimal commas are numbers; what Python alone takes for a number is not."""
    path = tmp_path / "t.csv"
    path.write_text("size;code\n" + "".join(f"{row},5;{row}_{row}\n" for row in range(30)) + "unclear;-\n")
    column = profile_table(Table.read(str(path), {"decimal": ","})).column
    assert column("size").reason == "numbers, but for 'unclear'" and "declare it" in column("size").warning
    assert "numbers" not in column("code").reason


def test_rows_in_the_order_of_time_are_told():
    days = [f"2024-01-{day:02d}" for day in range(1, 31)]
    values = list(range(30))
    profile = profile_table({"day": days, "x": values, "y": [value % 7 * 1.5 for value in values]}, "y")
    assert "split: {time: day}" in profile.column("day").warning
    shuffled = profile_table({"day": days[7:] + days[:7], "x": values}, None)
    assert shuffled.column("day").warning is None
    assert profile_table({"day": days[:10], "x": values[:10]}, None).column("day").warning is None
