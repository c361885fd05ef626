"""Suggestions for what was probably meant: right for typical typos of all keys and values that configs have."""

import random
import re
import string
import typing

import pytest
from registered import registered

import nnlite.experiment  # noqa: F401 - registers what configs name
from nnlite.callbacks import Callback
from nnlite.data import DataSource, Split
from nnlite.errors import ConfigError, did_you_mean
from nnlite.errors.spelling import nearest
from nnlite.experiment.arguments import FitArguments, call_parameters
from nnlite.experiment.catalogue import KINDS
from nnlite.layers import Dense, Layer
from nnlite.registry import Configurable, constructor_parameters, field_hints, snake_case
from nnlite.registry.field_types import read


def typos(name, draw):
    """One typing error of each kind, and the name in other styles of writing."""
    place = draw.randrange(len(name))
    letter = draw.choice(string.ascii_lowercase)
    yield name[:place] + letter + name[place:]
    yield name[:place] + letter + name[place + 1 :]
    if len(name) > 2:
        yield name[:place] + name[place + 1 :]
        place = draw.randrange(len(name) - 1)
        yield name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    yield name.upper()
    yield name.replace("_", "-")
    yield name.replace("_", "")
    yield "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    yield snake_case(name).replace("_", "-")


def suggested(message):
    hint = re.search(r"did you mean (.*?)\? ", message + " ")
    return re.findall(r"[^'\s]+", hint[1].replace("' or '", "' '").replace("'", " ")) if hint else []


def classes():
    return [member for family in KINDS.values() for member in registered(family).values()]


def error_of(call, *arguments):
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    return str(caught.value)


def test_typos_of_keys_are_recognised():
    draw, right, wrong = random.Random(0), 0, []
    for cls in classes():
        if cls.from_config.__func__ not in (Configurable.from_config.__func__, Layer.from_config.__func__):
            continue  # a Model, which reads numbers of layers
        parameters = constructor_parameters(cls)
        for key in parameters:
            for typo in typos(key, draw):
                if typo not in parameters:
                    message = error_of(cls.from_config, {typo: None})
                    message = next(line for line in message.splitlines() if repr(typo) in line)
                    hit = key in suggested(message)
                    right += hit
                    wrong += [] if hit else [(cls.__name__, key, typo, message)]
    assert right + len(wrong) > 7_000
    assert right / (right + len(wrong)) >= 0.99, wrong[:: len(wrong) // 20 + 1]


def names_in(hint):
    if typing.get_origin(hint) is typing.Literal:
        yield from (choice for choice in typing.get_args(hint) if isinstance(choice, str))
    elif hint is bool:
        yield from ("true", "false")
    else:
        for part in typing.get_args(hint):
            if part is not bool:
                yield from names_in(part)


def values_in_fields():
    """`(read, hint, value)` of all values with names, of arguments and of families."""
    seen = set()
    for cls in classes():
        for hint in field_hints(cls).values():
            if str(hint) not in seen:
                seen.add(str(hint))
                yield from ((hint, value) for value in names_in(hint))
    for family in KINDS.values():
        yield from ((family, name) for name in registered(family))


def test_typos_of_values_are_recognised():
    draw, right, wrong = random.Random(0), 0, []
    for hint, value in values_in_fields():
        for typo in typos(value, draw):
            try:
                read(typo, hint)
            except ConfigError as error:
                if "unknown" not in str(error) and hint is not bool:  # another spelling of the name of a class
                    continue
                hit = value in suggested(str(error))
                right += hit
                wrong += [] if hit else [(hint, value, typo, str(error))]
    assert right + len(wrong) > 1_500
    assert right / (right + len(wrong)) >= 0.97, wrong[:: len(wrong) // 20 + 1]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("optimiser", ["optimizer"]),
        ("lr", ["learning_rate"]),
        ("n_epochs", ["epochs"]),
        ("batchSize", ["batch_size"]),
        ("epohcs", ["epochs"]),
        ("xyzzy", []),
    ],
)
def test_names_that_were_meant(given, meant):
    assert nearest(given, ["optimizer", "learning_rate", "epochs", "batch_size", "loss"]) == meant


def test_names_that_are_equally_near_are_all_named():
    assert nearest("ConvD", Layer.members()) == ["Conv1D", "Conv2D", "Conv3D"]
    assert did_you_mean("l", ["l1", "l2"]) == "did you mean 'l1' or 'l2'? Allowed: l1, l2"
    assert did_you_mean("x", ["l1", "l2"]) == "Allowed: l1, l2"
    assert did_you_mean("l3", ["l1", "l2"]) == "did you mean 'l1' or 'l2'? Allowed: l1, l2"


def test_long_lists_are_not_printed():
    message = error_of(Layer.get, "Dens")
    assert (
        message == f"unknown layer 'Dens'; did you mean 'Dense'? `nnlite list layers` shows all {len(Layer.members())}"
    )
    message = error_of(Layer.get, {"LSTM": {"units": 1, "droput": 0}})
    count = len(constructor_parameters(Layer.members()["LSTM"]))
    assert message.endswith(f"did you mean 'dropout'? `nnlite list layers LSTM` shows all {count}")
    columns = [f"column_{number}" for number in range(100)]
    hint = did_you_mean("column7", columns)
    assert hint.startswith("did you mean 'column_7'? Allowed: column_7, ") and hint.endswith(", and 92 more")
    assert error_of(DataSource.get, "Cvs").endswith("Allowed: " + ", ".join(DataSource.members()))


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        ("yes", bool, "expected true or false, got 'yes'; did you mean true?"),
        ("off", bool, "expected true or false, got 'off'; did you mean false?"),
        ("Ture", bool, "expected true or false, got 'Ture'; did you mean true?"),
        (2, bool, "expected true or false, got 2"),
        (3.0, int, "expected an integer, got 3.0; did you mean 3?"),
        (3.5, int, "expected an integer, got 3.5"),
        (10**5000, int, "expected an integer below 2**64, got a number of 5001 digits"),
        (-(10**400), float, "expected a number, got a number of 401 digits"),
        ("x" * 1000, float, "expected a number, got '" + "x" * 199 + "..."),
    ],
    ids=range(9),  # Python refuses to write the long ones
)
def test_values_of_another_type(value, hint, message):
    assert error_of(read, value, hint) == message


def test_all_errors_of_a_call_at_once():
    message = error_of(lambda: Dense(units=0, activation="rleu", use_bias="no"))
    first, *lines = message.splitlines()
    assert first == "3 errors"
    assert lines[0] == "  Dense.units: must be >= 1, got 0"
    assert lines[1].startswith("  Dense.activation: unknown activation function 'rleu'; did you mean 'ReLU'? ")
    assert lines[2] == "  Dense.use_bias: expected true or false, got 'no'; did you mean false?"
    message = error_of(Split.get, {"valdation": 0.1, "test": 2, "shufle": True})
    assert [line.split(": ")[0].strip() for line in message.splitlines()] == ["3 errors", "valdation", "shufle", "test"]


def test_an_argument_that_is_misspelt_is_not_missing_as_well():
    message = error_of(Layer.get, {"Dense": {"unist": 3}})
    assert message.startswith("Dense.unist: unknown argument 'unist'; did you mean 'units'?")
    message = error_of(Layer.get, {"Conv2D": {"filters": 3, "kernel": 3}})
    assert "missing argument 'kernel_size'" not in message and "did you mean 'kernel_size'" in message


def test_errors_of_the_right_form_are_those_inside():
    message = error_of(Callback.get, {"EarlyStoping": {}})
    assert message.startswith("unknown callback 'EarlyStoping'; did you mean 'EarlyStopping'?")
    message = error_of(Layer.get, {"Dropout": {"rate": {"FlatCosine": {"valu": 1}}}})
    assert message.startswith("Dropout.rate.FlatCosine.valu: unknown argument 'valu'; did you mean 'value'?")
    message = error_of(Layer.get, {"Dropout": {"rate": "FlatCosin"}})
    assert message.startswith("Dropout.rate: unknown schedule 'FlatCosin'; did you mean 'FlatCosine'?")
    assert message.endswith("; or expected a number, got 'FlatCosin'")


def test_arguments_of_fit_that_configs_cannot_give_are_unknown():
    assert set(FitArguments.excluded).isdisjoint(call_parameters(FitArguments.function, FitArguments.excluded))


def test_long_names_are_cut():
    hint = did_you_mean("target", ["9" * 5000 + "target", "size"])
    assert len(hint) < 600 and hint.endswith(f"Allowed: {'9' * 200}..., size")
