import matplotlib.pyplot as plt
import pytest
from stembench.datasets.store import write_shard


@pytest.fixture(scope="session")
def small_shard(small_factory, tmp_path_factory) -> str:
    """Four structures of two crystals, each at 3 and at 100 counts per pixel."""
    folder = tmp_path_factory.mktemp("shard")
    write_shard(folder, (small_factory.sample("test", number) for number in range(8)), {})
    return str(folder)


@pytest.fixture(autouse=True)
def closed():
    """Figures that tests look at are not written, and so not closed."""
    yield
    plt.close("all")
