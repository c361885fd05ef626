"""BIF files and the networks in them: every construct, every mistake by file, line and variable."""

import numpy as np
import pytest
from bayes_nets import CLINIC, all_rows, clinic, joint_table, random_network

from nnlite.circuits import BayesianNetwork, NetworkError
from nnlite.circuits.networks.bif import parse_bif


def parsed(text):
    return BayesianNetwork(**parse_bif(text, "clinic.bif"))


def test_every_construct_is_read():
    network = clinic()
    assert network.name == "waiting room"
    assert network.variables[6] == "x ray"
    assert network.states["smoker"] == ("never", "1-10", ">10/day")
    assert network.states["cough"][2] == "with phlegm"
    assert network.cpts["flu"].tolist() == [[0.15, 0.85], [0.03, 0.97]]  # `default`
    assert network.cpts["finding"].tolist() == [[[1, 0], [1, 0]], [[1, 0], [0, 1]]]  # `table`, the variable slowest
    assert network.cpts["smoker"].tolist() == [0.6, 0.3, 0.1]
    assert network.properties == {"": ['author "nobody"'], "variable abroad": ['label "was abroad"']}


def test_a_network_is_written_and_read_again_as_an_equal_one(tmp_path):
    for network in [clinic(), *map(random_network, range(5))]:
        path = tmp_path / "network.bif"
        network.to_bif(path)
        assert BayesianNetwork.from_bif(path) == network
    changed = network.with_cpts({"v0": np.ones(network.shape("v0"))})
    assert changed != network


def test_rows_of_tables_are_divided_by_their_sums_with_a_note():
    network = parsed(CLINIC.replace("(never) 0.01, 0.99;", "(never) 0.01, 0.9900002;"))
    assert network.cpts["tumour"][0].sum() == pytest.approx(1, abs=1e-15)
    assert network.notes == ["tumour: 1 rows divided by their sums, off by up to 2.0e-07"]
    assert clinic().notes == []


@pytest.mark.parametrize(
    ("old", "new", "offset", "variable", "message"),
    [
        ("( flu | abroad )", "( flu | broad )", 0, "flu", "'broad' that is not a variable; did you mean 'abroad'"),
        ("(never) 0.01, 0.99;", "(never) 0.01;", 0, "tumour", "needs 2 numbers here, got 1"),
        ("(never) 0.01, 0.99;", "(newer) 0.01, 0.99;", 0, "tumour", "'newer' is not a state of the parent 'smoker'"),
        ("(never) 0.01, 0.99;", "(never) 0, 0;", 0, "tumour", "has a row that sums to 0"),
        ("(never) 0.01, 0.99;", "(never) x, 0.99;", 0, "tumour", "expected a number, got 'x'"),
        ("(never) 0.01, 0.99;", "", -1, "tumour", "has no numbers for 1 of 3 rows"),
        ("( abroad ) { table 0.02, 0.98; }", "( abroad | flu ) { default 0.02, 0.98; }", 0, None, "is on a cycle: "),
        ("discrete [ 3 ] { never", "discrete [ 4 ] { never", 0, "smoker", "says 4 states and names 3"),
        ("variable tumour", "node tumour", 0, None, "expected network, variable or probability, got 'node'"),
        ("table 1, 1, 1, 0, 0, 0, 0, 1;", "table 1, 1, 1, 0;", 0, "finding", "needs 8 numbers here, got 4"),
        ("variable flu {", "variable abroad {", 0, "abroad", "occurs twice"),
        ("(yes, dry)", "(yes)", 0, "breathless", "has 2 parents, got 1 states"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_variable(old, new, offset, variable, message):
    assert old in CLINIC
    with pytest.raises(NetworkError) as error:
        parsed(CLINIC.replace(old, new, 1))
    assert message in str(error.value)
    assert error.value.file == "clinic.bif"
    assert error.value.line == CLINIC[: CLINIC.index(old)].count("\n") + 1 + offset
    assert variable in (None, error.value.variable)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_text_is_one_error(share):
    with pytest.raises(NetworkError, match=r"clinic\.bif"):
        parsed(CLINIC[: int(len(CLINIC) * share)])


def test_a_file_that_cannot_be_read_is_one_error(tmp_path):
    with pytest.raises(NetworkError, match="No such file"):
        BayesianNetwork.from_bif(tmp_path / "none.bif")
    path = tmp_path / "bytes.bif"
    path.write_bytes(b"network \xff {")
    with pytest.raises(NetworkError, match="byte 8"):
        BayesianNetwork.from_bif(path)


def test_a_network_by_hand_is_checked_too():
    with pytest.raises(NetworkError, match="variable 'b': needs a table of the shape"):
        BayesianNetwork({"a": "xy", "b": "xy"}, {"b": ["a"]}, {"b": [0.5, 0.5]})
    with pytest.raises(NetworkError, match="not probabilities"):
        BayesianNetwork({"a": "xy"}, {}, {"a": [1.5, -0.5]})
    with pytest.raises(NetworkError, match=r"sums to 0: \(y\)"):
        BayesianNetwork({"a": "xy", "b": "xy"}, {"b": ["a"]}, {"b": [[1, 0], [0, 0]]})
    with pytest.raises(NetworkError, match="state 'x' twice"):
        BayesianNetwork({"a": "xx"})


def test_joint_log_prob_and_sampling():
    network = clinic()
    rows, table = all_rows(network), joint_table(network)
    with np.errstate(divide="ignore"):
        assert np.allclose(network.joint_log_prob(rows), np.log(table.ravel()), atol=1e-13)
    drawn = network.sample(20000, seed=3)
    assert np.array_equal(drawn, network.sample(20000, seed=3))
    shares = [np.bincount(drawn[:, column], minlength=card) / 20000 for column, card in enumerate(network.cards)]
    for column, share in enumerate(shares):
        exact = table.sum(axis=tuple(axis for axis in range(8) if axis != column))
        assert np.abs(share - exact).max() < 0.015
    assert np.isfinite(network.joint_log_prob(drawn)).all()


def test_rows_of_all_kinds_are_the_same_evidence():
    network = clinic()
    pandas = pytest.importorskip("pandas")
    codes = network.sample(30, seed=1)
    named = network.frame(codes)
    expected = network.joint_log_prob(codes)
    for rows in (
        named,
        pandas.DataFrame(named),
        codes.tolist(),
        [list(row.values()) for row in named],
        {own: [row[own] for row in named] for own in network.variables},
        codes.astype(float),
    ):
        assert np.array_equal(network.joint_log_prob(rows), expected)
    assert np.array_equal(network.joint_log_prob(named[4]), expected[4:5])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"flu": "maybe"}], "variable 'flu': row 0 holds 'maybe', which is not a state: yes, no"),
        ([{"flue": "yes"}], "no such variable; did you mean 'flu'"),
        (np.full((2, 8), 7), "variable 'abroad': row 0 holds 7"),
        (np.zeros((2, 3)), "one column for each of 8 variables"),
        ([{"flu": [0, 0]}], "soft evidence"),
        ([{"flu": [1, 2, 3]}], "soft evidence"),
        ({"flu": ["yes"], "abroad": ["yes", "no"]}, "columns of one length"),
    ],
)
def test_wrong_rows_are_named(rows, message):
    with pytest.raises(NetworkError) as error:
        clinic().joint_log_prob(rows)
    assert message in str(error.value)
