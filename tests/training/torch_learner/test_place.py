"""Places among several processes."""

import pytest

from striate.errors import ParameterError
from striate.training.torch_learner import Place, distributed

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "TORCHELASTIC_RESTART_COUNT")


@pytest.fixture
def environment(monkeypatch):
    """Set what torchrun sets, or less."""

    def put(*values):
        for name, value in zip(NAMES, values, strict=True):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return put


def test_the_place_is_that_of_the_environment(environment):
    environment(None, None, None, None)
    assert distributed() is None
    environment("5", "8", "1", "2")
    assert distributed() == Place(rank=5, size=8, local=1, restarts=2)
    environment("0", "1", None, None)
    assert distributed() == Place(0, 1, 0, 0)
    assert Place(0, 2).leads
    assert not Place(1, 2).leads


def test_a_place_that_cannot_be(environment):
    environment("2", "2", "0", "0")
    with pytest.raises(ParameterError) as caught:
        distributed()
    assert str(caught.value) == (
        "RANK 2 in the environment must be less than WORLD_SIZE 2: "
        "start the processes with torchrun"
    )
    environment("0", "many", "0", "0")
    with pytest.raises(ParameterError) as caught:
        distributed()
    assert str(caught.value) == (
        "WORLD_SIZE 'many' in the environment must be a whole number: "
        "start the processes with torchrun, or unset WORLD_SIZE"
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 6, 50])
def test_shares_cover_a_batch_once_and_evenly(size, count):
    shares = [Place(rank, size).share(10, 10 + count) for rank in range(size)]
    places = [place for start, stop in shares for place in range(start, stop)]
    assert places == list(range(10, 10 + count))
    assert max(b - a for a, b in shares) - min(b - a for a, b in shares) <= 1
