"""Mutated run folders of every config that comes along: pictures, sequences, graphs and circuits among them.

`pytest tests/robustness/test_run_folders_of_configs.py --runs 200` tries 200 folders of each; a short run tries 3.
"""

import random
import shutil
from functools import partial

import numpy as np
import pytest
from bounds import within
from shipped_configs import CONFIGS, trained
from small_runs import LISTED
from test_run_folders_mutated import MEMORY, OTHERS, SECONDS, changed, opened

import nnlite
from nnlite.errors import NNLiteError
from nnlite.experiment import Run
from nnlite.saving import write_manifest

SHORT = 3
READERS = {
    "opened": opened,
    "evaluated": lambda folder: Run(folder).evaluate(),
    "loaded": lambda folder: nnlite.load(folder),
}

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_spoilt_folder_gives_a_result_or_one_typed_error(name, tmp_path, monkeypatch, runs):
    monkeypatch.chdir(tmp_path)
    whole = trained(name, tmp_path, epochs=1).folder
    with np.errstate(all="ignore"):
        for seed in range(runs or SHORT):
            chance = random.Random(seed)
            file = chance.choice(LISTED + OTHERS)
            shutil.rmtree("spoilt", ignore_errors=True)
            folder = shutil.copytree(whole, tmp_path / "spoilt")
            (folder / file).write_bytes(changed(folder / file, chance))
            if file in LISTED:
                write_manifest(folder, LISTED)
            for kind, reader in READERS.items():
                label = f"{name}, seed {seed}, {file}, {kind}"
                try:
                    within(partial(reader, folder), SECONDS, MEMORY, label)
                except NNLiteError:
                    continue
                except Exception as error:
                    raise AssertionError(f"{label}: {type(error).__name__}: {error}") from error
