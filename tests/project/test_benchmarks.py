"""The comparison with other engines: that it runs, and that nobody is fast by being wrong. No time limits."""

import json
import math
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import __main__, full_batch, growth, guards, one_row, storage
from benchmarks.__main__ import main
from benchmarks.cases import BY_NAME, CASES, TINY, TRAINING, Case, dense, grown, named
from benchmarks.floor import Floor
from benchmarks.peers.with_nnlite import NNLite
from benchmarks.report import around_markers, markdown, write_between_markers
from benchmarks.runner import KERNELS, OWN, ROOT, agree, compared, environment


def run(tmp_path, *arguments):
    """The results of a run of the tiny case."""
    out = tmp_path / "results.json"
    main(["run", "--case", "tiny", "--rounds", "2", "--out", str(out), *arguments])
    return json.loads(out.read_text())


def test_a_run_gives_json_and_markdown(tmp_path, capsys):
    results = run(tmp_path, "--peers", "none", "--kernels", "numpy")
    (case,) = results["results"]
    own = case["contestants"]["nnlite"]
    assert set(case["contestants"]) == {"nnlite", "floor", "by hand"}
    assert own["kernels"] == "numpy" and len(own["seconds"]) == 2 and min(own["seconds"]) > 0 and own["peak"] > 1
    assert len(own["losses"]) == TINY.compared and own["losses"] not in own["rounded"]
    assert case["contestants"]["by hand"]["agrees"] and case["agree"] and own["floor_ratio"] > 0
    printed = capsys.readouterr().out
    assert f"| {TINY.title} |" in printed and "WRONG" not in printed


def test_an_absent_peer_is_left_out_with_a_line(tmp_path, capsys):
    (case,) = run(tmp_path, "--peers", "thinc", "--kernels", "numpy")["results"]
    if "absent" not in case["contestants"]["thinc"]:
        pytest.skip("thinc is installed here")
    assert "- thinc: No module named 'thinc' (tiny)" in capsys.readouterr().out
    assert case["best"] is None and case["agree"]


def test_compiled_kernels_take_part_or_are_left_out_with_a_line(tmp_path, capsys):
    (case,) = run(tmp_path, "--peers", "none")["results"]
    found, printed = case["contestants"]["nnlite fast"], capsys.readouterr().out
    if "absent" in found:
        assert "- nnlite with fast: No module named 'numba' (tiny)" in printed and case["agree"]
        with pytest.raises(SystemExit, match="No module named 'numba'"):
            run(tmp_path, "--peers", "none", "--kernels", "numba")
    else:
        assert (
            found["kernels"] == "numba"
            and found["agrees"]
            and found["floor_ratio"] > 0
            and found["losses"] not in found["rounded"]
        )
        assert "| nnlite, NumPy alone | nnlite with fast | floor |" in printed


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
    assert (case["best"], case["agree"]) == ("torch", False)
    assert case["contestants"]["nnlite"]["ratios"] == {"torch": 4.0}
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


def report(name, **found):
    """The tables of one case; a contestant is its seconds and its loss, or the reason why it is absent."""
    results = {
        engine.replace("_", " "): {"absent": own}
        if isinstance(own, str)
        else result([own[1]], own[:1] * 2, quartiles=own[:1] * 3, peak=1.0)
        for engine, own in found.items()
    }
    return markdown(ABOUT | {"results": [{"case": name} | compared(results, BY_NAME[name])]})


ABOUT = {
    "date": "d",
    "machine": {"processor": "p", "cores": 1, "python": "3", "load": None},
    "threads": 1,
    "rounds": 2,
    "batches": "numpy",
}


def test_rows_are_added_to_those_of_the_same_machine(tmp_path):
    earlier = {"command": "run", **ABOUT, "results": [{"case": "tiny"}, {"whole": "digits"}]}
    options = SimpleNamespace(add=True, out=tmp_path / "results.json")
    assert __main__._earlier_rows(earlier, options) == {}  # no file yet
    options.out.write_text(json.dumps(earlier))
    assert __main__._earlier_rows(earlier, options) == {"tiny": {"case": "tiny"}, "digits": {"whole": "digits"}}
    with pytest.raises(SystemExit, match=r"results.json was measured with another rounds and processor$"):
        other = {**earlier, "rounds": 3, "machine": {"processor": "q"}}
        __main__._earlier_rows(other, options)
    options.add = False
    assert __main__._earlier_rows(earlier, options) == {}


def test_a_wrong_row_is_marked():
    assert report("tiny", nnlite=(1.0, 1.0), floor=(1.0, 1.0), torch=(1.0, 2.0)).count("**WRONG**") == 2


def test_nnlite_with_other_kernels_that_is_wrong_is_marked():
    text = report("tiny", nnlite=(1.0, 1.0), nnlite_fast=(1.0, 2.0), floor=(1.0, 1.0), torch=(1.0, 1.0))
    assert "| PyTorch eager **WRONG** |" in text and "| 1 (0e+00) | 2 (5e-01) **WRONG** | 1 (0e+00) |" in text


def test_both_entrants_have_their_own_aims_and_are_no_peers():
    text = report(
        "tabular", nnlite=(1.0, 1.0), nnlite_fast=(0.5, 1.0), floor=(0.4, 1.0), by_hand=(0.1, 1.0), jax=(3.0, 1.0),
        torch=(4.0, 1.0),
    )  # fmt: skip
    assert "| 13-64-64-1, batch 32 | JAX jit | 3.00 (4) | **6.00** (5) | 2.50 (1.35) | 1.25 (1.2) | 1; 1; 1 |" in text
    assert set(KERNELS) < set(OWN)
    text = report("mlp", nnlite=(1.0, 1.0), nnlite_fast=(0.5, 1.0), floor=(0.8, 1.0), torch=(1.25, 1.0))
    assert "| PyTorch eager | **1.25** (1.2) | **2.50** (1.4) | **1.25** (1.35) | **0.62** (1.2) |" in text


def test_an_aim_may_speak_of_another_peer_than_the_best():
    text = report("predict-mlp-1", nnlite=(1.0, 1.0), floor=(1.0, 1.0), jax=(1.5, 1.0), torch=(2.5, 1.0))
    assert "| JAX jit | 1.50; PyTorch eager **2.50** (2) | 1.00 |" in text
    text = report("predict-mlp-1", nnlite=(1.0, 1.0), floor=(1.0, 1.0), jax=(1.5, 1.0), torch="not installed")
    assert "| JAX jit | 1.50 | 1.00 |" in text


def test_an_absent_entrant_has_no_column_but_a_line():
    text = report("tabular", nnlite=(1.0, 1.0), nnlite_fast="No module named 'numba'", floor=(1.0, 1.0))
    assert (
        "| case | nnlite, NumPy alone | floor |" in text
        and "| 13-64-64-1, batch 32 | - | - | **1.00** (1.35) |" in text
    )
    assert "- nnlite with fast: No module named 'numba' (tabular)" in text
    alone = report("tabular", nnlite="no", nnlite_fast=(1.0, 1.0), floor=(1.0, 1.0), jax=(5.0, 1.0))
    assert "| JAX jit | **5.00** (5) | **1.00** (1.2) |" in alone


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


def test_the_page_has_a_place_for_every_section():
    names = (
        "run numpy 1",
        "run numpy 1 intel",
        "whole 1 intel",
        "run converted 1",
        "run numpy 2",
        "run numpy 2 intel",
        "growth 1",
    )
    for name in names:
        assert len(around_markers(__main__.DOCUMENT, name)) == 2


def test_the_line_of_growth():
    work = np.array([1.0, 10.0, 1000.0])
    overhead, slope, deviation = growth.line_through(work, 5 + 2 * work)
    assert np.allclose([overhead, slope], [5, 2]) and deviation < 1e-9
    assert growth.line_through(work, 5 + work**1.2)[2] > 0.1


def test_the_nets_of_growth():
    case = grown(width=64, depth=2, batch=8)
    assert case == named(case.name) and named("mlp") is BY_NAME["mlp"]
    assert case.multiply_adds == 8 * (64 * 64 * 5 + 64 * 10 * 3)
    assert case.activations == 8 * (64 + 64 + 10)
    assert grown(width=2048, depth=3, batch=32).steps == 1 < case.steps


def test_growth_gives_tables_and_a_picture(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(growth, "SERIES", {"width": [4, 8, 16]})
    page, out = tmp_path / "page.md", tmp_path / "growth.json"
    page.write_text("<!-- begin growth 1 -->\nold\n<!-- end growth 1 -->\n")
    monkeypatch.setattr(__main__, "DOCUMENT", page)
    main(["growth", "--rounds", "1", "--kernels", "numpy", "--docs", "--out", str(out)])
    printed = capsys.readouterr()
    rows = json.loads(out.read_text())["series"]["width"]
    assert [row["size"] for row in rows] == [4, 8, 16] and all(row["bytes"]["nnlite"] > 0 for row in rows)
    assert "| width | floor |" in printed.out and printed.out.strip() in page.read_text()
    drawn = page.with_name("growth.png").exists()
    assert drawn == ("](growth.png)" in printed.out) == ("no plot" not in printed.err)


def test_each_machine_has_a_picture_of_growth_of_its_own(tmp_path, monkeypatch):
    page, results = tmp_path / "page.md", tmp_path / "growth.json"
    page.write_text("<!-- begin growth 1 intel -->\nold\n<!-- end growth 1 intel -->\n")
    picture = page.with_name("growth.png")
    picture.write_bytes(b"that of another machine")
    grown = {"command": "growth", "threads": 1, "series": {"width": grown_rows()}, "absent": {}}
    results.write_text(json.dumps(ABOUT | grown))
    monkeypatch.setattr(__main__, "DOCUMENT", page)
    monkeypatch.setattr(__main__, "draw", lambda series, path: path.write_bytes(b"new"))
    main(["report", str(results), "--docs", "--machine", "intel"])
    assert picture.read_bytes() == b"that of another machine" and "](growth_intel.png)" in page.read_text()
    assert page.with_name("growth_intel.png").read_bytes() == b"new"


def grown_rows():
    """Rows of a series whose nnlite is a straight line in the floor's time, which is none in the work."""
    return [
        {
            "size": size, "work": size * 1_000_000, "activations": 100 * size**2, "bytes": {"nnlite": 400 * size**2},
            "seconds": {"nnlite": [1e-6 + 3e-6 * size**1.5] * 2, "floor": [1e-6 * size**1.5] * 2},
        }
        for size in (1, 10, 100)
    ]  # fmt: skip


def test_growth_says_how_far_each_is_off_a_line(tmp_path):
    path, results = tmp_path / "growth.json", {"command": "growth", "series": {"width": grown_rows()}}
    results["absent"] = {"nnlite fast": "No module named 'numba'"}
    text = growth.markdown(ABOUT | results)
    assert "| 10 | 10.0 | 95.9 | 31.6 | 3.03 | 10.0 | 0.04 |" in text
    own, floor = (line.split(" | ") for line in text.splitlines() if line.startswith("| width | ") and "%" in line)
    assert own[-2:] == ["0%", "0% |"] and own[4] != "0%" and floor[4] != "0%" and floor[-2:] == ["-", "- |"]
    assert "Left out: nnlite with fast: No module named 'numba'" in text
    path.write_text(json.dumps(ABOUT | results))
    main(["report", str(path)])


def test_without_matplotlib_the_tables_are_written_all_the_same(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = tmp_path / "growth.json"
    path.write_text(json.dumps(ABOUT | {"command": "growth", "absent": {}, "series": {"width": grown_rows()}}))
    main(["report", str(path), "--plot", str(tmp_path / "growth.png")])
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1 and 'pip install "nnlite[plot]"' in printed.err
    assert "| width | floor |" in printed.out and "![" not in printed.out and not (tmp_path / "growth.png").exists()


def test_torch_agrees_on_the_tiny_case(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")  # what is told to compile runs as it is: a compiler takes 15 seconds
    (case,) = run(tmp_path, "--peers", "torch", "--kernels", "numpy", "--python", sys.executable)["results"]
    assert case["contestants"]["torch"]["agrees"] and case["contestants"]["torch.compile"]["agrees"]


def test_a_streamed_table_is_read_trained_on_and_measured():
    measured = storage.measure(size=100_000)
    results = measured["results"]
    assert sum(results["rows"].values()) == measured["rows"] and results["metrics"]["test"]["r2"] > 0.5
    assert 0 < results["imports"] <= results["peak to encode"] <= results["peak to train"] <= results["peak"]
    shown = storage.markdown(measured)
    assert f"| read twice and encode | {measured['rows']:,} |" in shown and "nan" not in shown


def test_one_row_is_timed_in_each_case(capsys):
    one_row.main(["--rounds", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:26].strip() for line in lines[1:]] == list(one_row.CASES)
    assert all(float(time) > 0 for line in lines[1:] for time in re.findall(r"([\d.]+)us", line))


def test_levenberg_marquardt_is_timed_beside_adam(capsys):
    full_batch.main(["--seconds", "1", "--tasks", "sine"])
    task, adam, _, reached, times, newton = capsys.readouterr().out.splitlines()[-1].split()
    assert task == "sine" and float(newton) < float(adam) and float(reached) > 0 and float(times) >= 0


@pytest.mark.usefixtures("choice_restored")
def test_guards_are_timed_beside_trainings_without(capsys):
    guards.main(["--rounds", "2", "--seconds", "0.01", "--rows", "64", "--kernels", "numpy"])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [case for _, case, *_ in rows] == list(guards.CASES)
    assert all(float(step) > 0 and len(quartiles.split(" / ")) == 3 for _, _, step, quartiles in rows)


def test_without_guards_nothing_is_flushed():
    model = guards.table_model()
    model.train_on_batch(np.ones((2, guards.FEATURES)), np.ones((2, 1)))
    slot = model.optimizer.slots[0][model.optimizer.fading_slots()[0]]
    slot[...] = np.finfo(slot.dtype).tiny / 4
    with guards.unguarded():
        model.optimizer._flush(model.trainer._steps.store.packs)
    assert slot.all()
    model.optimizer._flush(model.trainer._steps.store.packs)
    assert not slot.any()


def test_help_names_every_benchmark(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    modules = (path for path in ROOT.joinpath("benchmarks").glob("[!_]*.py") if "__main__" in path.read_text("utf-8"))
    names = {"whole" if path.stem == "to_result" else path.stem for path in modules}
    assert len(names) > 10 and not {name for name in names if not re.search(rf"\b{name}\b", text)}
