"""The config language: includes, references, overrides, bounds, and the place of each error."""

import math
import random
import re
import string

import pytest
from bounds import within

from nnlite.documents import Document, dump
from nnlite.errors import ConfigError
from nnlite.experiment import Experiment

PLACE = re.compile(r"^(--set .*|[\w./]+\.yaml, line \d+, column \d+): ")


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="c.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


def error_of(call, *arguments):
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    return str(caught.value)


def values(text, overrides=()):
    return Document(text, overrides).values


def test_references_have_the_type_of_what_they_refer_to(write):
    text = """
    variables: {width: 64, name: net, on: true, sizes: [1, 2.5], nothing: null, deep: {a: {b: 3}}}
    a: ${variables.width}
    b: "${variables.sizes}"
    c: [ "${variables.on}", "${variables.nothing}", '${variables.sizes.1}' ]
    d: ${variables.deep}
    e: w${variables.width}-${variables.name}-${variables.on}-${variables.nothing}-${variables.sizes.1}
    f: ${a}
    g: {h: "${variables.deep.a.b}"}
    """
    assert values(write(text)) == {
        "a": 64,
        "b": [1, 2.5],
        "c": [True, None, 2.5],
        "d": {"a": {"b": 3}},
        "e": "w64-net-true-null-2.5",
        "f": 64,
        "g": {"h": 3},
    }


def test_references_find_keys_in_any_style_and_through_others(write):
    assert values(write("a_b: {Cd: 1}\ne: ${AB.cd}\nf: ${a_b}\ng: ${f.Cd}\n"))["g"] == 1
    assert values(write("a: ${b}\nb: ${c.0}\nc: ['${d}']\nd: 7\n"))["a"] == 7


def test_references_within_text_are_text(write):
    text = "v: {zero: 0, one: 1, half: 0.5, yes: true, no: false, none: null, word: None}\n"
    keys = ["zero", "one", "half", "yes", "no", "none", "word"]
    found = values(write(text + "\n".join(f"{key}_: x${{v.{key}}}" for key in keys) + "\n"))
    assert [found[f"{key}_"] for key in keys] == ["x0", "x1", "x0.5", "xtrue", "xfalse", "xnull", "xNone"]


def test_dollars_that_are_no_references(write):
    text = "a: costs $5\nb: $$5\nc: $${a}\nd: a$\ne: '$${x}$$'\n"
    found = values(write(text))
    assert found == {"a": "costs $5", "b": "$5", "c": "${a}", "d": "a$", "e": "${x}$"}
    assert values(write(dump(found))) == found


def test_environment(write, monkeypatch):
    monkeypatch.setenv("NN_COUNT", "12")
    monkeypatch.setenv("NN_EMPTY", "")
    monkeypatch.delenv("NN_NONE", raising=False)
    text = (
        "a: ${env:NN_COUNT}\nb: n${env:NN_COUNT}\nc: ${env:NN_NONE:0.5}\nd: ${env:NN_NONE:a:b}\ne: ${env:NN_EMPTY:x}\n"
    )
    assert values(write(text)) == {"a": 12, "b": "n12", "c": 0.5, "d": "a:b", "e": None}
    assert values(write("a: ${env:NN_NONE:}\n")) == {"a": None}
    message = error_of(Document, write("x: 1\na: [1, '${env:NN_NONE}']\n"))
    assert message == (
        "c.yaml, line 2, column 8: a[1]: the environment variable 'NN_NONE' is not set; set it, or give a default: "
        "${env:NN_NONE:default}"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: ${b.c}\nb: {d: 1}\n", "line 1, column 4: a: ${b.c}: unknown key 'c'; Allowed: d"),
        ("a: ${batch}\nbatches: 1\n", "line 1, column 4: a: ${batch}: unknown key 'batch'; did you mean 'batches'?"),
        ("a: ${b.3}\nb: [1]\n", "line 1, column 4: a: ${b.3}: expected an index from 0 to 0, got '3'"),
        ("a: ${b.c}\nb: 3\n", "line 1, column 4: a: ${b.c}: 3 has no key 'c'"),
        ("a: ${a}\n", "line 1, column 4: a: ${a} refers to itself: a"),
        ("a:\n  b: ${a}\n", "line 2, column 6: a.b: ${a} refers to itself: a.b -> a"),
        ("a: ${b}\nb: ${c}\nc: x${a}\n", "line 3, column 4: c: ${a} refers to itself: a -> b -> c -> a"),
        ("a: x${b}\nb: [1]\n", "line 1, column 4: a: ${b} is a list, no part of a text"),
        ("a: ${b\n", "line 1, column 4: a: a reference that does not end"),
        ("a: ${}\n", "line 1, column 4: a: ${}: unknown key ''"),
        ("a: ${file:x}\n", "line 1, column 4: a: ${file:x}: expected ${section.key}, ${env:NAME} or"),
        ("variables: 3\n", "line 1, column 1: variables: expected 'name: value' pairs, got 3"),
        ("a: {b: ${c.d}}\n", "line 1, column 9: a: not valid YAML: expected ',' or '}', but got '{'; inside { }"),
    ],
)
def test_bad_references(write, text, message):
    assert error_of(Document, write(text)).startswith(f"c.yaml, {message}")


def test_tabs_have_a_remedy(write):
    assert error_of(Document, write("a:\n\tb: 1\n")).endswith("any token; indent with spaces, not with tabs")


def test_all_bad_references_at_once(write):
    lines = error_of(Document, write("a: ${x}\nb: {c: 1}\nd:\n  - ${b.e}\n  - '${b.c}'\n")).splitlines()
    assert lines[0] == "c.yaml: 2 errors"
    assert lines[1].startswith("  c.yaml, line 1, column 4: a: ${x}: unknown key 'x'")
    assert lines[2].startswith("  c.yaml, line 4, column 5: d[0]: ${b.e}: unknown key 'e'")


def test_a_reference_to_a_bad_one_is_no_further_error(write):
    assert error_of(Document, write("a: ${x}\nb: ${a}\n")).startswith("c.yaml, line 1, column 4: a: ${x}: unknown key")


BASE = """
data: {source: {Csv: {path: a.csv, target: y}}, split: {test: 0.3}}
model: [{Dense: {units: 3}}]
compile: {optimizer: {Adam: {learning_rate: 0.1, beta_1: 0.8}}, loss: mse, metrics: [mae]}
fit: {epochs: 5, batch_size: 8, class_weight: {a: 1, b: 2}}
"""


def test_a_file_is_laid_over_those_that_it_includes(write):
    write(BASE, "base.yaml")
    text = """
    include: base.yaml
    data: {source: {csv: {target: z}}, split: {validation: 0.2}}
    model: [Flatten]
    compile: {optimizer: {SGD: {momentum: 0.5}}}
    fit: {epochs: 9}
    """
    assert values(write(text)) == {
        "data": {"source": {"csv": {"path": "a.csv", "target": "z"}}, "split": {"test": 0.3, "validation": 0.2}},
        "model": ["Flatten"],
        "compile": {"optimizer": {"SGD": {"momentum": 0.5}}, "loss": "mse", "metrics": ["mae"]},
        "fit": {"epochs": 9, "batch_size": 8, "class_weight": {"a": 1, "b": 2}},
    }
    found = values(write("include: base.yaml\ncompile: {optimizer: {Adam: {learning_rate: 0.2}}}\n"))
    assert found["compile"]["optimizer"] == {"Adam": {"beta_1": 0.8, "learning_rate": 0.2}}


def test_several_files_and_folders(write):
    write("a: 1\nb: 1\nc: 1\n", "parts/one.yaml")
    write("include: three.yaml\nb: 2\n", "parts/two.yaml")
    write("b: 3\nd: ${a}\n", "parts/three.yaml")
    assert values(write("include: [parts/one.yaml, parts/two.yaml]\nc: 4\n")) == {"a": 1, "b": 2, "c": 4, "d": 1}


def test_overrides_come_after_includes_and_before_references(write):
    write("variables: {n: 1}\nfit: {epochs: '${variables.n}'}\n", "base.yaml")
    write("include: base.yaml\n")
    assert values("c.yaml", ["variables.n=5"]) == {"fit": {"epochs": 5}}
    assert values("c.yaml", ["fit.batch_size=${fit.epochs}"]) == {"fit": {"epochs": 1, "batch_size": 1}}
    message = error_of(Document, "c.yaml", ["fit.epochs=${variables.m}"])
    assert message.startswith("--set fit.epochs=${variables.m}: fit.epochs: ${variables.m}: unknown key 'm'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("include: no.yaml\n", "c.yaml, line 1, column 10: include: no file 'no.yaml'; looked for /"),
        ("include: c.yaml\n", "c.yaml, line 1, column 10: include: a file includes itself: c.yaml -> c.yaml"),
        (
            "include: [3]\n",
            "c.yaml, line 1, column 11: include: expected the name of a file, or a list",
        ),
        ("include: {a: b}\n", "c.yaml, line 1, column 10: include: expected the name of a file"),
        ("include: back.yaml\n", "back.yaml, line 2, column 12: include: a file includes itself: c.yaml -> back.yaml"),
        ("include: broken.yaml\n", "broken.yaml, line 2, column 1: b: the key 'b' is repeated here"),
        ("include: empty.yaml\n", "empty.yaml, line 1, column 1: the file is empty"),
        ("include: many.yaml\n", "many.yaml, line 1, column 11: include: more than 100 files are included"),
    ],
)
def test_bad_includes(write, text, message):
    write("\ninclude: [ c.yaml ]\n", "back.yaml")
    write("b: 1\nb: 2\n", "broken.yaml")
    write("", "empty.yaml")
    write("a: 1\n", "one.yaml")
    write(f"include: [{', '.join(['one.yaml'] * 120)}]\n", "many.yaml")
    if "many" in text:
        message = message.replace("column 11", "column 991")
    assert error_of(Document, write(text)).startswith(message)


def test_errors_name_the_file_that_holds_their_cause(write):
    write(BASE.replace("units: 3", "unit: 3"), "base.yaml")
    text = "include: base.yaml\nfit: {epoch: 2}\n"
    lines = error_of(Experiment.from_file, write(text), ["compile.loss=msee"]).splitlines()
    assert lines[0] == "c.yaml: 3 errors"
    assert lines[1].startswith(
        "  c.yaml, line 2, column 7: fit.epoch: unknown argument 'epoch'; did you mean 'epochs'?"
    )
    assert lines[2].startswith("  base.yaml, line 3, column 18: model[0].Dense.unit: unknown argument 'unit'; did you")
    assert lines[3].startswith("  --set compile.loss=msee: compile.loss: unknown loss 'msee'; did you mean 'mse'")


def test_twenty_errors_are_shown(write):
    text = BASE.replace("[{Dense: {units: 3}}]", str(["Dens"] * 30))
    lines = error_of(Experiment.from_file, write(text)).splitlines()
    assert lines[0] == "c.yaml: 30 errors" and len(lines) == 22
    assert lines[20].startswith("  c.yaml, line 3, column 161: model[19]: unknown layer 'Dens'")
    assert lines[21] == "  and 10 more"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!int x\n", "line 1, column 4: a: the tag '!!int': values in a config have no tags"),
        (
            "a: [1, !!python/object/apply:os.system [ls]]\n",
            "line 1, column 8: a[1]: the tag '!!python/object/apply:",
        ),
        ("a: !mine {b: 1}\n", "line 1, column 4: a: the tag '!mine'"),
        (
            "a: 1\nb:\n\tc: 2\n",
            "line 3, column 1: b: not valid YAML: found character '\\t' that cannot",
        ),
        ("[a]: 1\n", "line 1, column 1: a key is a list or a mapping"),
        ("a: {{b: 1}: 2}\n", "line 1, column 5: a: a key is a list or a mapping"),
        ("a: {&x [1]: 2}\n", "line 1, column 5: a: a key is a list or a mapping"),
        ("a: &x [1]\nb: {*x : 2}\n", "line 2, column 5: b: a key is a list or a mapping"),
        ("a: 1\n1: 2\ntrue: 3\n", "line 3, column 1: [True]: the key True is repeated here"),
        ("a: *b\n", "line 1, column 4: a: the alias *b is not defined above"),
        ("a: &b [1, *b]\n", "line 1, column 11: a[1]: the alias *b is within itself"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: a second document begins"),
        ("a: " + "9" * 5000 + "\n", "line 1, column 4: a: an integer of 5000 digits; at most 400 are read"),
        ('a: "b\\0c"\n', "line 1, column 4: a: text with the character U+0000"),
        ('a: "\\ud800"\n', "line 1, column 4: a: text with the character U+D800"),
        ('a: "\\Uffffffff"\n', "line 1, column 1: a: not valid YAML: "),
        ("a: b\nc: d\x01\n", "line 2, column 5: not valid YAML: special characters are not allowed"),
        ("a: " + "[" * 100_000, "line 1, column 67: a[0][0]"),
        ("a: {b: 1\n", "line 2, column 1: a: not valid YAML: "),
        ("a: %b\n", "line 1, column 4: a: not valid YAML: "),
    ],
)
def test_yaml_that_configs_cannot_use(write, text, message):
    assert error_of(Document, write(text)).startswith(f"c.yaml, {message}")


def laughs(levels, form):
    lines = [form(level, [f"*a{level - 1}"] * 9) for level in range(1, levels)]
    return "\n".join(["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]", *lines])


@pytest.mark.parametrize(
    "text",
    [
        laughs(9, lambda level, above: f"a{level}: &a{level} [{', '.join(above)}]"),
        "\n".join(["a0: [1, 2]", *(f"a{n}: ['${{a{n - 1}}}', '${{a{n - 1}}}']" for n in range(1, 40))]),
        "\n".join(["a0: xx", *(f"a{n}: ${{a{n - 1}}}${{a{n - 1}}}" for n in range(1, 60))]),
        "\n".join(["a0: x", *(f"a{n}: ${{a{n - 1}}}" for n in range(1, 2000))][::-1]),
        "\n".join(["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 500))]),
        "a: " + "[" * 200 + "]" * 200,
    ],
    ids=["aliases", "references", "texts", "chain", "depth", "brackets"],
)
def test_what_grows_is_bounded(write, text):
    path = write(text)
    error = within(lambda: error_of(Document, path), 60)
    assert PLACE.match(error.partition("\n")[2].strip() or error_of(Document, "c.yaml"))


def test_the_number_of_values_is_bounded(write, monkeypatch):
    monkeypatch.setattr("nnlite.documents.reading.SIZE", 1_000)
    text = "\n".join(f"k{n}: {{a: b}}" for n in range(300))
    assert error_of(Document, write(text)).endswith("more than 1,000 values, those that aliases repeat included")


def test_a_config_is_no_endless_file(tmp_path):
    assert error_of(Document, "/dev/zero") == "/dev/zero: the file is larger than 16 MB, which no config is"
    assert "null byte" in error_of(Document, "a\0b.yaml")
    (tmp_path / "latin.yaml").write_bytes("a: 1\nb: é\n".encode("latin-1"))
    message = error_of(Document, tmp_path / "latin.yaml")
    assert message.endswith("latin.yaml, line 2, column 4: the file is not text in UTF-8: it has the byte 0xe9")
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert values(tmp_path / "bom.yaml") == {"a": 1}


def test_aliases_stand_for_values_of_their_own(write):
    found = values(write("a: &x {b: 1}\nc: *x\n"), ["c.b=2"])
    assert found == {"a": {"b": 1}, "c": {"b": 2}}


def test_what_is_written_is_read_again():
    text = {"a": [1, 2.5, None, True, "yes", "1e3", "${x}", "$$", "a: b", "é", ""], "b": {"c": -math.inf}, "d": {}}
    assert values_of(dump(text)) == text


def values_of(text):
    from nnlite.documents import parse

    return parse(text.replace("$${x}", "${x}").replace("$$$$", "$$"), "text")[1]


def test_mutated_configs_give_nothing_but_errors_with_a_place(write):
    draw = random.Random(0)
    letters = string.printable + "é\0${}&*!"
    good = BASE.replace("{Csv: {path: a.csv, target: y}}", "{SklearnDataset: {name: iris}}")
    for _ in range(150):
        text = list(good)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(text))
            text[place : place + draw.randint(0, 3)] = "".join(draw.choices(letters, k=draw.randint(0, 3)))
        try:
            Experiment.from_file(write("".join(text)))
        except ConfigError as error:
            first, *others = str(error).splitlines()
            assert all(PLACE.match(line.strip()) or line.startswith("  and ") for line in others or [first]), error
