"""Charts and tables as HTML: inline SVG without scripts, light and dark, made with NumPy alone."""

from nnlite.charts.bars import bar_chart, interval_chart
from nnlite.charts.chart import STYLE, Chart, notebook
from nnlite.charts.heat_map import heat_map
from nnlite.charts.histogram import bar_strip, binned, histogram
from nnlite.charts.lines import Series, line_chart
from nnlite.charts.png import png_uri
from nnlite.charts.scatter import scatter_chart
from nnlite.charts.tables import aligned, aligned_lines, boxed, html_table
from nnlite.charts.ticks import number_text

__all__ = [
    "STYLE",
    "Chart",
    "Series",
    "aligned",
    "aligned_lines",
    "bar_chart",
    "bar_strip",
    "binned",
    "boxed",
    "heat_map",
    "histogram",
    "html_table",
    "interval_chart",
    "line_chart",
    "notebook",
    "number_text",
    "png_uri",
    "scatter_chart",
]
