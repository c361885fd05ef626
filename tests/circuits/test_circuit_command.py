"""`nnlite circuit`, and pictures and sizes of circuits."""

import csv
import io

import numpy as np
import pytest
from bayes_nets import CLINIC, clinic

from nnlite.circuits import BayesianNetwork, Circuit
from nnlite.cli import main


@pytest.fixture
def files(tmp_path):
    (tmp_path / "clinic.bif").write_text(CLINIC)
    rows = tmp_path / "rows.csv"
    rows.write_text("flu,x ray,smoker\nyes,dark,>10/day\n,clear,\n")
    return str(tmp_path / "clinic.bif"), str(rows), tmp_path


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_info(files, capsys):
    assert main(["circuit", "info", files[0]]) == 0
    printed = capsys.readouterr().out
    sizes = Circuit(clinic()).sizes
    assert f"waiting room: 8 variables, {sizes.parameters} parameters, 9 layers" in printed
    assert f"width {sizes.width}, largest table {sizes.largest} entries" in printed
    assert f"{sizes.nodes:,} nodes, {sizes.edges:,} edges" in printed
    assert "breathless: yes, no  | finding, cough" in printed


def test_query(files, capsys):
    assert main(["circuit", "query", files[0], "--rows", files[1], "--marginals", "tumour,finding"]) == 0
    found = table(capsys.readouterr().out)
    evidence = [{"flu": "yes", "x ray": "dark", "smoker": ">10/day"}, {"x ray": "clear"}]
    circuit = Circuit(clinic())
    assert [float(row["log_prob"]) for row in found] == pytest.approx(circuit.log_prob(evidence), abs=1e-15)
    posterior = circuit.marginals(evidence)["tumour"]
    assert [[float(row["tumour=yes"]), float(row["tumour=no"])] for row in found] == posterior.tolist()
    assert main(["circuit", "query", files[0]]) == 0
    assert len(table(capsys.readouterr().out)[0]) == 19


def test_mpe_sample_and_learn(files, capsys):
    bif, rows, folder = files
    assert main(["circuit", "mpe", bif, "--rows", rows, "-o", str(folder / "mpe.csv")]) == 0
    best = table((folder / "mpe.csv").read_text())
    assert best[0]["flu"] == "yes"
    assert best[0]["finding"] == "yes"
    drawn = folder / "drawn.csv"
    assert (
        main(["circuit", "sample", bif, "-n", "400", "--seed", "1", "--given", "smoker=never", "-o", str(drawn)]) == 0
    )
    assert {row["smoker"] for row in table(drawn.read_text())} == {"never"}
    trained = folder / "trained.bif"
    assert main(["circuit", "learn", bif, "--rows", str(drawn), "--save", str(trained)]) == 0
    assert "400 rows" in capsys.readouterr().out
    shares = BayesianNetwork.from_bif(trained).cpts["smoker"]
    assert shares == pytest.approx([1, 0, 0], abs=1e-12)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (["query", "none.bif"], 3, "none.bif: cannot be read: No such file"),
        (["query", "BIF", "--marginals", "flue"], 3, "did you mean 'flu'"),
        (["query", "BIF", "--rows", "BAD"], 3, "bad.csv, line 3, variable 'flu': row 1 holds 'maybe'"),
        (["query", "BIF", "--rows", "RAGGED"], 3, "ragged.csv, line 2: 1 cell, but the first line names 2 columns"),
        (["query", "BIF", "--rows", "none.csv"], 3, "none.csv: No such file"),
        (["sample", "BIF", "-n", "0"], 2, "-n: expected a number of rows above 0"),
        (["sample", "BIF", "--given", "flu"], 2, "expected VARIABLE=STATE"),
        (["sample", "BIF", "--given", "flu=yes", "finding=no"], 3, "impossible"),
        (["learn", "BIF", "--rows", "BAD", "--save", "nowhere/x.bif"], 2, "the folder nowhere does not exist"),
    ],
)
def test_errors_are_one_line(files, capsys, change, code, message):
    (files[2] / "bad.csv").write_text("flu\nyes\nmaybe\n")
    (files[2] / "ragged.csv").write_text("flu,smoker\nyes\n")
    names = {"BIF": files[0], **{name.upper(): str(files[2] / f"{name}.csv") for name in ("bad", "ragged")}}
    assert main(["circuit", *(names.get(part, part) for part in change)]) == code
    printed = capsys.readouterr().err
    assert message in printed
    assert len(printed.splitlines()) == 1


def test_a_picture_has_a_box_for_each_layer():
    pytest.importorskip("matplotlib").use("Agg")
    circuit = Circuit(clinic())
    ax = circuit.plot()
    assert [text.get_text().split("\n")[0] for text in ax.texts if text.get_text()] == [
        own.name for own in circuit.layers
    ]
    arrows = sum(len(bucket.messages) for bucket in circuit.plan.buckets)
    assert len([text for text in ax.texts if not text.get_text()]) == arrows


def test_sizes_of_a_chain_of_two():
    network = BayesianNetwork({"a": "xy", "b": "xyz"}, {"b": ["a"]})
    circuit = Circuit(network, order=["b", "a"])
    sizes = circuit.sizes
    assert (sizes.variables, sizes.parameters, sizes.layers, sizes.width, sizes.largest) == (2, 8, 3, 1, 6)
    # sum over b: 6 products of a table and lambda, 2 sums; over a: 2 products of 3 factors, 1 sum; the output: 1 and 1
    assert sizes.nodes == 6 + 2 + 2 + 1 + 1 + 1
    assert sizes.edges == 6 * 2 + 6 + 2 * 3 + 2 + 1 + 1
    assert np.isclose(circuit.log_prob([{}])[0], 0)


def test_a_variable_that_stands_twice_is_refused(files, capsys):
    (files[2] / "twice.csv").write_text("flu,flu\nyes,no\n")
    assert main(["circuit", "query", files[0], "--rows", str(files[2] / "twice.csv")]) == 3
    assert "'flu' occurs more than once" in capsys.readouterr().err
