"""Which row goes into which part: at random, by class, group, time, column, hash and file; and folds."""

from datetime import date, timedelta

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold

from nnlite.data import Csv, Data, Npz, Split, Table
from nnlite.errors import ConfigError, DataError


def complete(rows, count):
    """Whether each row is in one part."""
    return sorted(np.concatenate(list(rows.values())).tolist()) == list(range(count))


def test_no_group_is_in_two_parts():
    groups = np.random.default_rng(0).integers(0, 40, 400).astype(str)
    split = Split(validation=0.2, test=0.3, group="g")
    rows = split.rows(400, None, 1, {"group": groups})
    assert complete(rows, 400)
    parts = {part: set(groups[taken]) for part, taken in rows.items()}
    assert not parts["training"] & parts["test"] and not parts["training"] & parts["validation"]
    assert not parts["test"] & parts["validation"]
    assert len(rows["test"]) == pytest.approx(120, abs=12) and len(rows["validation"]) == pytest.approx(80, abs=12)
    other = split.rows(400, None, 2, {"group": groups})
    assert set(groups[other["test"]]) != parts["test"]
    again = split.rows(400, None, 1, {"group": groups})
    assert all(np.array_equal(again[part], rows[part]) for part in rows)


def test_each_part_gets_a_group_even_if_one_is_huge():
    groups = np.array(["a"] * 97 + ["b", "c", "d"])
    for seed in range(10):
        rows = Split(group="g").rows(100, None, seed, {"group": groups})
        assert [len(set(groups[taken])) > 0 for taken in rows.values()] == [True] * 3
        assert set(groups[rows["training"]]) >= {"a"}
    with pytest.raises(DataError, match="too few groups for 3 parts: 2; no group may be in two"):
        Split(group="g").rows(100, None, 0, {"group": np.where(groups == "a", "a", "b")})


@pytest.mark.parametrize(
    "times", [np.arange(100)[::-1], np.datetime64("2026-01-01") + np.arange(100)[::-1]], ids=["numbers", "dates"]
)
def test_the_last_rows_by_time_are_the_test_part(times):
    rows = Split(validation=0.1, test=0.2, time="t").rows(100, None, 0, {"time": times})
    assert {part: len(taken) for part, taken in rows.items()} == {"training": 70, "validation": 10, "test": 20}
    assert times[rows["training"]].max() < times[rows["validation"]].min()
    assert times[rows["validation"]].max() < times[rows["test"]].min()


def test_rows_of_one_time_stay_together():
    times = np.repeat(np.arange(10), 10)[np.random.default_rng(0).permutation(100)]
    rows = Split(validation=0.16, test=0.23, time="t").rows(100, None, 0, {"time": times})
    assert {part: sorted(set(times[taken])) for part, taken in rows.items()} == {
        "training": [0, 1, 2, 3, 4, 5],
        "validation": [6, 7],
        "test": [8, 9],
    }
    with pytest.raises(DataError, match="2 distinct times are too few for 3 parts"):
        Split(time="t").rows(100, None, 0, {"time": times % 2})


def test_a_column_names_the_parts():
    words = np.array(["train", "VAL", "test", "Training", "dev", "holdout"])
    rows = Split(by="fold").rows(6, None, 0, {"by": words})
    assert {part: taken.tolist() for part, taken in rows.items()} == {
        "training": [0, 3],
        "validation": [1, 4],
        "test": [2, 5],
    }
    assert list(Split(by="fold").rows(2, None, 0, {"by": np.array(["train", "test"])})) == ["training", "test"]
    with pytest.raises(DataError, match="column 'fold' says '1' in row 1; a part is called 'train', 'validation' or"):
        Split(by="fold").rows(2, None, 0, {"by": np.array(["train", "1"])})
    with pytest.raises(DataError, match="column 'fold' names no row 'train'"):
        Split(by="fold").rows(1, None, 0, {"by": np.array(["test"])})


def test_a_group_in_two_named_parts_is_refused_by_name():
    values = {"by": np.array(["train", "train", "test"]), "group": np.array(["a", "b", "b"])}
    with pytest.raises(DataError, match="who 'b' is in the training and in the test part"):
        Split(by="fold", group="who").rows(3, None, 0, values)


def test_a_row_stays_in_its_part_as_the_file_grows():
    ids = np.arange(3000).astype(str)
    split = Split(validation=0.1, test=0.2, hash="id")
    few, many = (split.rows(count, None, seed, {"hash": ids[:count]}) for count, seed in ((1000, 0), (3000, 1)))
    for part, taken in few.items():
        assert set(taken) == {row for row in many[part] if row < 1000}
    assert len(many["test"]) == pytest.approx(600, rel=0.1) and len(many["validation"]) == pytest.approx(300, rel=0.15)
    assert many["test"][:5].tolist() == [2, 6, 17, 18, 23]  # the same on every machine, for ever
    with pytest.raises(DataError, match="no row of 2 falls into the"):
        split.rows(2, None, 0, {"hash": np.array(["1", "1"])})


def test_stratify_auto_is_stratified_where_that_is_possible():
    classes = np.repeat([0, 1], [90, 10])
    auto, always = Split(stratify="auto"), Split(stratify=True)
    for part, rows in auto.rows(100, classes, 3).items():
        assert np.array_equal(rows, always.rows(100, classes, 3)[part])
    rare = np.repeat([0, 1], [99, 1])
    for part, rows in auto.rows(100, rare, 3).items():
        assert np.array_equal(rows, Split().rows(100, rare, 3)[part])
    assert complete(auto.rows(100, None, 3), 100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group": "g", "time": "t"}, "group and time are two ways"),
        ({"hash": "g", "by": "t"}, "by and hash are two ways"),
        ({"group": "g", "shuffle": False}, "shuffle: false and group are two ways"),
        ({"group": "g", "stratify": True}, "stratify and group are two ways"),
        ({"by": "g", "files": {"test": "a.csv"}}, "column 'g' names the parts already"),
        ({"files": {"training": "a.csv"}}, "'training' is not a part with a file of its own"),
        ({"stratify": "perhaps"}, "stratify"),
    ],
)
def test_contradictory_splits(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Split.get(arguments)


def test_folds_cover_all_rows_once_and_keep_the_mix_of_classes():
    classes = np.repeat([0, 1], [80, 20])
    rounds = Split(validation=0.1, stratify=True).folds(100, classes, 0, 5, {})
    assert all(complete(parts, 100) for parts in rounds)
    assert sorted(np.concatenate([parts["test"] for parts in rounds])) == list(range(100))
    assert [int(classes[parts["test"]].sum()) for parts in rounds] == [4] * 5
    assert [len(parts["validation"]) for parts in rounds] == [8] * 5
    with pytest.raises(DataError, match="class 1 has 20 rows, too few for 21 folds"):
        Split(stratify=True).folds(100, classes, 0, 21, {})
    with pytest.raises(DataError, match="100 rows cannot be divided into 101 folds"):
        Split().folds(100, classes, 0, 101, {})


def test_folds_of_groups_are_as_even_as_those_of_the_oracle():
    groups = np.random.default_rng(0).integers(0, 12, 100).astype(str)
    rounds = Split(group="g").folds(100, None, 0, 4, {"group": groups})
    sizes = sorted(len(parts["test"]) for parts in rounds)
    assert sizes == sorted(len(test) for _, test in GroupKFold(4).split(groups, groups=groups))
    for parts in rounds:
        seen = [set(groups[rows]) for rows in parts.values()]
        assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
        assert complete(parts, 100)
    assert sorted(np.concatenate([parts["test"] for parts in rounds])) == list(range(100))
    with pytest.raises(DataError, match="12 groups cannot be divided into 13 folds"):
        Split(group="g").folds(100, None, 0, 13, {"group": groups})


@pytest.mark.parametrize("split", [Split(time="t"), Split(shuffle=False)])
def test_folds_in_time_are_trained_on_the_past_alone(split):
    rounds = split.folds(60, None, 0, 5, {"time": np.arange(60)})
    assert [parts["test"].tolist() for parts in rounds] == [list(range(i, i + 10)) for i in range(10, 60, 10)]
    for parts in rounds:
        assert parts["training"].max() < parts["validation"].min() <= parts["validation"].max() < parts["test"].min()


def test_folds_by_hash_are_stable():
    ids = np.arange(500).astype(str)
    split = Split(hash="id")
    few, many = (split.folds(count, None, 0, 3, {"hash": ids[:count]}) for count in (200, 500))
    for before, after in zip(few, many, strict=True):
        assert set(before["test"]) == {row for row in after["test"] if row < 200}


def test_named_parts_have_no_folds():
    with pytest.raises(ConfigError, match="the parts are named by a column or files"):
        Split(by="fold").folds(3, None, 0, 2, {"by": np.array(["train", "test", "test"])})


def write(path, **columns):
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def table(tmp_path):
    count = 60
    days = np.datetime64("2026-01-01") + np.random.default_rng(0).permutation(count)
    return write(
        tmp_path / "t.csv",
        a=np.arange(count) / 7,
        who=[f"w{i % 12}" for i in range(count)],
        day=days,
        part=["train", "train", "valid", "test"] * 15,
        w=[1 + i % 3 for i in range(count)],
        y=[f"c{i % 2}" for i in range(count)],
    )


@pytest.mark.parametrize(
    ("split", "dropped"),
    [({"group": "who"}, ["day", "part"]), ({"time": "day"}, ["who", "part"]), ({"by": "part"}, ["who", "day"])],
)
def test_a_column_that_divides_the_rows_is_no_input(table, split, dropped):
    prepared = Data(Csv(table, "y", drop=[*dropped, "w"]), split).prepare("sparse", 0)
    assert [column.name for column in prepared.preprocessing.inputs.columns] == ["a"]
    assert sum(len(y) for _, y in prepared.parts.values()) == 60
    cells = Table.read(table).cells(next(iter(split.values())))
    by_part = {part: [cells[row] for row in rows] for part, rows in prepared.rows.items()}
    if "group" in split:
        assert not set(by_part["training"]) & set(by_part["test"])
    if "time" in split:
        assert max(by_part["training"]) < min(by_part["validation"]) < min(by_part["test"])
    if "by" in split:
        assert {part: set(words) for part, words in by_part.items()} == {
            "training": {"train"},
            "validation": {"valid"},
            "test": {"test"},
        }


def test_a_named_input_stays_an_input(table):
    source = Csv(table, "y", categorical=["who"], drop=["day", "part", "w"])
    prepared = Data(source, {"group": "who"}).prepare("sparse", 0)
    assert [column.name for column in prepared.preprocessing.inputs.columns] == ["a", "who"]


def test_weights_have_a_mean_of_1_in_training(table):
    data = Data(Csv(table, "y", drop=["who", "day", "part"]), weights="w")
    prepared = data.prepare("sparse", 0)
    raw = np.array([1 + i % 3 for i in range(60)])
    assert prepared.weights["training"].mean() == pytest.approx(1)
    for part, rows in prepared.rows.items():
        assert prepared.weights[part] == pytest.approx(raw[rows] / raw[prepared.rows["training"]].mean())
        assert prepared.arrays(part)[2] is prepared.weights[part]
    assert [column.name for column in prepared.preprocessing.inputs.columns] == ["a"]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -2, 1, 1], "weights: column 'w' is -2 in row 1, expected a number >= 0"),
        ([0, 0, 0, 0], "weights: all rows of the training part have the weight 0"),
        (["1", "", "1", "1"], "column 'w': the value is missing"),
        (["1", "x", "1", "1"], "text 'x' in a numeric column"),
    ],
)
def test_bad_weights_are_refused_by_name(tmp_path, weights, message):
    path = write(tmp_path / "t.csv", a=range(4), w=weights, y=["u", "v"] * 2)
    with pytest.raises(DataError, match=message):
        Data(Csv(path, "y"), Split(validation=0, test=0.25), weights="w").prepare("sparse", 0)


def test_files_of_their_own(tmp_path):
    paths = [
        write(tmp_path / name, a=np.arange(20) + 100 * number, y=["u", "v"] * 10)
        for number, name in enumerate(("train.csv", "validation.csv", "test.csv"))
    ]
    files = {"validation": "validation.csv", "test": "test.csv"}
    data = Data(Csv("train.csv", "y"), {"files": files}).located(str(tmp_path))
    assert data.split.files == {"validation": paths[1], "test": paths[2]}
    prepared = data.prepare("sparse", 0)
    assert list(prepared.parts) == ["training", "validation", "test"]
    encoder = prepared.preprocessing.inputs.columns[0]
    assert encoder.mean == pytest.approx(9.5)  # of the training file alone
    for number, (x, _) in enumerate(prepared.parts.values()):
        values = np.sort(x[:, 0]) * encoder.scale + encoder.mean
        assert values == pytest.approx(np.arange(20) + 100 * number, rel=1e-5)
    only_test = Data(Csv(paths[0], "y"), {"files": {"test": paths[2]}, "validation": 0.2, "test": 0.5})
    assert {part: len(y) for part, (_, y) in only_test.prepare("sparse", 0).parts.items()} == {
        "training": 16,
        "validation": 4,
        "test": 20,
    }


def test_leakage_between_files_is_refused_by_name(tmp_path):
    train = write(tmp_path / "a.csv", a=[1, 2, 3, 4], who=list("stuv"), y=list("uvuv"))
    part_of_it = write(tmp_path / "b.csv", a=[2, 3], who=list("tu"), y=list("vu"))
    same_group = write(tmp_path / "c.csv", a=[7, 8], who=list("zu"), y=list("vu"))

    def prepare(path, **split):
        options = {"validation": 0.0, "files": {"test": path}, **split}
        return Data(Csv(train, "y", drop=[] if split else ["who"]), options).prepare("sparse", 0)

    with pytest.raises(ConfigError, match=r"a\.csv is the file of the training rows; a part needs other rows"):
        prepare(train)
    with pytest.raises(DataError, match=r"b\.csv: every row is in the training file .*a\.csv as well"):
        prepare(part_of_it)
    with pytest.raises(DataError, match="who 'u' is in the training and in the test part"):
        prepare(same_group, group="who")
    assert len(prepare(same_group).parts["test"][1]) == 2


def test_columns_need_a_table(tmp_path):
    np.savez(tmp_path / "a.npz", inputs=np.ones((9, 2)), target=np.arange(9) % 3)
    for options in ({"split": {"group": "g"}}, {"weights": "w"}):
        with pytest.raises(ConfigError, match="the source has no named columns"):
            Data(Npz(str(tmp_path / "a.npz")), **options).prepare("sparse", 0)


def test_gaps_and_what_is_no_date(tmp_path):
    path = write(
        tmp_path / "t.csv", a=range(4), who=["s", "", "t", "u"], day=["2026-01-01", "soon", "x", "y"], y=list("uvuv")
    )
    with pytest.raises(DataError, match=r"split\.group: column 'who' has no value in row 1 \(1 of 4 rows\)"):
        Data(Csv(path, "y", drop=["day"]), {"group": "who"}).prepare("sparse", 0)
    with pytest.raises(DataError, match=r"split\.time: .* nor dates of one form such as 2026-01-31, but 'soon'"):
        Data(Csv(path, "y", drop=["who"]), {"time": "day"}).prepare("sparse", 0)
    with pytest.raises(DataError, match="no column 'dya'; did you mean 'day'"):
        Data(Csv(path, "y", drop=["who"]), {"time": "dya"}).prepare("sparse", 0)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%b %d, %Y", "%Y-%m-%d %H:%M:%S"])
def test_time_may_be_spelled_as_the_profile_reads_it(form, tmp_path):
    days = [date(2023, 1, 1) + timedelta(days=29 * row) for row in range(40)]
    order = np.random.default_rng(0).permutation(40)
    lines = [f'"{days[row].strftime(form)}",{row},{row * 1.5}' for row in order]
    (tmp_path / "t.csv").write_text("\n".join(["day,a,y", *lines]) + "\n")
    split = {"test": 0.25, "validation": 0.0, "time": "day"}
    data = Data({"Csv": {"path": str(tmp_path / "t.csv"), "target": "y"}}, split)
    prepared = data.prepare("regression", seed=0)
    assert sorted(prepared.target("test").ravel().tolist()) == [row * 1.5 for row in range(30, 40)]
