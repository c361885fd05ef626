"""The comparison with other engines: that it runs, and that nobody is fast by being wrong. No time limits."""

import json
import math
import sys

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.cases import BY_NAME, CASES, TINY, TRAINING, Case, dense
from benchmarks.floor import Floor
from benchmarks.growth import case_of, line_through
from benchmarks.peers.with_nnlite import NNLite
from benchmarks.report import markdown, write_between_markers
from benchmarks.runner import agree, compared, environment


def run(tmp_path, *arguments):
    """The results of a run of the tiny case."""
    out = tmp_path / "results.json"
    main(["run", "--case", "tiny", "--rounds", "2", "--out", str(out), *arguments])
    return json.loads(out.read_text())


def test_a_run_gives_json_and_markdown(tmp_path, capsys):
    results = run(tmp_path, "--peers", "none")
    (case,) = results["results"]
    own = case["contestants"]["nnlite"]
    assert len(own["seconds"]) == 2 and min(own["seconds"]) > 0 and own["peak"] > 1
    assert len(own["losses"]) == TINY.compared and own["losses"] not in own["rounded"]
    assert case["contestants"]["by hand"]["agrees"] and case["agree"] and case["floor_ratio"] > 0
    printed = capsys.readouterr().out
    assert f"| {TINY.title} |" in printed and "WRONG" not in printed


def test_an_absent_peer_is_left_out_with_a_line(tmp_path, capsys):
    (case,) = run(tmp_path, "--peers", "thinc")["results"]
    if "absent" not in case["contestants"]["thinc"]:
        pytest.skip("thinc is installed here")
    assert "- thinc: No module named 'thinc' (tiny)" in capsys.readouterr().out
    assert case["ratio"] is None and case["agree"]


def result(losses, seconds=(1.0, 1.0), **more):
    return {"losses": losses, "rounded": [losses], "seconds": list(seconds)} | more


def test_a_fast_peer_that_is_wrong_is_no_best_peer():
    ours = [1.0, 0.5, 0.25]
    found = {
        "nnlite": result(ours),
        "floor": result(None),
        "torch": result(ours, (3.0, 5.0)),
        "jax": result([1.0, 0.5, 0.2501], (1.5, 1.5)),
        "keras": {"absent": "not installed"},
    }
    case = compared(found, TINY)
    assert (case["best"], case["ratio"], case["agree"]) == ("torch", 4.0, False)
    assert not case["contestants"]["jax"]["agrees"] and case["contestants"]["torch"]["agrees"]


@pytest.mark.parametrize(
    ("theirs", "sensitivity", "expected"),
    [
        ([1.0, 1.00005], 0.0, True),
        ([1.0, 1.0003], 0.0, False),
        ([1.0, 1.0003], 4e-5, True),
        ([1.0003, 1.0], 4e-5, False),
        ([1.0, math.nan], 1.0, False),
    ],
)
def test_the_last_loss_may_differ_by_what_rounding_makes_of_it(theirs, sensitivity, expected):
    assert agree([1.0, 1.0], theirs, sensitivity) is expected


def test_a_wrong_row_is_marked():
    found = {"nnlite": result([1.0]), "floor": result(None), "torch": result([2.0])}
    for own in found.values():
        own |= {"quartiles": [1.0, 1.0, 1.0], "peak": 1.0}
    machine = {"processor": "p", "cores": 1, "python": "3", "load": None}
    about = {"date": "d", "machine": machine, "threads": 1, "rounds": 2, "batches": "numpy", "kernels": None}
    text = markdown(about | {"results": [{"case": "tiny"} | compared(found, TINY)]})
    assert text.count("**WRONG**") == 2


def test_multiply_adds_and_the_floor_count_the_products_of_a_step():
    case = Case("count", "", (5,), dense(7, 3), 4, 1)
    forward = 4 * 5 * 7 + 4 * 7 * 3
    assert case.multiply_adds == 2 * forward + 4 * 7 * 3  # no gradient by the data
    done = [times * left.shape[-2] * left.shape[-1] * right.shape[-1] for left, right, _, times in Floor(case, 1).work]
    assert sum(done) == case.multiply_adds
    assert Floor(case, 1).gradients.size == case.parameter_count() == 5 * 7 + 7 + 7 * 3 + 3


@pytest.mark.parametrize("name", [case.name for case in TRAINING if case.name != "wide"])
def test_every_net_has_the_weights_of_the_case(name):
    model = NNLite(BY_NAME[name], 1).model
    assert model.count_params() == BY_NAME[name].parameter_count()
    assert model.output_shape[1:] == BY_NAME[name].shapes[-1]


@pytest.mark.parametrize("name", ["tabular", "text", "lstm", "convnet"])
def test_batches_are_the_same_in_every_process(name):
    first, second = BY_NAME[name].example(3), BY_NAME[name].example(3)
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
    other = BY_NAME[name].example(4)
    assert not np.array_equal(first[0], other[0]) and first[0].dtype in (np.float32, np.int64)


def test_names_are_unique_and_steps_fill_a_round():
    assert len(CASES) == len({case.title for case in CASES.values()})
    assert all(case.steps >= 1 for case in CASES.values())


def test_threads_are_fixed_and_the_matrix_library_chooses_by_itself(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    monkeypatch.delenv("NNLITE_KERNELS", raising=False)
    found = environment(2, "numpy")
    assert "OPENBLAS_CORETYPE" not in found and found["OPENBLAS_NUM_THREADS"] == "2"
    assert found["NNLITE_KERNELS"] == "numpy" and "NNLITE_KERNELS" not in environment(1)


def test_tables_are_written_between_markers(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n")
    write_between_markers(path, "a", "new \\1\n")
    assert path.read_text() == "before\n<!-- begin a -->\nnew \\1\n<!-- end a -->\nafter\n"
    with pytest.raises(ValueError, match="0 times"):
        write_between_markers(path, "b", "new")


def test_the_line_of_growth():
    work = np.array([1.0, 10.0, 1000.0])
    overhead, slope, deviation = line_through(work, 5 + 2 * work)
    assert np.allclose([overhead, slope], [5, 2]) and deviation < 1e-9
    assert line_through(work, 5 + work**1.2)[2] > 0.1
    assert case_of(64, 2, 8).multiply_adds == 8 * (64 * 64 * 5 + 64 * 10 * 3)


def test_torch_agrees_on_the_tiny_case(tmp_path):
    pytest.importorskip("torch")
    (case,) = run(tmp_path, "--peers", "torch", "--python", sys.executable)["results"]
    assert case["contestants"]["torch"]["agrees"]
