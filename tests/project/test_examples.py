"""Every script of examples/ runs from any folder, says what it should and leaves nothing behind."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = {path.name: path for path in sorted((ROOT / "examples").glob("*.py"))}
PICTURES = {path.name: path for path in sorted((ROOT / "examples" / "pictures").glob("*.py"))}

# What each script must print, as a pattern; numbers in groups are checked against the bounds.
OUTPUT = {
    "circuit_diagnosis.py": (r"(?s)width 2, largest table.*\n(0\.3673)   0\.5402 .*clear picture", 0.3673, 0.3673),
    "circuit_gaps.py": (r"(?s)20% of 32,000.*network's arcs: .*, ([\d.]+)% of the gaps.*three draws", 84, 90),
    "custom_layer.py": (r"loaded again: Snake\(frequency=5.0.*\n.*beyond the data: ([\d.]+)", 0, 0.3),
    "estimator_pipeline.py": (r"(?s)accuracy ([\d.]+).*best parameters.*test R2.*restore_targets.*predicted", 0.96, 1),
    "forward_and_reverse.py": (
        r"(?s)agree to \d?e?-?\d+.*\n   256        8 +2,4\d\d,\d+ +\d+,\d+ *\n.*sum of both paths: (\de[-+]\d+)",
        0,
        1e-12,
    ),
    "forecast.py": (r"trained for .*\n.*season ago [\d.]+, GRU [\d.]+\nthe GRU's error is ([\d.]+) % smaller", 20, 30),
    "functional.py": (
        r"(?s)winner_accuracy +([\d.]+)\n.*gradient of a weight.*of all 40: (?:0e\+00|\de-0[6-9])",
        0.9,
        1,
    ),
    "ops_by_hand.py": (
        r"dA = \[5. 6.\]  dB = \[5. 6.\]  dC = \[4. 6.\]\n\ndE/dD is a Diagonal of (16) bytes:\n\[\[5. 0.\]\n",
        16,
        16,
    ),
    "physics_informed.py": (r"(?s)250 iterations in .*\nrelative L2 error: ([\d.e-]+)", 0, 1e-3),
    "raw_table.py": (
        r"(?s)one network.*R2 0\.[89].*8 networks, on new flats: R2 ([\d.]+).*advertised +0\.[1-3]"
        r".*file: True\nmy flat: 2\d{3}",
        0.9,
        1,
    ),
    "regression_intervals.py": (
        r"(?s)Marquardt, 100 epochs: root mean squared error 0.1[345]\d\nAdam.* 0.[23].*noise 0.1[456]"
        r".*delta: (0\.\d+).*jackknife\+: 0\.(?:8[89]|9[0-3])\d.*points 0.[45]\d, in the gap [12]\.",
        0.88,
        0.93,
    ),
    "train_digits.py": (r"(?s)Model: \"sequential\".*Epoch 1/40.41/41 .*test accuracy ([\d.]+)", 0.97, 1),
    "wrong_labels.py": (
        r"(?s)first 5% of the rows: [89]\d.*first 10% of the rows: ([\d.]+)% of 89 wrong.*is a \d",
        90,
        100,
    ),
}


def test_every_script_has_its_output_here():
    assert SCRIPTS.keys() == OUTPUT.keys()


# The scripts that draw into the file whose name follows, and the bytes that it has at least.
DRAWN = {
    "forward_and_reverse.py": 10_000,
    "physics_informed.py": 10_000,
    "regression_intervals.py": 10_000,
    "wrong_labels.py": 5_000,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name, tmp_path):
    temporary, picture = tmp_path / "temporary", tmp_path / "picture.png"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    if re.search("pandas|as_frame", SCRIPTS[name].read_text()):
        pytest.importorskip("pandas")
    draws = name in DRAWN and importlib.util.find_spec("matplotlib") is not None
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", str(SCRIPTS[name]), *[str(picture)] * draws],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    pattern, low, high = OUTPUT[name]
    found = re.search(pattern, done.stdout)
    assert found, done.stdout
    assert low <= float(found[1]) <= high
    if draws:
        assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert picture.stat().st_size > DRAWN[name]
        picture.unlink()
    assert [path.name for path in tmp_path.rglob("*") if "matplotlib" not in path.name] == ["temporary"]


@pytest.mark.parametrize("name", PICTURES)
def test_a_script_of_pictures_draws_one(name, tmp_path):
    pytest.importorskip("matplotlib")
    code = PICTURES[name].read_text()
    title = re.match(r'"""([^\n]+)\n(=+)\n\n', code)
    assert title and len(title[1]) == len(title[2])
    if "NNLITE_SITE" in os.environ:  # the gallery has run it, and is built only where all scripts end well
        site = Path(os.environ["NNLITE_SITE"])
        assert (site / "_images" / f"sphx_glr_{Path(name).stem}_001.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        page = (site / "gallery" / "pictures" / name).with_suffix(".html").read_text(encoding="utf-8")
        printed = re.findall(r'(?s)<div class="sphx-glr-script-out.*?<pre>(.*?)</pre>', page)
        assert not re.search("Error|RuntimeWarning", "".join(printed))
        return
    end = "import matplotlib.pyplot as plt\nassert plt.get_fignums() or __import__('pathlib').Path('p.png').exists()\n"
    (tmp_path / name).write_text(f"{code}{end}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    command = [sys.executable, "-W", "error::RuntimeWarning", name, "p.png"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and "Error" not in done.stderr, done.stderr


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_is_short(name):
    title, code = SCRIPTS[name].read_text().split('"""\n', 1)
    assert len(code.splitlines()) <= 57
    assert re.fullmatch(r'"""([^\n]+)\n=+\n\n(.+\n)+', title), "the gallery shows a title and what it is about"


def test_a_layer_of_ones_own_takes_less_than_25_lines():
    lines = SCRIPTS["custom_layer.py"].read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("class "))
    end = next(number for number, line in enumerate(lines[start + 1 :], start + 1) if line and not line.startswith(" "))
    assert end - start < 25
