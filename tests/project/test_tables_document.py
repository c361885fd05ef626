"""docs/tables.md keeps its promises: its code runs, its numbers are the recipe's, and benchmarks have their places."""

import inspect
import re
from pathlib import Path

import pages
import pytest

from benchmarks import estimators
from benchmarks.report import around_markers, table, write_between_markers
from benchmarks.tabular import commands
from nnlite import NNClassifier, NNRegressor, documents
from nnlite.data import TableEncoder
from nnlite.estimators.fitting.recipe import Problem, Recipe
from nnlite.layers import CategoryEmbedding, Dense, Layer, PeriodicEmbedding, PiecewiseLinearEncoding, Scale
from nnlite.optimizers import LearningRateSchedule, Optimizer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tables.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = {name: pages.blocks_of(name, TEXT) for name in ("python", "yaml")}
ESTIMATORS = {"class": NNClassifier, "number": NNRegressor}
DEFAULTS = {task: estimator().get_params() for task, estimator in ESTIMATORS.items()}


@pytest.mark.parametrize("code", BLOCKS["python"], ids=range(len(BLOCKS["python"])))
def test_python_example_runs(code, tmp_path):
    if "pandas" in code or "as_frame" in code:
        pytest.importorskip("pandas")
    printed = pages.run_code(code, tmp_path)
    assert [line for line in pages.promised(code) if line not in printed.splitlines()] == []
    loss = re.search(r"has not seen: ([\d.]+)", printed)
    assert loss is None or float(loss[1]) < 0.15


def test_the_config_trains(tmp_path, monkeypatch):
    from nnlite.experiment import Experiment, train

    (code,) = BLOCKS["yaml"]
    path = tmp_path / "table.yaml"
    path.write_text(code)
    monkeypatch.chdir(tmp_path)
    assert train(Experiment.from_file(path, ["fit.epochs=8"]), quiet=True).metrics["test"]["accuracy"] > 0.9


def recipe(task, n_rows=1000, numbers=3):
    """The recipe of a default estimator for a made-up table: columns of numbers and, after them, one of codes."""
    problem = Problem(task, n_rows, numbers + 1, 2, {"class": "softmax"}.get(task), {numbers: 20}, list(range(numbers)))
    return Recipe(DEFAULTS[task], problem)


def steps(value, first=1):
    """What a recipe says of tables of more and more rows, as words: `128, 64 from 2,001 rows on`."""
    values = [value(rows) for rows in range(first, 20_001)]
    changes = [place for place in range(1, len(values)) if values[place] != values[place - 1]]
    return ", ".join([str(values[0]), *(f"{values[place]} from {place + first:,} rows on" for place in changes)])


def numbers_of(task):
    """What the default network of a task is made of: setting -> its value, as the page writes it."""
    made, optimizer = recipe(task), recipe(task).optimizer()
    single = Recipe({**DEFAULTS[task], "n_members": 1}, made.problem)
    layers = made.layers()
    dense = next(own for own in layers if type(own) is Dense)
    by_type = {type(own): own for own in layers}
    waves, codes = by_type.get(PeriodicEmbedding), by_type[CategoryEmbedding]
    most = max((count for count in range(1, 200) if recipe(task, numbers=count).has_waves), default=0)
    peak = optimizer.learning_rate.at(2**0.5 / 15 - 1 / 15) * (256 / made.batch_size) ** 0.5
    factors = optimizer.learning_rate_multipliers
    levels = inspect.signature(TableEncoder.fit).parameters["one_hot"].default
    return {
        "hidden layers": f"{sum(type(own) is Dense for own in layers) - 1} of {dense.units} units",
        "activation": type(dense.activation).__name__,
        "parametrization": f"{dense.parametrization}{', start by data' * dense.data_dependent_init}",
        "dropout": steps(lambda rows: dropout_of(recipe(task, rows))),
        "optimizer": f"{type(optimizer).__name__}, beta_1 {optimizer.beta_1}, beta_2 {optimizer.beta_2}",
        "learning rate for batches of 256": f"{type(optimizer.learning_rate).__name__}({peak:.4g})",
        "times, for `Scale`": f"{factors[by_type[Scale].name + '/*']:g}",
        "times, for biases": f"{factors['bias']:g}",
        "times, for waves": "no waves" if waves is None else f"{factors[waves.name + '/*']:g}",
        "weight decay": f"{written(optimizer.weight_decay)}, not of {' or '.join(optimizer.exclude_from_weight_decay)}",
        "waves of each number": "no waves"
        if waves is None
        else f"{waves.frequencies}, up to {most} columns of numbers",
        "numbers for these": "no waves" if waves is None else f"{waves.output_dim}",
        "pieces of each number": pieces(task),
        "numbers for each level": f"{codes.output_dim}, where there are more than {levels} levels",
        "epochs": steps(lambda rows: recipe(task, rows).epochs),
        "rows of a batch": steps(lambda rows: recipe(task, rows).batch_size, first=32),
        "networks": steps(lambda rows: recipe(task, rows).n_members),
        "rows set apart from a single network": f"{made.validation_fraction:.0%}".replace("%", " %"),
        "best epochs averaged in a single network": str(single.averaged_epochs),
        "temperature by which members are judged": steps(lambda rows: f"{recipe(task, rows).judging_temperature:g}"),
    }


def dropout_of(made):
    """The rate of dropout of a recipe, as the page writes it."""
    return written(LearningRateSchedule.get(made.dropout)) if made.dropout else "none"


def pieces(task):
    """How many bins each number has, from which number of rows on."""
    first = next((rows for rows in range(32, 20_001) if recipe(task, rows).has_pieces), None)
    if first is None:
        return "no pieces"
    (layer,) = (layer for layer in recipe(task, first).layers() if isinstance(layer, PiecewiseLinearEncoding))
    return f"{layer.num_bins} from {first} rows on, where there are waves"


def written(schedule):
    return f"{type(schedule).__name__}({schedule.value:g})"


def table_of_numbers():
    """What the page has between the markers `recipe`."""
    found = {task: numbers_of(task) for task in ESTIMATORS}
    rows = [[name, *(found[task][name] for task in ESTIMATORS)] for name in found["class"]]
    return table([["setting", "classes", "numbers"], *rows])


def test_the_numbers_of_the_page_are_the_recipes():
    before, after = around_markers(PAGE, "recipe")
    written = TEXT[len(before) : -len(after)].splitlines()[1:-1]
    assert written == table_of_numbers().splitlines(), f"PYTHONPATH=. python {__file__} writes the table again"


@pytest.mark.parametrize("task", ESTIMATORS)
def test_the_docstrings_have_the_same_numbers(task):
    text = " ".join(ESTIMATORS[task].__doc__.split())
    found, optimizer = numbers_of(task), recipe(task).optimizer()
    rate, *others = found["dropout"].split(", ", 1)
    assert f"is `{rate}`" in text
    assert others == (["none from 2,001 rows on, FlatCosine(0.15) from 10,001 rows on"] if task == "number" else [])
    assert ("0 for members from 2,001 rows on" in text) == (task == "number")
    assert f"is `{written(optimizer.weight_decay)}`" in text
    assert f'"auto"` is {found["activation"]}' in text
    few, many = recipe(task, 100).epochs, recipe(task, 100_000).epochs
    assert f'"auto"` is {few} up to 2,000 rows, else {many}' in text
    assert recipe(task, 2000, numbers=17).epochs == few and recipe(task, 2001, numbers=17).epochs == many
    if task == "number":
        assert "with up to 16 columns of numbers, 64 from 640 rows on" in text
        assert recipe(task, 639, numbers=16).epochs == few and recipe(task, 640, numbers=16).epochs == 64
    members = [recipe(task, rows).n_members for rows in (19, 20, 99, 100, 2_000, 2_001, 10_000, 10_001)]
    most = {"class": "5 from", "number": "8 from 100 to 2,000 rows, else 5 from"}[task]
    assert f'"auto"` is {most} 20 to 10,000 rows, else 1' in text
    assert members == [1, 5, 5, *[{"class": 5, "number": 8}[task]] * 2, 5, 5, 1]


def test_the_config_of_the_defaults_is_the_recipe():
    config = documents.Document(ROOT / "configs" / "table_defaults.yaml").values
    made = Recipe({**DEFAULTS["number"], "n_members": 1}, Problem("number", 18_576, 13, 1, None, {}, list(range(8))))
    scaling, *layers = map(Layer.get, config["model"])
    assert scaling.columns == made.problem.numbers
    assert list(map(without_name, layers)) == list(map(without_name, made.layers()))
    found, wanted = Optimizer.get(config["compile"]["optimizer"]).get_config(), made.optimizer().get_config()
    found["learning_rate_multipliers"]["input_scale/*"] = found["learning_rate_multipliers"].pop("scale")
    assert found == wanted
    assert config["fit"]["epochs"] == made.epochs and config["fit"]["batch_size"] == made.parameters["batch_size"]


def without_name(layer):
    return type(layer).__name__, {key: value for key, value in layer.get_config().items() if key != "name"}


def test_benchmarks_have_their_places():
    for module in (commands, estimators):
        assert module.DOCUMENT == PAGE
        assert len(around_markers(module.DOCUMENT, module.SECTION)) == 2


def test_pages_that_are_named_exist():
    named = [name for name in re.findall(r"\]\(([^)#]+)\)", TEXT) if not name.startswith("https://arxiv.org/abs/")]
    assert [name for name in named if not (ROOT / "docs" / name).exists()] == []


if __name__ == "__main__":
    write_between_markers(PAGE, "recipe", table_of_numbers())
