"""What a release is checked for, and the lower bounds that the oldest versions are installed by."""

import importlib.util
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHEEL = [
    "nnlite/__init__.py",
    "nnlite/py.typed",
    "nnlite/foreign/keras_signatures.json",
    "nnlite/experiment/starting/templates/table.yaml",
    "nnlite-0.2.0.dist-info/METADATA",
]
SDIST = [*WHEEL[:-1], "LICENSE", "README.md", "pyproject.toml"]


def script(name):
    """A script of .ci as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archives(folder, wheel=WHEEL, sdist=SDIST, content=b""):
    """The paths of a source archive and a wheel that hold files of these names."""
    source, built = folder / "nnlite-0.2.0.tar.gz", folder / "nnlite-0.2.0-py3-none-any.whl"
    with tarfile.open(source, "w:gz") as archive:
        for name in sdist:
            archive.addfile(tarfile.TarInfo(f"nnlite-0.2.0/{name}"))
    with zipfile.ZipFile(built, "w") as archive:
        for name in wheel:
            archive.writestr(name, content)
    return [str(source), str(built)]


def test_archives_as_they_should_be(tmp_path, capsys):
    assert script("check_archives").main(archives(tmp_path)) == 0
    assert capsys.readouterr().out == "nnlite-0.2.0.tar.gz, nnlite-0.2.0-py3-none-any.whl: as they should be\n"


@pytest.mark.parametrize(
    "options, fault",
    [
        ({"wheel": [*WHEEL, "tests/test_x.py"]}, "not of the package: tests/test_x.py"),
        ({"wheel": [*WHEEL, "nnlite/tests/test_x.py"]}, "a test or data: nnlite/tests/test_x.py"),
        ({"wheel": [*WHEEL, "nnlite/data.csv"]}, "a test or data: nnlite/data.csv"),
        ({"wheel": [name for name in WHEEL if "typed" not in name]}, "missing: py.typed"),
        ({"wheel": [name for name in WHEEL if "yaml" not in name]}, "missing: experiment/starting/templates/"),
        ({"content": bytes(2**19)}, "bytes, more than 2,097,152"),
        ({"sdist": [name for name in SDIST if name != "LICENSE"]}, "nnlite-0.2.0.tar.gz: missing: LICENSE"),
    ],
)
def test_faulty_archives_are_named(tmp_path, capsys, options, fault):
    assert script("check_archives").main(archives(tmp_path, **options)) == 1
    assert fault in capsys.readouterr().out


def test_both_archives_are_expected(tmp_path, capsys):
    assert script("check_archives").main(archives(tmp_path)[:1]) == 1
    assert "one sdist and one wheel were expected, not nnlite-0.2.0.tar.gz" in capsys.readouterr().out


def test_lower_bounds():
    oldest = script("oldest_versions")
    text = 'dependencies = ["numpy>=2.0", "scikit-learn>=1.6"]\n[extras]\ntables = ["polars[pyarrow]>=1.5", "tqdm"]\n'
    assert oldest.lower_bounds(text) == {"numpy": "2.0", "scikit-learn": "1.6", "polars": "1.5"}
    assert set(oldest.TRIED) <= oldest.lower_bounds((ROOT / "pyproject.toml").read_text(encoding="utf-8")).keys()
