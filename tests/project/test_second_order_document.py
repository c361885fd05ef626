"""The page on second order: its code prints what it says, its config trains, its numbers are those of the code."""

from pathlib import Path

import pages
import pytest
import yaml

from nnlite.optimizers import GaussNewton, LevenbergMarquardt, Optimizer
from nnlite.optimizers.full_batch import base, damped
from nnlite.training.full_batch import objective

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "second_order.md").read_text(encoding="utf-8")
CODE = pages.blocks_of("python", PAGE)


@pytest.mark.parametrize("number", range(len(CODE)))
def test_code_prints_what_its_comments_say(number, tmp_path):
    printed, promised = pages.run_code(CODE[number], tmp_path), pages.promised(CODE[number])
    assert promised and [line for line in promised if line not in printed.splitlines()] == [], printed


def test_its_config_and_its_numbers():
    (config,) = pages.blocks_of("yaml", PAGE)
    assert isinstance(Optimizer.get(yaml.safe_load(config)["compile"]["optimizer"]), LevenbergMarquardt)
    assert LevenbergMarquardt().max_parameters == 4000 and GaussNewton().max_parameters == 2000
    assert GaussNewton().cg_iterations == 100 and objective.PIECE_BYTES == 8 * 2**20
    text = " ".join(PAGE.split())
    for reason in (base.GRADIENT, base.GOAL, base.TIME, base.FAILURES, base.EPOCHS, base.NO_STEP, damped.MU):
        assert f'"{reason}"' in text, reason
