"""What people write around a table and around its numbers: titles, totals, currencies, units."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nnlite
from nnlite.cli import main
from nnlite.data import read_frame, read_table_file
from nnlite.data.encoders.columns import Numeric
from nnlite.data.files.around.amounts import read_amounts
from nnlite.data.storage.text import text_chunks
from nnlite.errors import DataError

BARE = {
    "5 EUR": "5",
    "\u20ac 1.234,50": "1.234,50",
    "CHF 1'200": "1'200",
    "US$3": "3",
    "$(4.00)": "-4.00",
    "- $7": "-7",
    "-$7": "-7",
    "$-7": "-7",
    "(12 %)": "-12",
    "\u22125": "-5",
    "3.5 Mio. \u20ac": "3.5e6",
    "2.5k": "2.5e3",
    "2K": None,
    "7B": None,
    "$7B": "7e9",
    "12A": None,
    "12 A": "12",
    "4 bedrooms": "4",
    "1st": None,
    "65+": None,
    "18-24": None,
    "(5": None,
    "--5 %": None,
    "$5 kg": None,
    "5": None,
    "12:30": "750000000e-6",  # minutes and seconds, once numbers are asked for
    "36:59:02": "133142000000e-6",
    "-1:00:00.5": "-3600500000e-6",
    "2 days, 3:00:00": "183600000000e-6",
    "7h 23m": "26580000000e-6",
    "7 h 23 min.": "26580000000e-6",
    "2 weeks 1 day": "1296000000000e-6",
    "PT7H23M1.5S": "26581500000e-6",
    "P2D": "172800000000e-6",
    "1:2": None,
    "7h 2x": None,
    "P": None,
    "66:75": None,
    "1:99:00": None,  # no clock shows 99 minutes
    "2 days 3:00": None,  # minutes or hours
    "abc": None,
}


@pytest.mark.parametrize("cell", BARE)
def test_one_cell(cell):
    amounts = read_amounts([cell])
    assert (None if amounts is None else amounts.numbers) == (None if BARE[cell] is None else [BARE[cell]])


def table_of(folder, content, **dialect):
    (folder / "t.csv").write_text(content)
    return read_table_file(str(folder / "t.csv"), dialect)


def test_a_currency_decides_how_numbers_are_written(tmp_path):
    english = table_of(tmp_path, 'a,b\n"$1,200",1\n$30,2\n')
    assert english.numbers("a").tolist() == [1200, 30] and english.dialect.thousands == ","
    german = table_of(tmp_path, "a;b\n1.200,50 \u20ac;1\n30,00 \u20ac;2\n")
    assert german.numbers("a").tolist() == [1200.5, 30] and german.dialect.decimal == ","


def test_amounts_with_gaps(tmp_path):
    table = table_of(tmp_path, "a,b\n$5,1\nNA,2\n,3\n$7,4\n")
    np.testing.assert_array_equal(table.numbers("a"), [5, np.nan, np.nan, 7])
    assert table.texts("a").tolist() == ["$5", "", "", "$7"]


def test_a_plural_is_the_same_unit():
    learned = Numeric("size", fill=2.0, mean=0.0, scale=1.0, amounts_in="room")
    for cells in (["1 room", "3 rooms"], ["2 rooms", "3 rooms"], ["1 room", None]):
        assert learned.read(read_frame({"size": cells})).values[0] == float(cells[0][0])
    with pytest.raises(DataError, match="column 'size' holds amounts in 'beds', the model learned 'room'"):
        learned.read(read_frame({"size": ["2 beds"]}))


def test_durations_are_seconds_in_every_format_of_numbers(tmp_path):
    table = table_of(tmp_path, "ride;km\n7 h 3 min;1,5\n45 min;1.200,25\n;3,0\n")
    assert table.dialect.decimal == ","
    np.testing.assert_array_equal(table.numbers("ride"), [7 * 3600 + 180, 2700, np.nan])
    assert table.column("ride", "number").unit == "s" and table.column("km", "number").unit is None


def test_a_mark_is_told_of_where_it_is_read_as_a_gap_alone(tmp_path):
    table = table_of(tmp_path, "a,b\n-,-\nx,1\n7,2\n")
    with pytest.raises(DataError, match="text 'x' in a numeric column"):
        table.numbers("a")
    assert not table.notes
    table.numbers("b")
    assert len(table.notes) == 1 and "column 'b': '-' is read as a missing value" in table.notes[0]


def test_errors_of_a_spreadsheet_are_gaps_among_numbers(tmp_path):
    table = table_of(tmp_path, "a,b\n1,x\n#DIV/0!,#REF!\n3,y\n")
    np.testing.assert_array_equal(table.numbers("a"), [1, np.nan, 3])
    assert table.texts("b").tolist() == ["x", "#REF!", "y"]


def test_two_currencies_are_refused(tmp_path):
    with pytest.raises(DataError, match="line 2, column 'a': text '\\$5' in a numeric column; take the currency away"):
        table_of(tmp_path, "a,b\n$5,1\n\u20ac5,2\n").numbers("a")


ROWS = "".join(f"{'xyz'[row % 3]},{row},{row * 1.5}\n" for row in range(12))
TITLES = {
    "filled up": "Sales 2023,,\n,,\n",
    "bare": "Sales 2023\nprinted on 2024-01-02\n",
    "comments": "# made by a tool\n",
    "of one cell in two": "Sales,,\nfrom:,,\n",
}


@pytest.mark.parametrize("title", TITLES)
def test_a_title_is_left_out(title, tmp_path):
    table = table_of(tmp_path, f"{TITLES[title]}kind,n,price\n{ROWS}")
    assert table.names == ["kind", "n", "price"] and len(table) == 12
    lines = TITLES[title].count("\n")
    assert table.lines[0] == lines + 2
    assert "left out, as a title" in table.notes[0] and table.notes[0].startswith(str(tmp_path / "t.csv"))


UNITS = {  # the row below the names: whether it is left out
    ",kg,EUR": True,
    "-,[m],%": True,
    "text,m²,kWh/d": True,
    "kind,kg,EUR": False,
    ",kg,": False,
    ",n/a,n/a": False,
    ",V,A": True,
    ",days,people": True,
    ",low,high": False,
    ",A,B": False,
    ",3,EUR": False,
    ",a long remark,EUR": False,
}


@pytest.mark.parametrize("units", UNITS)
def test_a_row_of_units_is_left_out(units, tmp_path):
    table = table_of(tmp_path, f"kind,n,price\n{units}\n{ROWS}")
    assert len(table) == 13 - UNITS[units] and table.lines[-1] == 14
    assert any(", line 2: the row below the names holds units" in note for note in table.notes) == UNITS[units]
    assert not any("text" in note for note in table.notes)


def test_a_row_of_units_above_a_single_row(tmp_path):
    table = table_of(tmp_path, "kind,n,price\n,kg,EUR\nx,3,4.5\n")
    assert len(table) == 1 and table.lines == [3] and "holds units (kg, EUR)" in table.notes[0]


def test_units_above_one_column_of_numbers_may_be_a_missing_value(tmp_path):
    assert len(table_of(tmp_path, "kind,n\n,unknown\na,1\nb,2\nc,3\n")) == 4


def test_a_title_above_semicolons(tmp_path):
    table = table_of(
        tmp_path, f"Umsatz 2023, vorläufig\nin Tausend Euro\nart;n;preis\n{ROWS.replace(',', ';').replace('.', ',')}"
    )
    assert table.names == ["art", "n", "preis"] and table.numbers("preis")[1] == 1.5


def test_a_title_above_a_streamed_table(tmp_path, monkeypatch):
    monkeypatch.setattr("nnlite.data.storage.text.HEAD_BYTES", 200)
    rows = "".join(f"{'xyz'[row % 3]},{row},$ {row * 1.5}\n" for row in range(60))
    (tmp_path / "t.csv").write_text(f"Sales,,\nof 2023,,\nkind,n,price\n{rows}")
    chunks = list(text_chunks(str(tmp_path / "t.csv")))
    assert sum(map(len, chunks)) == 60 and {tuple(chunk.names) for chunk in chunks} == {("kind", "n", "price")}
    assert np.concatenate([chunk.numbers("price") for chunk in chunks]).tolist() == [row * 1.5 for row in range(60)]
    assert chunks[-1].lines[-1] == 63


def test_what_is_no_title_stays(tmp_path):
    table = table_of(tmp_path, "name,,\na,b,c\nd,e,f\n")  # no numbers say that the second line names columns
    assert table.names == ["name", "x1", "x2"]
    assert table_of(tmp_path, f"kind,n,price\n{ROWS}").lines[0] == 2


def test_totals_are_left_out(tmp_path):
    total = f"Total,{sum(range(12))},{sum(range(12)) * 1.5}\n"
    table = table_of(tmp_path, f"kind,n,price\n{ROWS}{total}")
    assert len(table) == 12 and table.lines[-1] == 13
    assert table.notes[-1] == f"{tmp_path / 't.csv'}, line 14: the last row is the sum of the others, and is left out"


def test_a_word_of_totals_below_numbers_is_no_row(tmp_path):
    table = table_of(tmp_path, "n,price\n1,3\n2,4\nSumme,9\n")
    assert table.numbers("n").tolist() == [1, 2] and table.numbers("price").tolist() == [3, 4]
    assert table.notes[-1].endswith("line 4: the last row says 'Summe' below numbers, and is left out")


@pytest.mark.parametrize("last", ["Total,5,6\n", f"x,{sum(range(12))},{sum(range(12)) * 1.5}\n", "Total,,\n"])
def test_what_is_no_total_stays(last, tmp_path):
    assert len(table_of(tmp_path, f"kind,n,price\n{ROWS}{last}")) == 13


def test_an_export_is_learned_and_predicted(tmp_path, monkeypatch, capsys):
    """A title, a currency, percent signs and a total: two commands, and rows of another file and of Python."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    sizes, rates = random.uniform(30, 200, 200), random.uniform(1, 9, 200)
    prices = 1500 * sizes + 9000 * rates
    rows = [
        f'{size:.1f} m²,{rate:.2f}%,"${price:,.0f}"' for size, rate, price in zip(sizes, rates, prices, strict=True)
    ]
    total = f'Total,,"${prices.sum():,.0f}"'
    Path("t.csv").write_text("\n".join(["Houses sold,,", "size,rate,price", *rows, total, ""]))
    assert main(["init", "t.csv", "--target", "price"]) == 0
    assert main(["train", "t.yaml", "--out", "run", "--quiet", "--set", "fit.epochs=20"]) == 0
    assert main(["evaluate", "run"]) == 0
    assert main(["predict", "run", "t.csv", "-o", "out.csv"]) == 0
    assert len(Path("out.csv").read_text().splitlines()) == 201
    from nnlite import load

    model = load("run")
    row = {"size": "80.0 m²", "rate": "5.00%"}
    assert model.predict([row])[0] == model.predict([{"size": 80.0, "rate": 5.0}])[0]
    assert abs(float(model.predict([row])[0]) - 165_000) < 30_000
    assert main(["check", "t.yaml"]) == 0  # schedules of the dropout rate know a length of the training
    capsys.readouterr()


@pytest.mark.parametrize(("last", "told"), [("30.123", True), ("30.12", False)])
def test_points_that_may_stand_between_thousands_are_told(last, told, tmp_path):
    content = "a;b\n" + "".join(f"{row}.{row * 37 % 900 + 100};x\n" for row in range(1, 30)) + f"{last};y\n"
    table = table_of(tmp_path, content)
    assert table.numbers("a")[-1] == float(last)
    note = (
        f"{tmp_path / 't.csv'}: 1.137 and similar cells are read with decimals; if this is 1137, state `thousands: '.'`"
    )
    assert list(table.notes) == ([note] if told else [])
    stated = table_of(tmp_path, content, thousands=".")
    assert not told or (stated.numbers("a")[-1] == 30123 and note not in stated.notes)


def test_units_are_remembered(tmp_path, monkeypatch, capsys):
    """Amounts of another unit are refused; times are converted, bare numbers are taken."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    paid, minutes, hours = random.uniform(5, 99, 120), random.integers(1, 300, 120), random.integers(0, 24, 120)
    rows = [
        f"${p:.2f},{m // 60} h {m % 60} min,{h}:30,{p + m / 9 + 20 * (6 < h < 18):.2f}"
        for p, m, h in zip(paid, minutes, hours, strict=True)
    ]
    Path("t.csv").write_text("\n".join(["paid,ride,start,y", *rows, ""]))
    assert main(["init", "t.csv", "--target", "y"]) == 0
    assert main(["train", "t.yaml", "--out", "run", "--quiet", "--set", "fit.epochs=3"]) == 0
    capsys.readouterr()
    model = nnlite.load("run")
    assert [(column.name, column.kind, column.unit) for column in model.schema.columns] == [
        ("paid", "number", "$"), ("ride", "number", "s"), ("start", "date", None)
    ]  # fmt: skip
    row = {"paid": "$20", "ride": "1 h 30 min", "start": "8:30"}
    same = [
        row, {**row, "paid": 20.0}, {**row, "paid": "20.0"}, {**row, "ride": "90 min"}, {**row, "ride": "1:30:00"},
        {**row, "ride": 5400}, {**row, "start": "08:30:00"}, {**row, "start": "8:30 AM"},
    ]  # fmt: skip
    first = model.predict(row)
    assert all(model.predict(other) == first for other in same)
    for wrong, unit in (("\u20ac20", "\u20ac"), ("20 %", "%")):
        with pytest.raises(
            DataError, match=f"column 'paid' holds amounts in '{unit}', the model learned '\\$'; convert"
        ):
            model.predict({**row, "paid": wrong})
    for wrong, number in (("20,5", "20.5"), ("1 020,5 $", "1020.5"), ("20", "20")):
        with pytest.raises(DataError, match=f"column 'paid', row 0: .* is text; .* give the number {number}$"):
            model.predict({**row, "paid": wrong})
    Path("euro.csv").write_text("paid,ride,start\n\u20ac20,90 min,8:30\n\u20ac21,1 h,9:30\n", encoding="utf-8")
    assert main(["predict", "run", "euro.csv"]) == 3
    assert "column 'paid' holds amounts in '\u20ac'" in capsys.readouterr().err


def test_units_of_targets_are_remembered(tmp_path, monkeypatch, capsys):
    """A file of euros is no measure of a model of dollars; times are converted, bare numbers are taken."""
    monkeypatch.chdir(tmp_path)
    amounts = [100 + 7 * row for row in range(60)]
    for name, spelled in {"dollar": "${}", "euro": "{} \u20ac", "bare": "{}"}.items():
        rows = [f"{row * row % 50},{spelled.format(amount)}\n" for row, amount in enumerate(amounts)]
        Path(f"{name}.csv").write_text("x,price\n" + "".join(rows), encoding="utf-8")
    for name, spelled in {"hours": "{} h", "minutes": "{} min"}.items():
        factor = 60 if name == "minutes" else 1
        rows = [f"{row * row % 50},{spelled.format(amount * factor)}\n" for row, amount in enumerate(amounts)]
        Path(f"{name}.csv").write_text("x,time\n" + "".join(rows), encoding="utf-8")
    for config, target in (("dollar", "price"), ("hours", "time")):
        assert main(["init", f"{config}.csv", "--target", target]) == 0
        assert main(["train", f"{config}.yaml", "--out", config, "--quiet", "--set", "fit.epochs=1"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "dollar", "euro.csv"]) == 3
    assert "column 'price' holds amounts in '\u20ac', the model learned '$'" in capsys.readouterr().err
    figures = [nnlite.load(run).evaluate(f"{file}.csv") for run, file in (("dollar", "dollar"), ("dollar", "bare"))]
    assert figures[0] == figures[1]
    hours, minutes = (nnlite.load("hours").evaluate(f"{file}.csv") for file in ("hours", "minutes"))
    assert minutes["mae"] == pytest.approx(hours["mae"])
    frame = pd.DataFrame({"x": [1, 2, 3], "price": ["\u20ac1", "\u20ac2", "\u20ac3"]})
    with pytest.raises(DataError, match="column 'price' holds amounts in '\u20ac'"):
        nnlite.load("dollar").evaluate(frame)
