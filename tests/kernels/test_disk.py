"""Compiled kernels on the disk are those of the sources that are there."""

from pathlib import Path

import pytest

from nnlite.kernels.memory.disk import MARK, drop_stale


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_kernels_of_other_sources_are_deleted(tmp_path):
    sources, cache = tmp_path / "sources", tmp_path / "cache"
    (sources / "parts").mkdir(parents=True)
    called = sources / "parts" / "called.py"
    called.write_text("first")
    drop_stale(sources, [cache])
    assert names(cache) == {MARK}
    kept = {"caller.py", "caller.run-1.nbi", "caller.run-1.nbc", MARK}
    for name in kept - {MARK}:
        (cache / name).touch()
    drop_stale(sources, [cache])
    assert names(cache) == kept
    called.write_text("second")
    drop_stale(sources, [cache])
    assert names(cache) == {"caller.py", MARK}


def test_each_folder_of_kernels_is_marked():
    pytest.importorskip("numba")
    from nnlite.kernels import compiled
    from nnlite.kernels.compiled.direct.products import multiply
    from nnlite.kernels.compiled.parts.updates import penalize

    folders = {Path(kernel.stats.cache_path) for kernel in (compiled.adam, multiply, penalize)}
    assert len(folders) == 3 and all((folder / MARK).exists() for folder in folders)
