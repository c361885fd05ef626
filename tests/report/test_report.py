"""The report: every kind of run has its figures, the numbers are those of metrics.json, and nothing is loaded."""

import html.parser
import json
import re
import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from nnlite.cli import main
from nnlite.errors import DataError
from nnlite.experiment import Experiment, Run, train
from nnlite.metrics.scores import confusion_matrix
from nnlite.report import Report
from nnlite.report.evidence import subject as subject_module
from nnlite.report.evidence.features import Features, _dates
from nnlite.report.evidence.gradients import gradient_norms
from nnlite.report.evidence.images import image_shape
from nnlite.report.evidence.intervals import intervals
from nnlite.report.evidence.subject import Subject
from tests.report.runs import CLASSES, KINDS, config, csv_config, digits, table, write_csv, xor

ALWAYS = {"metrics", "learning", "worst", "inputs", "gradients", "data", "record"}
JUDGED = {"labels": "labels", "regression": "residuals", "series": "residuals"}
FIGURES = {
    "classes": {"Confusion matrix", "ROC curve", "Precision and recall", "Calibration", "Most frequent confusions"},
    "binary": {"Confusion matrix", "ROC curve", "Precision and recall", "Calibration", "Thresholds for yes"},
    "labels": {"F1 of each label", "ROC curve", "Precision and recall", "Calibration", "Labels"},
    "regression": {
        "price: predicted and actual",
        "price: residuals",
        "price: distribution of residuals",
        "Target price",
    },
    "digits": {"Confusion matrix", "Sensitivity", "Classes"},
    "images": {"Confusion matrix", "Sensitivity"},
    "series": {"Error of each target", "Sensitivity"},
    "texts": {"Confusion matrix", "Words of a text"},
    "xor": {"Confusion matrix", "Sensitivity"},
}
OF_TABLES = {"Sensitivity", "Permutation importance", "Partial dependence: place", "Partial dependence: age"}


class Reader(html.parser.HTMLParser):
    """What a page holds: open tags, attributes that load, ids, captions."""

    VOID = ("meta", "img", "link", "br")

    def __init__(self, page):
        super().__init__()
        self.open, self.loads, self.ids, self.links, self.tags, self.unclosed = [], [], [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.loads += [
            attributes[name] for name in ("src", "srcset", "data", "background", "poster") if name in attributes
        ]
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if "href" in attributes else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="session")
def pages(runs):
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = Report(runs(kind)).html
        return made[kind]

    return get


def captions(page):
    return set(re.findall(r"<figcaption><b>([^<]*)</b>", page))


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_whole_and_loads_nothing(kind, pages):
    page = pages(kind)
    reader = Reader(page)
    assert reader.open == []
    assert len(set(reader.ids)) == len(reader.ids)
    assert {link for link in reader.links if not link.startswith("#")} == set()
    assert {link[1:] for link in reader.links} == set(reader.ids)
    assert all(source.startswith("data:image/png;base64,") for source in reader.loads)
    assert {"script", "iframe", "link", "object", "form"} & set(reader.tags) == set()
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page
    assert "url(" not in page
    assert len(page) < 150_000
    assert "nan" not in re.sub(r">[^<]*<", "><", re.sub(r'(title|alt|aria-label)="[^"]*"', "", page)).lower()


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_is_well_formed_and_described(kind, pages):
    pictures = re.findall(r"<svg.*?</svg>", pages(kind), re.DOTALL)
    assert len(pictures) > 3
    for picture in pictures:
        root = ET.fromstring(picture)
        assert [own.tag for own in root[:2]] == ["title", "desc"]
        assert root[0].text
        assert root[1].text
        assert root.get("role") == "img"
        assert root.get("aria-label").startswith(root[0].text)
    for image in re.findall(r"<img [^>]*>", pages(kind)):
        assert re.search(r'alt="[^"]{5,}"', image)


@pytest.mark.parametrize("kind", KINDS)
def test_every_section_and_figure_is_present(kind, pages):
    page = pages(kind)
    assert set(Reader(page).ids) == ALWAYS | {JUDGED.get(kind, "classes")}
    wanted = FIGURES[kind] | (OF_TABLES if kind in ("classes", "binary", "labels", "regression") else set())
    assert wanted - captions(page) == set()
    assert "loss" in captions(page)


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_are_those_of_the_file_exactly(kind, runs, pages):
    run = runs(kind)
    wanted = []
    for part, values in run.metrics.items():
        for name, value in values.items():
            wanted.append(value)
            wanted += [run.baseline[part][name]] if name in run.baseline.get(part, {}) else []
    shown = [float(own) for own in re.findall(r'<data value="([^"]*)">', pages(kind))]
    assert shown == [value for value in wanted if value is not None]
    assert all(html.escape(warning) in pages(kind) for warning in run.warnings)


def test_names_of_columns_and_classes_are_escaped(pages):
    for kind in ("classes", "regression"):
        assert "<b>Rome" not in pages(kind)
        assert "<i>a" not in pages(kind)
        assert "<m2>" not in pages(kind)
        assert "&lt;b&gt;Rome&lt;/b&gt;" in pages(kind)


def test_the_confusion_matrix_counts_rows(runs, pages):
    run = runs("classes")
    subject = Subject(run)
    codes, _probabilities, chosen = subject.flat_classes("test")
    matrix = confusion_matrix(codes, chosen, 3)
    assert matrix.sum() == len(subject.arrays("test")[0])
    assert f"true b, predicted c: {int(matrix[1, 2])}" in pages("classes")
    assert np.trace(matrix) / matrix.sum() == pytest.approx(run.metrics["test"]["accuracy"])


@pytest.mark.parametrize("kind", ["classes", "binary", "labels", "regression", "digits", "series", "xor"])
def test_intervals_hold_the_metric_and_narrow_with_rows(kind, runs):
    subject = Subject(runs(kind))
    part = subject.part
    ends = intervals(subject, part)
    defined = {name for name, value in subject.measured.parts[part].items() if value is not None}
    assert {"loss"} | (defined & {"accuracy", "rmse", "f1_macro", "mean_absolute_error"}) <= set(ends)
    for name, (low, high) in ends.items():
        assert low <= subject.measured.parts[part][name] + 1e-9
        assert high >= subject.measured.parts[part][name] - 1e-9
    assert intervals(Subject(runs(kind)), part) == ends


def test_the_interval_of_a_mean_is_that_of_the_central_limit(runs):
    subject = Subject(runs("digits"))
    rows = len(subject.arrays("test")[0])
    share = subject.measured.parts["test"]["accuracy"]
    low, high = intervals(subject, "test")["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / rows), rel=0.25)


def test_features_know_what_matters(runs):
    features = Features.of(Subject(runs("regression")))
    assert list(features.places) == ["size <m2>", "age", "place"]
    assert [features.is_number(name) for name in features.places] == [True, True, False]
    x, model = features.x, features.subject.model
    _, jacobian = model.predict(x, verbose=0, return_jacobian=True)
    expected = np.abs(jacobian[:, 0, 0].astype(float)).mean() * x[:, 0].std(dtype=float)
    assert features.sensitivities["size <m2>"] == pytest.approx(expected, rel=1e-5)
    assert next(iter(features.sensitivities)) == next(iter(features.importance)) == "size <m2>"


def test_partial_dependence_is_the_mean_over_the_rows(runs):
    features = Features.of(Subject(runs("regression")))
    found = features.dependence("size <m2>")
    assert found.values == sorted(found.values)
    assert 20 < found.values[0] < 50 < found.values[-1] < 90
    encoder = next(own for own in features.subject.encoded_columns.columns if own.name == "size <m2>")
    changed = features.x.copy()
    changed[:, 0] = (found.values[3] - encoder.mean) / encoder.scale
    expected = features.subject.target.units(features.subject.predict(changed)).mean()
    assert found.curves["price"][3] == pytest.approx(expected, rel=1e-4)
    assert (found.low <= found.curves["price"]).all()
    assert (found.high >= found.curves["price"]).all()
    places = features.dependence("place")
    assert places.values == ["<b>Rome</b>", "Bern", "Oslo & Bergen"]


def test_gradient_norms_are_those_of_the_gradients(runs):
    subject = Subject(runs("classes"))
    norms = gradient_norms(subject)
    x, y = subject.arrays("training")
    gradients = subject.model.per_example_gradients(x, y, flat=False)
    assert [own.name for own in norms] == list(gradients)
    for own in norms:
        each = gradients[own.name].reshape(len(x), -1)
        np.testing.assert_allclose(own.rows, np.linalg.norm(each, axis=1), rtol=1e-4)
        assert own.batch == pytest.approx(np.linalg.norm(each.mean(axis=0)), rel=1e-4, abs=1e-7)


def test_which_rows_are_images(runs):
    assert image_shape(Subject(runs("digits"))) == (8, 8, 1)
    assert image_shape(Subject(runs("images"))) == (8, 8, 1)
    assert [image_shape(Subject(runs(kind))) for kind in ("regression", "series", "texts", "xor")] == [None] * 4


@pytest.mark.parametrize("kind", ["digits", "images"])
def test_the_worst_images_are_shown_worst_first(kind, runs, pages):
    subject = Subject(runs(kind))
    losses = subject.row_losses(*subject.arrays("test"), subject.raw_outputs["test"])
    shown = [int(row) for row in re.findall(r'alt="row (\d+):', pages(kind))]
    np.testing.assert_array_equal(shown, np.argsort(-losses, kind="stable")[:24])
    truth = subject.truth("test")[shown[0]]
    assert f'alt="row {shown[0]}: {truth}, predicted ' in pages(kind)


def test_the_worst_rows_of_a_table_are_its_lines(runs, pages):
    subject = Subject(runs("regression"))
    worst = int(subject.row_losses(*subject.arrays("test"), subject.raw_outputs["test"]).argmax())
    line = subject.table.lines[subject.rows("test")[worst]]
    section = pages("regression").split('<section id="worst">')[1].split("</section>")[0]
    assert re.search(r"<tbody><tr><td>(\d+)</td>", section)[1] == str(line)


def test_a_report_without_its_data_says_what_is_missing(tmp_path):
    path = table(tmp_path)
    run = train(Experiment.get(csv_config(path, "kind", 3, CLASSES)), tmp_path / "run", quiet=True)
    (tmp_path / "table.csv").unlink()
    page = Report(tmp_path / "run").html
    assert set(Reader(page).ids) == {"metrics", "learning", "record"}
    assert "The data could not be read" in page
    assert "table.csv" in page
    shown = [float(own) for own in re.findall(r'<data value="([^"]*)">', page)]
    assert set(shown) >= {value for value in run.metrics["test"].values() if value is not None}


def test_a_model_that_diverged_has_a_report(tmp_path):
    made = digits(2)
    made["compile"]["optimizer"] = {"SGD": {"learning_rate": 1e30}}
    made["fit"]["on_divergence"] = "ignore"
    with np.errstate(all="ignore"):
        run = train(Experiment.get(made), tmp_path / "run", quiet=True)
        page = Report(run).html
    assert run.metrics["test"]["loss"] is None
    Reader(page)
    assert "training diverged" in page


@pytest.mark.parametrize("damage", ["metrics.json", "history.csv", "environment.json"])
def test_damaged_files_are_named(damage, runs, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(runs("xor").folder, folder)
    (folder / damage).write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=rf"{re.escape(damage)}: is not what the training wrote.*or remove .*manifest"):
        Report(folder)
    (folder / "manifest.json").unlink()  # the remedy; older folders have none
    if damage == "metrics.json":
        with pytest.raises(DataError, match=r"metrics\.json: damaged"):
            Report(folder)
    else:
        assert damage in Report(folder).html or damage == "history.csv"


@pytest.mark.parametrize("columns", ["epochs,loss,val_loss\n0,1,2\n", "epoch,loss\n0.5,1\n", "epoch,loss\n,1\n"])
def test_a_history_that_counts_no_epochs_is_damaged(columns, runs, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(runs("xor").folder, folder)
    (folder / "history.csv").write_text(columns, encoding="utf-8")
    (folder / "manifest.json").unlink()
    assert "damaged (the column `epoch` has to hold integers)" in Report(folder).html


def test_the_command_writes_the_page(runs, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(runs("xor").folder, folder)
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out == f"report: {folder / 'report.html'}\n"
    Reader((folder / "report.html").read_text(encoding="utf-8"))
    assert main(["report", str(folder), "-o", str(tmp_path / "nowhere" / "r.html")]) == 2
    assert "the folder" in capsys.readouterr().err
    assert main(["report", str(tmp_path)]) == 3
    assert "not a run folder" in capsys.readouterr().err


def test_a_picture_without_a_browser_is_one_clear_error(runs, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "copy"
    shutil.copytree(runs("xor").folder, folder)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main(["report", str(folder), "--png"]) == 3
    assert "no Chromium, Chrome or Edge is found" in capsys.readouterr().err
    assert (folder / "report.html").is_file()


def test_training_writes_a_report_when_asked(tmp_path, capsys):
    path = tmp_path / "xor.yaml"
    path.write_text(json.dumps(xor()), encoding="utf-8")
    assert main(["train", str(path), "--quiet", "--report", "--out", str(tmp_path / "run")]) == 0
    assert f"report: {tmp_path / 'run' / 'report.html'}" in capsys.readouterr().out
    assert Run(tmp_path / "run").metrics


def test_a_notebook_shows_the_report(runs):
    report = Report(runs("xor"))
    shown = report._repr_html_()
    assert shown.startswith('<div class="nn"')
    assert "Confusion matrix" in shown
    assert "<html" not in shown
    assert repr(report) == f"Report(of {runs('xor').folder})"


def test_large_images_wide_tables_and_many_classes_stay_small(tmp_path):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "large.npz", x=random.random((60, 200, 150, 3)).astype(np.float32), y=np.arange(60) % 2)
    source = {"Npz": {"path": str(tmp_path / "large.npz"), "inputs": "x", "target": "y"}}
    model = [{"AveragePooling2D": {"pool_size": 25}}, "Flatten", {"Dense": {"units": 2}}]
    page = Report(train(Experiment.get(config(source, model, CLASSES, epochs=1)), tmp_path / "images", quiet=True)).html
    assert len(page) < 150_000
    assert page.count('alt="row ') == 7

    rows, columns = 600, {f"column_{place}": random.normal(size=600).round(3).tolist() for place in range(80)}
    write_csv(tmp_path / "wide.csv", {**columns, "y": [f"class {row % 40}" for row in range(rows)]})
    source = {"Csv": {"path": str(tmp_path / "wide.csv"), "target": "y"}}
    made = config(source, [{"Dense": {"units": 40}}], CLASSES, epochs=1)
    page = Report(train(Experiment.get(made), tmp_path / "wide", quiet=True)).html
    assert len(page) < 150_000
    assert "Each of the 40 classes" in page
    assert "more columns are not shown" in page


def test_slopes_are_summed_over_pieces(runs, monkeypatch):
    subject = Subject(runs("digits"))
    x = subject.arrays("test")[0][:50]
    jacobian = subject.model.predict(x, verbose=0, return_jacobian=True)[1]
    expected = np.abs(jacobian.astype(float)).mean(axis=(0, 1))
    np.testing.assert_allclose(subject.mean_slopes(x), expected, rtol=1e-5)
    monkeypatch.setattr(subject_module, "SLOPES_AT_ONCE", 7 * 640)
    np.testing.assert_allclose(subject.mean_slopes(x), expected, rtol=1e-5)
    monkeypatch.setattr(subject_module, "MOST_SLOPES", 10 * 640)
    np.testing.assert_allclose(subject.mean_slopes(x), np.abs(jacobian[:10].astype(float)).mean(axis=(0, 1)), rtol=1e-5)


@pytest.mark.parametrize("spelling", ["{:.1f}", "${:,.2f}"])
def test_partial_dependence_on_numbers_with_gaps_is_one_on_numbers(spelling, tmp_path):
    random = np.random.default_rng(0)
    sizes = random.uniform(20, 1500, 200)
    spelt = [spelling.format(size) if row % 20 else "" for row, size in enumerate(sizes)]
    write_csv(tmp_path / "flats.csv", {"size": spelt, "price": sizes + random.normal(size=200)})
    source = {"Csv": {"path": str(tmp_path / "flats.csv"), "target": "price"}}
    run = train(Experiment.get(config(source, [{"Dense": {"units": 1}}], "mse")), tmp_path / "run", quiet=True)
    features = Features.of(Subject(run))
    assert len(features.places["size"]) == 2  # the number, and whether it is missing
    values = features.dependence("size").values
    assert len(values) == 20 and values == sorted(values) and values[0] < 100 < 1400 < values[-1]


def test_partial_dependence_on_dates_is_in_their_order(tmp_path):
    """Spelt day first, dates of a month come together in the order of texts; a dependence is one on time."""
    days = np.datetime64("2021-01-01") + np.random.default_rng(0).permutation(200)
    spelt = [f"{day.astype(object):%d.%m.%Y}" for day in days]
    spelt[7] = ""
    write_csv(tmp_path / "sold.csv", {"sold": spelt, "price": np.random.default_rng(1).normal(size=200)})
    source = {"Csv": {"path": str(tmp_path / "sold.csv"), "target": "price"}}
    run = train(Experiment.get(config(source, [{"Dense": {"units": 1}}], "mse")), tmp_path / "run", quiet=True)
    features = Features.of(Subject(run))
    dependence = features.dependence("sold")
    assert len(dependence.values) == 12 and dependence.values == sorted(dependence.values)
    sample = [spelt[row] for row in features.source_rows if spelt[row]]
    assert {f"{day[8:]}.{day[5:7]}.{day[:4]}" for day in dependence.values} <= set(sample)
    stamps = np.array(["2021-01-02T10:30", "NaT", "2021-01-01T00:00"], "datetime64[s]")
    assert _dates(stamps) == (["2021-01-01T00:00", "2021-01-02T10:30"], [2, 0])
