"""Charts: well-formed, described, escaped, readable numbers, gaps, and few bytes for many points."""

import re
import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest

from nnlite import charts
from nnlite.charts.axes import Axis
from nnlite.charts.png import png_bytes
from nnlite.charts.sampling import sampled, thinned
from nnlite.charts.ticks import linear_ticks, log_ticks, number_text, tick_texts
from nnlite.errors import ShapeError

EVIL = """<script>alert("1 & 2")</script>'"""
RANDOM = np.random.default_rng(0)


def every_kind(name="a", label="x"):
    line = charts.Series(name, [0, 1, 2], [1, 2, 4], [0, 1, 3], [2, 3, 5])
    return {
        "line": charts.line_chart([line, charts.Series("b", [0, 1], [2, np.nan])], name, label, label, diagonal=True),
        "scatter": charts.scatter_chart([1, 2, np.inf], [2, 3, 4], name, label, label, equal=True),
        "bar": charts.bar_chart([name, "b", "c"], [1, -2, np.nan], name, label, [0, -3, 0], [2, -1, 0]),
        "interval": charts.interval_chart([name], [0.5], [0.4], [0.6], name, label, [0.3], name),
        "heat map": charts.heat_map([[1, 2], [np.nan, 4]], [name, "b"], [name, "b"], name, label, label),
        "histogram": charts.histogram(RANDOM.normal(size=100), name, label, label),
    }


@pytest.mark.parametrize("kind", every_kind())
@pytest.mark.parametrize("name", ["a", EVIL])
def test_every_chart_is_well_formed_described_and_escaped(kind, name):
    chart = every_kind(name, name)[kind]
    root = ET.fromstring(chart.svg())
    assert [own.tag for own in root[:2]] == ["title", "desc"]
    assert root[0].text == name
    assert root[1].text == chart.description != ""
    assert root.get("role") == "img"
    assert root.get("aria-label") == f"{name}. {chart.description}"
    assert root.get("viewBox").split()[2] == "420"
    assert "id" not in {key for own in root.iter() for key in own}
    assert "http" not in chart.svg()
    assert "nan" not in re.sub(r">[^<]*<", "><", chart.svg()), "a coordinate that is not finite"
    numbers = [float(number) for number in re.findall(r'\b(?:x|y|x1|x2|y1|y2|cx|cy)="(-?[\d.]+)"', chart.svg())]
    assert len(numbers) > 4
    assert min(numbers) >= 0
    assert max(numbers) <= 430


def test_a_line_has_gaps_where_values_are_not_finite():
    chart = charts.line_chart([charts.Series("a", range(6), [1, 2, np.nan, 3, np.inf, 4])], "t")
    path = ET.fromstring(chart.svg()).find(".//path[@class='l']").get("d")
    assert path.count("M") == 3
    assert path.count("L") == 1
    assert "from 1 to 4, lowest 1 at x 0, highest 4" in chart.description


def test_points_stand_where_their_numbers_say():
    chart = charts.line_chart([charts.Series("a", [0, 10], [0, 1])], "t", log_y=True)
    assert "no finite" not in chart.description
    axis = Axis("x", 0.0, 10.0)
    np.testing.assert_allclose(axis.share([0, 5, 10, np.nan]), [0, 0.5, 1, np.nan])
    logs = Axis("x", 0.01, 100.0, log=True)
    np.testing.assert_allclose(logs.share([0.01, 1, 100, 0, -1]), [0, 0.5, 1, np.nan, np.nan])


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, -np.inf]])
def test_charts_of_nothing_say_so(values):
    for chart in (charts.line_chart([charts.Series("a", values, values)], "t"), charts.histogram(values, "t")):
        assert "no finite value" in chart.svg().lower()
        ET.fromstring(chart.svg())


@pytest.mark.parametrize("values", [[3.0, 3.0], [0.0, 0.0], [1e300, -1e300], [1e-300, 2e-300], [1e308, -1e308]])
def test_extreme_ranges_have_axes(values):
    svg = charts.line_chart([charts.Series("a", [0, 1], values)], "t").svg()
    assert "nan" not in svg.lower().replace("nnan", "")
    ET.fromstring(svg)


def test_many_points_are_thinned_and_keep_their_extremes():
    y = RANDOM.normal(size=100_000)
    y[12_345], y[54_321], y[777] = 50, -50, np.nan
    line = np.column_stack([np.arange(len(y)), y])
    few = thinned(line)
    assert len(few) <= 460
    assert {50, -50} <= set(few[:, 1])
    assert np.isnan(few[:, 1]).sum() == 1
    np.testing.assert_array_equal(few[[0, -1]], line[[0, -1]])
    assert len(charts.line_chart([charts.Series("a", *line.T)], "t").svg()) < 20_000
    scatter = charts.scatter_chart(*line[1000:].T, "t")
    assert len(scatter.svg()) < 20_000
    assert "A random 500 of 99,000 points" in scatter.note
    assert len(charts.heat_map(RANDOM.random((60, 60)), ["r"] * 60, ["c"] * 60, "t").svg()) < 110_000
    assert len(np.unique(sampled(10_000))) == 500
    np.testing.assert_array_equal(sampled(7), np.arange(7))


def test_a_large_heat_map_tells_where_the_largest_number_is():
    matrix, names = np.full((20, 20), np.nan), [str(number) for number in range(20)]
    assert charts.heat_map(matrix, names, names, "t").description == "20 by 20 cells, none of them finite."
    matrix[0, 0], matrix[3, 7] = np.inf, 2
    assert charts.heat_map(matrix, names, names, "t").description == "20 by 20 cells, the largest at 3, 7: 2."


def test_small_heat_maps_have_numbers_and_large_ones_none():
    small = charts.heat_map([[5, 7], [1, 2]], ["a", "b"], ["c", "d"], "t", "true", "predicted")
    assert [own.text for own in ET.fromstring(small.svg()).iter("text") if own.text.isdigit()] == ["5", "7", "1", "2"]
    assert "true a, predicted d: 7" in small.svg()
    assert small.description == "a: c 5, d 7; b: c 1, d 2."
    large = charts.heat_map(np.eye(50), ["r"] * 50, ["c"] * 50, "t")
    assert not [own.text for own in ET.fromstring(large.svg()).iter("text") if own.text.isdigit()]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-3, 17, [0, 5, 10, 15]),
        (99_000, 101_000, [99000, 99500, 100000, 100500, 101000]),
    ],
)
def test_ticks_are_round_numbers(low, high, ticks):
    np.testing.assert_allclose(linear_ticks(low, high), ticks, atol=1e-9)


def test_logarithmic_ticks_and_texts():
    np.testing.assert_allclose(log_ticks(0.001, 1000), [0.001, 0.1, 10, 1000])
    np.testing.assert_allclose(log_ticks(0.3, 2), [0.5, 1, 2])
    assert tick_texts([0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert tick_texts([-200_000, 0, 200_000]) == ["\N{MINUS SIGN}200k", "0", "200k"]
    assert tick_texts([0, 2e-5]) == ["0", "2e-05"]
    assert tick_texts(log_ticks(4e-5, 2)) == ["0.0001", "0.001", "0.01", "0.1", "1"]
    assert tick_texts([1, 100, 10_000]) == ["1", "100", "10k"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.98885, "0.9889"),
        (12345.678, "12,346"),
        (1234.5, "1,234.5"),
        (3.0, "3"),
        (1.2e-5, "1.2e-05"),
        (None, "\N{EN DASH}"),
        (np.nan, "\N{EN DASH}"),
    ],
)
def test_numbers_are_written_as_people_read_them(value, text):
    assert number_text(value) == text


def test_a_png_file_holds_its_pixels():
    for pixels in (
        RANDOM.integers(256, size=(3, 5), dtype=np.uint8),
        RANDOM.integers(256, size=(4, 2, 4), dtype=np.uint8),
    ):
        data = png_bytes(pixels)
        width, height, bits, colour = struct.unpack(">IIBB", data[16:26])
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        assert (height, width, bits, colour) == (*pixels.shape[:2], 8, {1: 0, 4: 6}[channels])
        start = data.index(b"IDAT")
        length = struct.unpack(">I", data[start - 4 : start])[0]
        rows = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + length]), np.uint8).reshape(height, -1)
        np.testing.assert_array_equal(rows[:, 1:].reshape(pixels.shape), pixels)
        assert struct.unpack(">I", data[start + 4 + length : start + 8 + length])[0] == zlib.crc32(
            data[start : start + 4 + length]
        )
    with pytest.raises(ShapeError, match="an image has the shape"):
        png_bytes(np.zeros((3, 3)))


def test_tables_are_escaped_and_aligned():
    table = charts.html_table(["a", EVIL], [["<b>", "1"], ["x" * 60, "2"]], numbers=(1,))
    ET.fromstring(table)
    assert "<script>" not in table
    assert "<b>" not in table
    assert 'class="long"' in table
    assert charts.aligned(["a", "n"], [["x", "1"], ["yy", "22"]], numbers=(1,)) == "a    n\n------\nx    1\nyy  22"


def test_both_themes_have_every_colour():
    light, dark = re.findall(r"\.nn\{((?:--[\w]+:#[0-9a-f]{6};)+)", charts.STYLE)
    assert re.findall(r"--\w+", light) == re.findall(r"--\w+", dark)
    assert {f"--c{place}" for place in range(8)} <= set(re.findall(r"--\w+", light))


def luminance(colour):
    channels = np.array([int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)])
    return float(
        np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    )


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_stand_out_from_the_background(theme):
    """WCAG 2: 4.5 for text, 3 for lines and marks."""
    found = re.findall(r"\.nn\{((?:--[\w]+:#[0-9a-f]{6};)+)", charts.STYLE)[theme]
    colours = dict(re.findall(r"--(\w+):#([0-9a-f]{6})", found))
    surface = luminance(colours["surface"])
    for name, least in {**{f"c{place}": 3.0 for place in range(8)}, "ink": 7.0, "soft": 4.5}.items():
        light, dark = sorted((luminance(colours[name]), surface), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least, name
