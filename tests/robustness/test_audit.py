"""Loading a file runs no code, starts and imports nothing, and opens no other file: Python's audit events say so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import nnlite

ROOT = Path(nnlite.__file__).parent.parent
PROGRAM = r'''
import gzip, io, json, os, pickle, shutil, struct, sys, zipfile
from pathlib import Path
import numpy as np
import nnlite
from nnlite.data import Idx, Npy, Npz, image_dataset_from_directory, open_rows, read_table_file
from nnlite.errors import NNLiteError
from nnlite.experiment import Experiment, Run, train
from nnlite.models import load_model

CONFIG = """seed: 1
data: {source: {Csv: {path: t.csv, target: y, categorical: [kind]}}, split: {validation: 0.2, test: 0.2}}
model: [{Dense: {units: 4, activation: relu}}, BatchNormalization, {Dropout: {rate: 0.1}}, {Dense: {units: 1}}]
compile: {optimizer: adam, loss: mse}
fit: {epochs: 2, callbacks: [{EarlyStopping: {patience: 3}}]}
"""

NETWORK = "network n {}\nvariable a { type discrete [ 2 ] { yes, no }; }\nprobability ( a ) { table 0.25, 0.75; }\n"

class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)

def made():
    """name -> what loads it; the files are in the current folder."""
    rows = [f"{i % 7}.5,{'abc'[i % 3]},{i % 5}" for i in range(60)]
    Path("t.csv").write_text("\n".join(["size,kind,y", *rows]))
    Path("t.csv.gz").write_bytes(gzip.compress(Path("t.csv").read_bytes()))
    Path("t.json").write_text(json.dumps([{"size": 1.5, "kind": "a"}, {"size": 2.5, "kind": "b"}]))
    Path("c.yaml").write_text(CONFIG)
    run = train(Experiment.from_file("c.yaml"), "run", quiet=True)
    shutil.copy("run/model.safetensors", "m.safetensors")
    shutil.copy(next(Path("run/checkpoints").glob("step-*")), "checkpoint.safetensors")
    np.savez_compressed("a.npz", inputs=np.ones((4, 2)), target=np.arange(4))
    np.savez("plain.npz", inputs=np.ones((4, 2)), target=np.arange(4))
    np.save("a.npy", np.ones((4, 2)))
    np.save("object.npy", np.array([Harmful()], object), allow_pickle=True)
    with zipfile.ZipFile("object.npz", "w") as archive:
        archive.write("object.npy", "inputs.npy")
    Path("pickle.csv").write_bytes(pickle.dumps(Harmful()))
    shutil.copy("pickle.csv", "pickle.safetensors")
    Path("tagged.yaml").write_text("model: !!python/object/apply:os.system ['touch harmed']\n")
    Path("lambda.yaml").write_text(CONFIG.replace("BatchNormalization", "{Lambda: {function: os.system}}"))
    Path("i.idx").write_bytes(b"\0\0\x08\2" + struct.pack(">2I", 4, 2) + bytes(8))
    loads = {
        "t.csv": read_table_file, "t.csv.gz": read_table_file, "t.json": read_table_file, "pickle.csv": read_table_file,
        "c.yaml": lambda p: Experiment.from_file(p).check(), "tagged.yaml": Experiment.from_file,
        "lambda.yaml": lambda p: Experiment.from_file(p).check(),
        "m.safetensors": load_model, "checkpoint.safetensors": load_model, "pickle.safetensors": load_model,
        "a.npz": lambda p: Npz(p).load("auto"), "plain.npz": lambda p: open_rows(p, "inputs")[:2],
        "a.npy": lambda p: Npy(p, p).load("regression"), "object.npy": lambda p: Npy(p, p).load("auto"),
        "object.npz": lambda p: Npz(p).load("auto"), "i.idx": lambda p: Idx(p, p).load("regression"),
        "run": lambda p: Run(p),
    }
    trained = nnlite.load("m.safetensors")
    loads["m2.safetensors"] = lambda p: nnlite.load(p).predict({"size": [1.0], "kind": ["a"]})
    shutil.copy("m.safetensors", "m2.safetensors")
    loads["raw.csv"] = lambda p: trained.table(p)
    shutil.copy("t.csv", "raw.csv")
    try:
        import PIL.Image
        PIL.Image.new("RGB", (4, 4)).save("p.png")
        Path("pictures").mkdir()
        shutil.move("p.png", "pictures/p.png")
        given = {"labels": None, "image_size": (4, 4), "verbose": False}
        loads["pictures"] = lambda p: list(image_dataset_from_directory(p, **given))
    except ImportError:
        pass
    Path("n.bif").write_text(NETWORK)
    loads["n.bif"] = nnlite.circuits.BayesianNetwork.from_bif
    try:
        import h5py
        model = load_model("m.safetensors")
        model.save("m.keras")
        model.save_weights("m.weights.h5")
        loads |= {"m.keras": load_model, "m.weights.h5": model.load_weights}
        with zipfile.ZipFile("m.keras") as read, zipfile.ZipFile("lambda.keras", "w") as archive:
            config = read.read("config.json").replace(b'"BatchNormalization"', b'"Lambda"')
            archive.writestr("config.json", config)
            archive.writestr("model.weights.h5", read.read("model.weights.h5"))
        loads["lambda.keras"] = load_model
    except ImportError:
        pass
    for library, name, write in (("pyarrow", "t.parquet", "to_parquet"), ("openpyxl", "t.xlsx", "to_excel")):
        try:
            __import__(library)
            import pandas
            getattr(pandas.DataFrame({"size": [1.0, 2.0], "kind": ["a", "b"]}), write)(name)
            loads[name] = read_table_file
        except ImportError:
            pass
    return loads

REPORTED = ("exec", "import", "pickle.", "marshal.", "subprocess.", "os.", "socket.", "ctypes.", "shutil.")
REPORTED += ("code.__new__", "webbrowser.", "urllib.", "tempfile.", "mmap.")
HARMLESS = ("socket.gethostname", "os.listdir", "os.scandir", "os.walk", "os.fwalk")
seen, target = [], None

def hook(event, arguments):
    if target is None:
        return
    if event == "open":
        path, mode = arguments[0], arguments[1]
        inside = isinstance(path, int) or Path(os.fsdecode(path)).resolve().is_relative_to(target)
        if not inside or (isinstance(mode, str) and set(mode) & set("wax+")):
            seen.append((event, str(path), str(mode)))
    elif event == "compile" and arguments[1] != "<unknown>":  # as of ast.literal_eval, which reads headers of arrays
        seen.append((event, str(arguments[1])))
    elif event.startswith(REPORTED) and event not in HARMLESS:
        seen.append((event, *map(str, arguments)))

def load(name, read):
    try:
        read(name)
        return "read"
    except NNLiteError:
        return "refused"

def control(path):
    """Does all that a load must not."""
    open("t.csv").close()
    open(path, "a").close()
    exec("import tabnanny")
    pickle.loads(Path(path).read_bytes())
    os.system("true")

told = {}
loads = made()
Path("control").write_bytes(pickle.dumps(Harmful))
loads["control"] = control
sys.addaudithook(hook)
for name, read in loads.items():
    other = f"other-{name}"
    (shutil.copytree if Path(name).is_dir() else shutil.copy)(name, other)
    if read is not control:
        load(name, read)  # what is imported at first use is imported
    seen.clear()
    target = Path(other).resolve()
    outcome = load(other, read)
    target = None
    told[name] = (outcome, list(seen))
print(json.dumps(told))
'''
REFUSED = {"pickle.csv", "pickle.safetensors", "tagged.yaml", "lambda.yaml", "lambda.keras", "object.npy", "object.npz"}


@pytest.fixture(scope="module")
def loads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(folder.rglob("harmed"))
    return json.loads(done.stdout.splitlines()[-1])


def test_loads_do_nothing_but_read_their_file(loads):
    assert len(loads) >= 19
    assert {name: events for name, (_, events) in loads.items() if events and name != "control"} == {}


def test_the_hook_sees_what_it_should(loads):
    """A function that opens, writes, imports, unpickles and starts what it likes."""
    seen = loads["control"][1]
    assert {"open", "import", "exec", "compile", "pickle.find_class", "os.system"} <= {event for event, *_ in seen}
    assert [mode for event, *_, mode in seen if event == "open"][:2] == ["r", "a"]


def test_harmful_files_are_refused_and_all_others_read(loads):
    assert {name for name, (outcome, _) in loads.items() if outcome == "refused"} == REFUSED
