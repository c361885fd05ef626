"""Images in one folder per class: as a source, and from a config to predictions."""

import csv
import io
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from shipped_configs import photos

import nnlite
from nnlite.cli import main
from nnlite.data import ImageFolder, image_dataset_from_directory
from nnlite.data.encoders.inputs import Raw
from nnlite.data.encoders.typical import typical_row
from nnlite.data.safety.limits import Limits
from nnlite.errors import ConfigError, DataError
from nnlite.experiment import Experiment, Run, train
from nnlite.experiment.judging.rows import row_figures

CONFIG = """
seed: 0
data: {source: {ImageFolder: {path: photos, image_size: [8, 10]}}, split: {validation: 0, test: 0.25, stratify: true}}
model: [{Rescaling: {scale: 0.004}}, {Conv2D: {filters: 4, kernel_size: 3}}, GlobalMaxPooling2D, {Dense: {units: 2}}]
compile: {loss: {SparseCategoricalCrossentropy: {from_logits: true}}, optimizer: {Adam: {learning_rate: 0.02}}}
fit: {epochs: 20, batch_size: 8}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos(tmp_path, np.random.default_rng(0))
    (tmp_path / "c.yaml").write_text(CONFIG)
    return tmp_path


def test_inputs_and_labels_are_those_of_image_dataset_from_directory(folder):
    dataset = ImageFolder("photos", (8, 10)).load("sparse")
    batches = image_dataset_from_directory("photos", image_size=(8, 10), shuffle=False, verbose=False)
    ((x, y),) = batches
    np.testing.assert_array_equal(dataset.inputs, x)
    assert dataset.target.tolist() == np.array(["cat", "dog"])[y].tolist()
    square = next(iter(image_dataset_from_directory("photos", image_size=8, verbose=False)))
    assert square[0].shape[1:] == (8, 8, 3)
    assert dataset.row_names[:2] == ["cat/0.png", "cat/1.png"]


def test_class_names_choose_folders(folder):
    assert {*ImageFolder("photos", (2, 2), class_names=["dog"]).load("auto").target} == {"dog"}
    with pytest.raises(ConfigError, match="class_names has a name twice: dog, dog"):
        ImageFolder("photos", (2, 2), class_names=["dog", "dog"]).load("auto")


def test_hidden_files_and_folders_do_not_count(folder):
    before = ImageFolder("photos", (2, 2)).load("auto")
    (folder / "photos" / "cat" / "._0.png").write_bytes(b"attributes of macOS")
    copies = folder / "photos" / "dog" / ".ipynb_checkpoints"
    copies.mkdir()
    (copies / "0.png").write_bytes((folder / "photos" / "dog" / "0.png").read_bytes())
    assert ImageFolder("photos", (2, 2)).load("auto").row_names == before.row_names
    assert len(ImageFolder("photos", (2, 2)).read_inputs("photos")) == len(before.inputs)


def test_a_file_name_of_any_bytes_is_text(folder):
    try:
        (folder / "photos" / "cat" / "0.png").rename(folder / "photos" / "cat" / os.fsdecode(b"caf\xe9.png"))
    except OSError:
        pytest.skip("the file system takes no such name")
    names = ImageFolder("photos", (2, 2)).row_names("photos")
    assert "cat/caf\\xe9.png" in [name.encode("utf-8").decode() for name in names or []]


def only_one(folder):
    shutil.rmtree(folder / "photos" / "dog")
    return []


INIT_WRONG = {
    "an empty class": (lambda folder: (folder / "photos" / "eel").mkdir() or [], "no images in the folder 'eel'"),
    "one class": (only_one, "photos: one folder of images, 'cat'; to tell classes apart takes two or more"),
    "a target": (lambda folder: ["--target", "animal"], "a folder has no columns, leave out --target and --task"),
    "a task": (lambda folder: ["--task", "regression"], "a folder has no columns, leave out --target and --task"),
}


@pytest.mark.parametrize("case", INIT_WRONG)
def test_no_config_is_written_that_could_not_train(folder, capsys, case):
    make, message = INIT_WRONG[case]
    assert main(["init", "photos", *make(folder)]) != 0
    assert message in capsys.readouterr().err and not (folder / "photos.yaml").exists()


def test_a_config_trains_on_a_folder_and_predictions_name_the_files(folder, capsys):
    run = train(Experiment.from_file("c.yaml"), out="run", quiet=True)
    assert run.metrics["test"]["accuracy"] == 1.0
    assert Run("run").evaluate() == run.metrics
    (folder / "new" / "deep").mkdir(parents=True)
    for source, name in (("cat/3.png", "b.png"), ("dog/1.png", "deep/a.png")):
        (folder / "new" / name).write_bytes((folder / "photos" / source).read_bytes())
    capsys.readouterr()
    assert main(["predict", "run", "new", "--no-proba"]) == 0
    assert capsys.readouterr().out == "file,class\nb.png,cat\ndeep/a.png,dog\n"
    assert main(["predict", "run", "new/b.png", "--no-proba"]) == 0
    assert capsys.readouterr().out == "file,class\nb.png,cat\n"
    assert main(["rows", "run", "--top", "2", "-o", "rows.csv"]) == 0
    figures = row_figures(Run("run"))
    shown = list(csv.DictReader(io.StringIO(Path("rows.csv").read_text())))
    assert [row["file"] for row in shown] == figures.file[:2].tolist()
    assert all(name.startswith(target) for name, target in zip(figures.file, figures.target, strict=True))
    assert main(["report", "run"]) == 0
    assert re.search(r'title="(cat|dog)/\d+\.png: \1, predicted \1 ', Path("run/report.html").read_text())


def test_a_typical_large_image_is_the_mean_of_its_channels(folder):
    settings = ["fit.epochs=1", "data.source.ImageFolder.image_size=[40, 40]"]
    run = train(Experiment.from_file("c.yaml", settings), out="run", quiet=True)
    assert np.shape(run.preprocessing.typical) == (1, 1, 3)
    assert Path("run/preprocessing.json").stat().st_size < 1000
    explanation = nnlite.load("run").explain(ImageFolder("photos", (40, 40)).read_inputs("photos/cat/0.png"))
    assert len(explanation.typical) == 40 * 40 * 3 and len(set(explanation.typical.values())) <= 3


@pytest.mark.parametrize(("data_format", "shape"), [("channels_last", (1, 1, 3)), ("channels_first", (3, 1, 1))])
def test_channels_of_large_images_are_where_the_data_format_says(data_format, shape, monkeypatch):
    monkeypatch.setattr("nnlite.config.defaults._image_data_format", data_format)
    means = np.array([1.0, 2.0, 3.0]).reshape(shape)
    images = np.broadcast_to(means, (2, *(3 if size == 3 else 40 for size in shape)))
    assert np.array_equal(typical_row(images, Raw(images.shape[1:])), means)


def test_chunks_are_the_folder_in_parts(folder):
    source = ImageFolder("photos", (4, 4))
    chunks = list(source.input_chunks("photos", 7))
    assert [len(chunk) for chunk in chunks] == [7, 7, 7, 3]
    np.testing.assert_array_equal(np.concatenate(chunks), source.read_inputs("photos"))


def test_an_array_of_images_is_read_as_well(folder):
    np.save("x.npy", np.ones((3, 4, 4, 3)))
    source = ImageFolder("photos", (4, 4))
    assert source.read_inputs("x.npy").shape == (3, 4, 4, 3) and source.row_names("x.npy") is None


def test_a_validation_part_may_be_a_folder_of_its_own(folder):
    for label in ("cat", "dog"):
        (folder / "held" / label).mkdir(parents=True)
        (folder / "held" / label / "1.png").write_bytes((folder / "photos" / label / "5.png").read_bytes())
    experiment = Experiment.from_file("c.yaml", ["data.split.files={validation: held}", "fit.epochs=1"])
    assert len(experiment.prepare()[1].parts["validation"][1]) == 2


def one_empty(folder):
    (folder / "photos" / "eel").mkdir()
    return "photos"


def damaged(folder):
    (folder / "photos" / "cat" / "3.png").write_bytes(b"\x89PNG and no more")
    return "photos"


WRONG = {
    "no folder": (lambda folder: "fotos", "c.yaml: no folder 'fotos'; looked for /"),
    "a file": (lambda folder: "c.yaml", "no directory "),
    "no folders": (lambda folder: "photos/dog", "; put the files of each class into a folder of its name"),
    "a folder without images": (one_empty, "no images in the folder 'eel'; remove it, or state `class_names`"),
    "a damaged image": (damaged, "3.png: no image that Pillow can read"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_folders_are_one_error_with_its_place(folder, capsys, case):
    make, message = WRONG[case]
    assert main(["train", "c.yaml", "--quiet", "--set", f"data.source.ImageFolder.path={make(folder)}"]) == 3
    assert message in capsys.readouterr().err
    assert not (folder / "runs").exists()


def test_sizes_are_compared_with_memory_before_an_image_is_read(folder):
    with Limits(bytes=1000).in_force(), pytest.raises(DataError, match=r"shape \(24, 64, 64, 3\), 1,179,648 bytes"):
        ImageFolder("photos", (64, 64)).load("auto")


def test_a_regression_is_refused(folder):
    with pytest.raises(ConfigError, match="its one label; choose a loss of classes"):
        ImageFolder("photos", (4, 4)).load("regression")


def test_labels_that_the_model_does_not_know_name_their_file(folder, capsys):
    train(Experiment.from_file("c.yaml", ["fit.epochs=1"]), out="run", quiet=True)
    (folder / "photos" / "cat").rename(folder / "photos" / "lynx")
    assert main(["evaluate", "run", "photos"]) == 3
    assert "photos/lynx/0.png: unknown class 'lynx'; the model knows cat, dog" in capsys.readouterr().err
