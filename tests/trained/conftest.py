import pytest
from trained.tables import CLASSIFY, columns, experiment, write

from nnlite.experiment import train


@pytest.fixture(scope="session")
def table():
    return columns()


@pytest.fixture(scope="session")
def folder(tmp_path_factory, table):
    place = tmp_path_factory.mktemp("trained")
    write(place / "table.csv", table)
    return place


@pytest.fixture(scope="session")
def classes_run(folder):
    return train(experiment(folder / "table.csv", "answer", CLASSIFY, 2), folder / "classes", quiet=True)


@pytest.fixture(scope="session")
def binary_run(folder):
    loss = {"loss": {"BinaryCrossentropy": {"from_logits": True}}}
    return train(experiment(folder / "table.csv", "answer", loss, 1), folder / "binary", quiet=True)


@pytest.fixture(scope="session")
def amounts_run(folder):
    return train(
        experiment(folder / "table.csv", ["price", "rent"], {"loss": "mse"}, 2), folder / "amounts", quiet=True
    )


@pytest.fixture(scope="session")
def amount_run(folder):
    return train(experiment(folder / "table.csv", "price", {"loss": "mse"}, 1), folder / "amount", quiet=True)
