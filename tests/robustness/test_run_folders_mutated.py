"""Mutated run folders: what reads them ends in one typed error or a result, within bounds of memory and time.

`pytest tests/robustness/test_run_folders_mutated.py --runs 5000` tries 5,000 folders of each
kind; a short run tries 60.
"""

import json
import random
import shutil
from pathlib import Path

import pytest
import yaml
from bounds import within
from model_file_mutations import changed_json, resealed
from mutations import mutated
from small_runs import LISTED, train_small_run

import nnlite
from nnlite.cli import main
from nnlite.errors import NNLiteError
from nnlite.experiment import Run, resume
from nnlite.report import Report, list_runs
from nnlite.saving import write_manifest

SHORT = 60
MEMORY, SECONDS = 64 * 2**20, 3.0  # of what one reader takes; seconds of the processor
OTHERS = ["manifest.json", "state.json", "checkpoints/last.safetensors", "checkpoints/best.safetensors"]
EXIT_CODES = {0, 2, 3, 4, 5}

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_small_run(tmp_path_factory.mktemp("trained"))


def opened(folder):
    run = Run(folder)
    return run.metrics, run.baseline, run.warnings, run.folds, run.model


READERS = {
    "opened": opened,
    "evaluated": lambda folder: Run(folder).evaluate(),
    "predicted": lambda folder: Run(folder).predict(str(folder.parent / "t.csv")),
    "loaded": lambda folder: nnlite.load(folder).predict([{"a": 0.0, "b": 0.0}]),
    "explained": lambda folder: nnlite.load(folder).explain({"a": 0.0, "b": 0.0}),
    "reported": lambda folder: Report(Run(folder)).save(),
    "listed": lambda folder: str(list_runs(folder.parent)),
}


def changed(path: Path, chance: random.Random) -> bytes:
    """The content of a file of a run folder, spoilt in a way that fits its kind, or in any way."""
    content = path.read_bytes()
    if chance.randrange(4) == 0:
        return mutated(content, chance)
    if path.suffix == ".safetensors":
        return resealed(content, chance)
    if path.suffix == ".json":
        return changed_json(content.decode(), chance).encode()
    if path.suffix == ".yaml":
        return changed_json(json.dumps(yaml.safe_load(content)), chance).encode()
    cells = content.decode().split(",")
    cells[chance.randrange(len(cells))] = chance.choice(("", "nan", "1e999", "x", '"', "\n", "9" * 5000, "-1"))
    return ",".join(cells).encode()


def spoilt(trained: Path, place: Path, name: str, chance: random.Random) -> Path:
    """A copy of the trained folder in which one file is changed."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(trained, place)
    path = place / "run" / name
    path.write_bytes(changed(path, chance))
    return place / "run"


def read(reader, folder: Path, label: str) -> bool:
    """Whether a reader takes the folder; typed errors alone, within the bounds of memory and time."""
    try:
        within(lambda: reader(folder), SECONDS, MEMORY, label)
    except NNLiteError:
        return False
    except Exception as error:
        raise AssertionError(f"{label}: {type(error).__name__}: {error}") from error
    return True


def test_readers_take_the_folder_as_it_is(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "copy")
    for name, reader in READERS.items():
        assert read(reader, tmp_path / "copy" / "run", name)


def test_a_changed_file_is_never_used_in_silence(trained, tmp_path, runs):
    for seed in range(runs or SHORT):
        chance = random.Random(seed)
        name = chance.choice(LISTED)
        folder = spoilt(trained, tmp_path / "copy", name, chance)
        if (folder / name).read_bytes() != (trained / "run" / name).read_bytes():
            assert not read(opened, folder, f"seed {seed}, {name}"), f"seed {seed}: {name} was taken"


def test_resealed_folders_give_a_result_or_one_typed_error(trained, tmp_path, runs):
    taken = 0
    for seed in range(runs or SHORT):
        chance = random.Random(seed)
        name = chance.choice(LISTED + OTHERS)
        folder = spoilt(trained, tmp_path / "copy", name, chance)
        if name in LISTED:
            write_manifest(folder, LISTED)
        kind = chance.choice(list(READERS))
        taken += read(READERS[kind], folder, f"seed {seed}, {name}, {kind}")
    assert 0 < taken < (runs or SHORT)


def test_a_training_goes_on_or_the_error_is_typed(trained, tmp_path, runs):
    for seed in range((runs or SHORT) // 3):
        chance = random.Random(seed)
        name = chance.choice(["history.csv", "environment.json", *OTHERS])
        folder = spoilt(trained, tmp_path / "copy", name, chance)
        if name in LISTED:
            write_manifest(folder, LISTED)
        read(lambda folder: resume(folder, quiet=True, epochs=3), folder, f"seed {seed}, {name}, resumed")


def test_commands_end_in_a_line_and_a_known_code(trained, tmp_path, runs, capsys):
    for seed in range((runs or SHORT) // 3):
        chance = random.Random(seed)
        name = chance.choice(LISTED + OTHERS)
        folder = spoilt(trained, tmp_path / "copy", name, chance)
        if name in LISTED:
            write_manifest(folder, LISTED)
        command = chance.choice(("evaluate", "report", "summary", "explain"))
        arguments = [command, str(folder), *(["--row", "0"] if command == "explain" else [])]
        code = main(arguments)
        shown = capsys.readouterr().err
        assert code in EXIT_CODES and "Traceback" not in shown, f"seed {seed}, {name}, {command}: {code}, {shown}"
        assert code == 0 or shown.count("\n") >= 1, f"seed {seed}, {name}, {command}: no word"
