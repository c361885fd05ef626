"""The JSON Schema of configs agrees with what is read, and the catalogue shows what there is."""

import random
from pathlib import Path

import pytest

from nnlite.documents import Document, parse
from nnlite.errors import ConfigError
from nnlite.experiment import Experiment
from nnlite.experiment.catalogue import KINDS, catalogue
from nnlite.experiment.schema import config_schema
from nnlite.registry import constructor_parameters, snake_case
from nnlite.registry.descriptions import argument_texts, summary_of

CONFIGS = {path.stem: path for path in sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))}


@pytest.fixture(scope="module")
def validator():
    jsonschema = pytest.importorskip("jsonschema")
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def raw(path):
    return parse(path.read_text(encoding="utf-8"), str(path))[1]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_is_valid_also_with_all_defaults(validator, name):
    validator.validate(raw(CONFIGS[name]))
    validator.validate(Experiment.from_file(CONFIGS[name]).rendered())


def entries(values):
    """`(mapping, key)` of all keys within."""
    if isinstance(values, dict):
        for key in values:
            yield values, key
            yield from entries(values[key])
    elif isinstance(values, list):
        for item in values:
            yield from entries(item)


@pytest.mark.parametrize("name", ["digits", "functional_table", "agreement_attention", "table_defaults"])
def test_configs_with_a_misspelt_key_are_not(validator, name):
    draw = random.Random(0)
    for number in range(len(list(entries(raw(CONFIGS[name]))))):
        values = raw(CONFIGS[name])
        mapping, key = list(entries(values))[number]
        place = draw.randrange(len(key) + 1)
        mapping[f"{key[:place]}q{key[place:]}"] = mapping.pop(key)
        try:
            Experiment.get(values)
        except ConfigError:
            graph = values.get("model") if isinstance(values.get("model"), dict) else {}
            if mapping not in (graph.get("inputs"), graph.get("layers")):  # else: a name of the user's own
                assert not validator.is_valid(values), key
        else:
            validator.validate(values)


GOOD = """
seed: 1
data: {source: {SklearnDataset: {name: iris}}, split: {validation: 0.2}}
model: [Normalization, {Dense: {units: 8, activation: relu}}, {Dropout: {rate: 0.2}}, {Dense: {units: 3}}]
compile: {optimizer: {Adam: {learning_rate: 1e-3}}, loss: {SparseCategoricalCrossentropy: {from_logits: true}}}
fit: {epochs: 3, max_time: 10m, callbacks: [{EarlyStopping: {patience: 2}}]}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("relu", "ReLU"),
        ("relu", "leaky_relu"),
        ("relu", "LEAKYRELU"),
        ("relu", "{ELU: {alpha: 0.5}}"),
        ("relu", "null"),
        ("units: 8", 'units: "${seed}"'),
        ("Dropout", "drop_out"),
        ("0.2}}, {Dense", "{CosineDecay: {initial_learning_rate: 0.1, decay_steps: 9}}}}, {Dense"),
        ("{Adam: {learning_rate: 1e-3}}", "adam"),
        ("{Adam: {learning_rate: 1e-3}}", "{SGD: null}"),
        ("10m", "600"),
        ("seed: 1", "variables: {a: 1}"),
    ],
)
def test_what_is_read_is_valid(validator, old, new, tmp_path):
    text = GOOD.replace(old, new, 1)
    (tmp_path / "c.yaml").write_text(text)
    Experiment.from_file(tmp_path / "c.yaml")
    validator.validate(parse(text, "text")[1])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("relu", "rleu"),
        ("units: 8", "units: 0"),
        ("units: 8", "units: eight"),
        ("units: 8, ", ""),
        ("rate: 0.2", "rate: 1.5"),
        ("Normalization", "Dense"),
        ("from_logits: true", "from_logits: yes"),
        ("10m", "10 minutes"),
        ("patience: 2", "patience: -1"),
        ("epochs: 3", "verbose: 1"),
        ("name: iris", "name: 3"),
        ("{Dropout: {rate: 0.2}}", "{Dropout: {rate: 0.2}, Flatten: {}}"),
        ("seed: 1", "sede: 1"),
        (GOOD[GOOD.index("compile") : GOOD.index("fit")], ""),
    ],
)
def test_what_is_refused_is_not_valid(validator, old, new):
    values = parse(GOOD.replace(old, new, 1), "text")[1]
    with pytest.raises(ConfigError):
        Experiment.get(values)
    assert not validator.is_valid(values)


def test_a_config_that_includes_another_needs_no_sections(validator):
    assert validator.is_valid({"include": "base.yaml", "fit": {"epochs": 3}})
    assert not validator.is_valid({"fit": {"epochs": 3}})


def test_the_schema_says_what_arguments_mean():
    schema = config_schema()
    dense = schema["$defs"]["layer.Dense"]
    assert dense["properties"]["units"]["description"] == "number of outputs."
    assert dense["properties"]["use_bias"]["default"] is True
    assert dense["required"] == ["units"] and "activation(inputs @ kernel + bias)" in dense["description"]
    assert schema["properties"]["fit"]["anyOf"][0] == {"$ref": "#/$defs/FitArguments"}
    assert "max_time" in schema["$defs"]["FitArguments"]["properties"]
    named = schema["$defs"]["layer"]["anyOf"][-1]["properties"]
    assert {"BatchNormalization", "batch_normalization"} <= set(named)


@pytest.mark.parametrize("kind", KINDS)
def test_the_catalogue_has_one_line_for_each_class(kind, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = catalogue(kind).splitlines()
    assert [line.split()[0] for line in lines] == list(KINDS[kind].members())
    assert max(map(len, lines)) <= 100
    assert [line.split()[:2] for line in catalogue().splitlines() if line.startswith(f"{kind} ")] == [
        [kind, f"{len(lines)}"]
    ]
    starts = {len(line) - len(line[line.index(" ") :].lstrip()) for line in lines if " " in line}
    assert len(starts) == 1  # columns are aligned


@pytest.mark.parametrize("kind", KINDS)
def test_the_catalogue_shows_every_argument(kind):
    for name, cls in KINDS[kind].members().items():
        assert summary_of(cls), name
        text = catalogue(kind, snake_case(name))
        shown = [line.split()[0] for line in text.splitlines() if line[:1].strip()]
        assert set(constructor_parameters(cls)) <= set(shown), name


def test_the_catalogue_of_one_class(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    lines = catalogue("layers", "dropout").splitlines()
    assert lines[0].startswith("Dropout: ") and lines[2].split() == ["ARGUMENT", "TYPE", "DEFAULT", "MEANING"]
    start = lines[2].index("MEANING")
    rate = next(line for line in lines if line.startswith("rate"))
    assert rate.split()[-1] and rate[start - 2 : start] == "  " and "required" in rate
    assert "number in [0, 1] or schedule" in " ".join(line[: lines[2].index("DEFAULT")] for line in lines)
    assert catalogue("activations", "ReLU").count("slope") >= 1
    assert catalogue("regularizers", "l2") == catalogue("regularizers", "L2")
    assert "Also named mse." in catalogue("losses", "mse")
    assert catalogue("dropout") == catalogue("layers", "Dropout")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("layer",), "unknown kind or class 'layer'; did you mean 'layers'?"),
        (("Dens",), "unknown kind or class 'Dens'; did you mean 'Dense'? The kinds: layers, losses,"),
        (("Softmax",), "'Softmax' is a class of several kinds; write one before it: layers or activations"),
        (("layers", "Dens"), "unknown layer 'Dens'; did you mean 'Dense'?"),
    ],
)
def test_the_catalogue_of_what_is_not_there(arguments, message):
    with pytest.raises(ConfigError) as caught:
        catalogue(*arguments)
    assert str(caught.value).startswith(message)


def test_arguments_are_described_where_their_class_refers_to_another():
    texts = argument_texts(KINDS["layers"].members()["LSTM"])
    assert texts["units"] == "length of each state." and "return_sequences" in texts
    assert argument_texts(KINDS["layers"].members()["Conv2D"])["filters"]


def test_a_document_is_read_as_it_was_rendered(tmp_path):
    from nnlite.documents import dump

    for path in CONFIGS.values():
        rendered = Experiment.from_file(path).rendered()
        (tmp_path / "rendered.yaml").write_text(dump(rendered), encoding="utf-8")
        assert Document(tmp_path / "rendered.yaml").values == rendered
        assert Experiment.from_file(tmp_path / "rendered.yaml").rendered() == rendered
