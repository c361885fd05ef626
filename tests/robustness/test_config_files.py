"""Configs with typing errors and configs that are damaged: each error names file, line, column and key.

`pytest tests/robustness --runs 5000` tries 5,000 of each kind; a short run tries 300.
"""

import random
import re
import string
from pathlib import Path

import pytest
from bounds import within
from mutations import mutated

import nnlite
from nnlite.circuits import WidthError
from nnlite.cli import main
from nnlite.documents.reading import compose
from nnlite.errors import ConfigError, DataError, NNLiteError
from nnlite.experiment import Experiment

CONFIGS = {path.name: path.read_text() for path in sorted(Path(nnlite.__file__).parents[1].glob("configs/*.yaml"))}
# Names that the user chooses: those of columns, classes, layers of a graph, variables of a network.
OWN = {"class_weight", "columns", "inputs", "from", "outputs", "path", "target", "categorical", "drop", "monitor"}
OWN |= {"states", "parents"}
OWN |= {"benign", "malignant", "person", "blood", "habits", "serum", "both", "mixed", "all", "progress", "name", "seed"}
PLACE = re.compile(r"c\.yaml, line (\d+), column (\d+): (?:([\w.\[\]]+): )?.")
SECONDS = 5  # of the processor: a bound that only what does not end reaches


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path("c.yaml")


def words(text):
    """`(kind, word, line, column)` of each key and of each name that a value is, as far as nnlite chooses them."""
    root = compose(text, "c.yaml")
    waiting = [(root, False)]
    while waiting:
        node, own = waiting.pop()
        for key, inner in node.children():
            mine = own or key in OWN
            if isinstance(node.value, dict) and not mine and len(key) > 2:
                place = node.keys[key]
                yield "value" if key[0].isupper() else "key", key, place.line, place.column
            waiting.append((inner, mine))
        is_name = isinstance(node.value, str) and re.fullmatch("[A-Za-z_]{3,}", node.value)
        if is_name and not own and not node.value.startswith("val_"):
            yield "value", node.value, node.place.line, node.place.column


def typing_errors(word, chance):
    """A letter too many, another letter, a letter too few, or two that have changed places."""
    place, letter = chance.randrange(len(word)), chance.choice(string.ascii_lowercase)
    after = min(place + 1, len(word) - 1)
    made = (
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place + 1 :],
        word[: after - 1] + word[after] + word[after - 1] + word[after + 1 :],
    )
    return chance.choice(made)


def checked(path):
    """The error of a config, None if it has none; data are not read."""
    try:
        within(lambda: Experiment.from_file(path).check(), SECONDS)
    except NNLiteError as error:
        return error
    return None


def plain(word):
    return re.sub("[_-]", "", word.lower())


def meant(message, word):
    """Whether the message suggests the word."""
    hint = re.search(r"did you mean (.*?)\?", message)
    return hint is not None and plain(word) in map(plain, re.findall(r"[\w-]+", hint[1]))


def test_typing_errors_have_their_place_and_the_right_suggestion(path, runs):
    right = {"key": 0, "value": 0}
    wrong = {"key": [], "value": []}
    candidates = [(text, *word) for text in CONFIGS.values() for word in words(text)]
    for seed in range(runs or 300):
        chance = random.Random(seed)
        text, kind, word, line, column = chance.choice(candidates)
        typo = typing_errors(word, chance)
        if plain(typo) == plain(word):
            continue
        lines = text.split("\n")
        lines[line - 1] = lines[line - 1][: column - 1] + typo + lines[line - 1][column - 1 + len(word) :]
        path.write_text("\n".join(lines))
        error = checked(path)
        if error is None:
            continue  # the name of something else, or text that may be anything
        first = next((part for part in str(error).splitlines() if repr(typo) in part), str(error))
        place = PLACE.search(first)
        assert place is not None and place[3], first
        assert int(place[1]) == line, first
        hit = meant(first, word)
        right[kind] += hit
        wrong[kind] += [] if hit else [(seed, word, first)]
    assert sum(right.values()) > 0.7 * (runs or 300)
    for kind, least in (("key", 0.99), ("value", 0.97)):
        assert right[kind] / (right[kind] + len(wrong[kind])) >= least, wrong[kind][:10]


# What stands in place of a value: one on each line.
VALUES = r"""
~
[]
{}
[[]]
{a: b}
-1
0
1e999
.nan
-.inf
1e-400
1000000000000000000000000000000
99999999999
'\\0'
"\0"
"\ud800"
!!int x
!!python/object/apply:os.system [ls]
*a
&a [*a]
${a}
${env:X}
${fit}
'${fit.epochs}'
yes
true
text
[1, 2, 3]
{Dense: {units: 3}}
[Dense]
2024-01-01
0x10
'{0.__class__}'
|
? a
- - -
{? [a] : b}
{1: 2}
{~: ~}
'%s%n'
""".splitlines()  # the first one is empty
VALUES.append("9" * 500)


def spoilt(text, chance):
    """A config with other values in place of some, or with other bytes."""
    if chance.random() < 0.3:
        return mutated(text.encode(), chance)
    nodes, root = [], compose(text, "c.yaml")
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting += [inner for _, inner in node.children()]
        if not isinstance(node.value, (dict, list)):
            nodes.append(node)
    lines = text.split("\n")
    for node in sorted(chance.sample(nodes, chance.choice((1, 1, 2, 3))), key=lambda one: -one.place.column):
        line, start = node.place.line - 1, node.place.column - 1
        end = re.compile(r"[,}\]#\n]|$").search(lines[line], start).start()
        lines[line] = lines[line][:start] + chance.choice(VALUES) + lines[line][end:]
    return "\n".join(lines).encode()


def test_damaged_configs(path, runs):
    """Each is read, or is a `ConfigError` whose every line names a place and, but for no YAML at all, a key."""
    outcomes = {True: 0, False: 0}
    for seed in range(runs or 300):
        chance = random.Random(f"damaged {seed}")
        path.write_bytes(spoilt(chance.choice([*CONFIGS.values()]), chance))
        try:
            error = checked(path)
        except Exception as unforeseen:
            raise AssertionError(f"seed {seed}: {type(unforeseen).__name__}: {unforeseen}") from unforeseen
        outcomes[error is None] += 1
        if error is not None:
            assert isinstance(error, ConfigError), (seed, error)
            shown = [part for part in str(error).splitlines() if not re.search(r"\d+ errors$|and \d+ more$", part)]
            texts = [part for part in shown if "c.yaml" in part[:12]]
            assert texts and all(PLACE.search(part) for part in texts), (seed, str(error))
            assert len(str(error)) < 50_000, seed
    assert min(outcomes.values()) > 0


BASE = """seed: 0
data:
  source: {SklearnDataset: {name: iris}}
  split: {validation: 0.1, test: 0.2}
model:
  - Normalization
  - Dense: {units: 8, activation: relu, kernel_regularizer: {L2: {l2: 0.01}}}
  - Dense: {units: 3, activation: softmax}
compile: {optimizer: {Adam: {learning_rate: 0.01}}, loss: auto, metrics: [accuracy]}
fit: {epochs: 2, batch_size: 16}
"""
# What was found by hand and by chance: what stands in the config -> what is put there, and the message after the file.
FOUND = {
    "units: 8": {
        "units: !!int x": "line 7, column 20: model[1].Dense.units: the tag '!!int'",
        f"units: {'1' * 5000}": "line 7, column 20: model[1].Dense.units: an integer of 5000 digits",
        "units: 99999999999999": "line 5, column 1: model: not enough memory",
    },
    "l2: 0.01": {
        f"l2: -1{'0' * 30}": "line 7, column 67: model[1].Dense.kernel_regularizer.L2.l2: must be >= 0, got -1e+30",
        f"l2: 1{'0' * 350}": "line 7, column 67: model[1].Dense.kernel_regularizer.L2.l2: expected a number, got",
    },
    "{SklearnDataset: {name: iris}}": {
        '{Csv: {path: "a\\0b", target: t}}': "line 3, column 24: data.source.Csv.path: text with the character U+0000",
        "{Csv: {path: /dev/zero, target: t}}": "no file '/dev/zero'",
        "{Csv: {path: ~nobody-at-all/x, target: t}}": "'~nobody-at-all/x': no file can have this name",
    },
    "seed: 0": {"seed: 1e99": "line 1, column 1: seed: expected an integer, got 1e+99"},
    "- Normalization": {
        "- {? [a] : b}": "line 6, column 8: model[0]: a key is a list or a mapping",
        "- Lambda: {function: os.system}": "line 6, column 24: model[0].Lambda.function: unknown function 'os.system'",
        "- \u2028 Dense: {units: 3": "not valid YAML",
        f"- {'[' * 70}{']' * 70}": "lists and mappings within one another, more than 64 deep",
    },
}


@pytest.mark.parametrize(
    ("before", "after", "message"), [(key, *case) for key, cases in FOUND.items() for case in cases.items()]
)
def test_what_was_found(before, after, message, path, capsys):
    path.write_text(BASE.replace(before, after, 1))
    with pytest.raises((ConfigError, DataError)) as caught:
        Experiment.from_file(path).prepare()
    assert str(caught.value).startswith(f"{path}") and message in str(caught.value)
    assert main(["train", str(path), "--out", "run", "--quiet"]) in (2, 3)
    told = capsys.readouterr().err
    assert told.startswith("nnlite: error: ") and message in told and "Traceback" not in told


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "target: breathless ",
            "target: breathles ",
            "model[0].Circuit.target: there is no variable",
        ),
        ("parents:\n          flu: [abroad]", "parents:\n          flu: [abroa]", "parents"),
    ],
)
def test_what_was_found_of_networks(before, after, message, path):
    text = CONFIGS["clinic_circuit.yaml"]
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(ConfigError) as caught:
        Experiment.from_file(path).check()
    assert str(caught.value).startswith("c.yaml, line ") and message in str(caught.value)


def test_a_network_that_is_too_wide_is_one_line(path, capsys):
    """The error of a circuit has a constructor of its own, and keeps its class where the name of the file is added."""
    path.write_text(CONFIGS["clinic_circuit.yaml"].replace("target: breathless ", "max_entries: 1 ", 1))
    with pytest.raises(WidthError, match=r"c\.yaml: eliminating") as caught:
        Experiment.from_file(path).check()
    assert caught.value.limit == 1
    assert main(["train", str(path), "--out", "run", "--quiet"]) in (2, 3)
    assert capsys.readouterr().err.startswith("nnlite: error: c.yaml")


def test_aliases_are_counted(path):
    """Nine levels of ten aliases each stand for 1,000,000,000 values."""
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    path.write_text("\n".join(["l0: &l0 x", *levels]))
    with pytest.raises(ConfigError, match=r"c\.yaml, line 6, column 45: l5\[7\]: more than 100,000 values"):
        within(lambda: Experiment.from_file(path), SECONDS)


@pytest.mark.parametrize("pattern", ["{epoch.__class__}", "{epoch.__init__.__globals__}", "{0}", "{epoch:9999999999d}"])
def test_patterns_of_files_reach_no_objects(pattern, path):
    pattern = f"{pattern}.keras"
    path.write_text(BASE.replace("batch_size: 16", f'callbacks: [{{ModelCheckpoint: {{filepath: "{pattern}"}}}}]'))
    model, data = Experiment.from_file(path).prepare()
    from nnlite.callbacks import ModelCheckpoint

    with pytest.raises(ConfigError, match=r"ModelCheckpoint\.filepath: "):
        model.fit(**data.for_fit(), callbacks=[ModelCheckpoint(pattern)], verbose=0)


def test_exceptions_of_users_classes_have_a_place(path):
    from nnlite.layers import Layer

    class Failing(Layer):
        """A layer whose author forgot a case."""

        def build(self, input_shape):
            raise ZeroDivisionError("by hand")

        def call(self, inputs):
            return inputs

    try:
        path.write_text(BASE.replace("- Normalization", "- Failing"))
        with pytest.raises(ConfigError, match=r"c\.yaml, line \d, .*model.*ZeroDivisionError: by hand"):
            Experiment.from_file(path).prepare()
    finally:
        Layer._members.pop("failing")
