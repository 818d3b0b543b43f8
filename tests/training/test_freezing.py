"""Parameters that stay as they are, by name or pattern, whatever learns beside them."""

import json

import numpy as np
import pytest

from striate.errors import ParameterError, UnknownNameError
from striate.network import Builder, Network
from striate.network.operators import Relu, Tanh
from striate.training import Settings, evaluate, fit

SETTINGS = {"epochs": 2, "learning_rate": 0.05, "momentum": 0.9, "batch_size": 8}


@pytest.fixture
def deep():
    """Three layers, of which only the first two have dots in their names."""
    b = Builder("deep", (None, 1, 6, 6))
    x = b.add(Relu(), b.conv(b.input, "features.0", channels=4, kernel=3), name="relu")
    x = b.batch_norm(b.conv(x, "features.1", channels=4, kernel=3, stride=2), "features.norm")
    return Network(b.graph(b.linear(b.add(Tanh(), x, name="tanh"), "scores", features=3)))


def changed(start, network):
    """Return the names of the weights that are no longer the same bits."""
    return {n for n, a in network.weights.items() if not np.array_equal(a, start.weights[n])}


ALL = {"features.0.weight", "features.0.bias", "features.1.weight", "scores.weight", "scores.bias"}


@pytest.mark.parametrize("device", ["cpu", "torch"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize(
    ("freeze", "still"),
    [
        ("features.0.*", {"features.0.weight", "features.0.bias"}),
        (["features.?.weight", "scores.bias"], {*ALL} - {"features.0.bias", "scores.weight"}),
        (["scores.*"], {"scores.weight", "scores.bias"}),
    ],
)
def test_what_is_frozen_stays_and_all_else_learns(deep, stripes, device, optimizer, freeze, still):
    start = deep.initialize(1)
    momentum = 0.9 if optimizer == "sgd" else 0.0
    settings = {**SETTINGS, "optimizer": optimizer, "momentum": momentum, "weight_decay": 0.01}
    result = fit(start, stripes, freeze=freeze, device=device, **settings)
    moved = changed(start, result.network)
    assert ALL - moved == still
    assert {"features.norm.mean", "features.norm.variance"} <= moved
    assert result.network.graph == start.graph  # so that all of it may learn another time


@pytest.mark.parametrize("device", ["cpu", "torch"])
def test_what_learns_does_so_as_at_a_rate_of_nothing_for_the_others(tiny, stripes, device):
    names = [p.name for p in tiny.graph.parameters]
    rates = {n: 1e-30 if n.startswith("conv") else 0.05 for n in names}
    start = tiny.initialize(0)
    settings = {**SETTINGS, "device": device}
    frozen = fit(start, stripes, freeze="conv.*", **settings)
    slow = fit(start, stripes, **{**settings, "learning_rate": rates})
    for name, array in frozen.network.weights.items():
        np.testing.assert_allclose(array, slow.network.weights[name], rtol=1e-5, atol=1e-7)
    both = fit(start, stripes, freeze="conv.*", **{**settings, "learning_rate": rates})
    for name, array in both.network.weights.items():  # rates of what is frozen are passed over
        np.testing.assert_allclose(array, frozen.network.weights[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("device", ["cpu", "torch"])
def test_a_run_remembers_what_is_frozen(noisy, stripes, tmp_path, device):
    settings = {**SETTINGS, "device": device, "freeze": ["conv.*"]}
    whole = fit(noisy, stripes, **{**settings, "epochs": 3})
    fit(noisy, stripes, out=tmp_path, **settings)
    resumed = fit(noisy, stripes, out=tmp_path, resume=True, **{**settings, "epochs": 3})
    for name, array in whole.network.weights.items():
        np.testing.assert_array_equal(array, resumed.network.weights[name])
    about = json.loads((tmp_path / "settings.json").read_text())
    assert about["settings"]["freeze"] == ["conv.*"]
    assert about["network"]["parameters"] == sum(
        array.size
        for name, array in whole.network.weights.items()
        if not name.startswith(("conv.", "norm.mean", "norm.variance"))
    )
    with pytest.raises(ParameterError) as error:
        fit(noisy, stripes, out=tmp_path, resume=True, **{**settings, "freeze": ()})
    assert str(error.value) == (
        f"fit: {tmp_path}: its run has freeze ('conv.*',), not (): "
        "resume with the same settings, or name another folder"
    )
    assert evaluate(resumed.network, *stripes).errors <= 60


def test_settings_without_it_are_written_as_before():
    plain = Settings(epochs=1, learning_rate=0.1)
    assert plain.as_json["version"] == 1
    assert "freeze" not in plain.as_json
    some = Settings(epochs=1, learning_rate=0.1, freeze="conv.*")
    assert (some.as_json["version"], some.as_json["freeze"]) == (2, ["conv.*"])
    assert Settings.of(json.loads(json.dumps(some.as_json))) == some


@pytest.mark.parametrize(
    ("freeze", "kind", "message"),
    [
        (
            ["conv.*", "score.*"],
            UnknownNameError,
            "fit: freeze: no trainable parameter of tiny is called 'score.*'; "
            "did you mean scores.bias or scores.weight?",
        ),
        (
            "*",
            ParameterError,
            "fit: freeze: all 4 trainable parameters of tiny are frozen: leave some to learn",
        ),
        (
            3,
            ParameterError,
            "fit: freeze 3 must be names of parameters, or patterns such as 'features.*'",
        ),
        (
            ["conv.*", 3],
            ParameterError,
            "fit: freeze ['conv.*', 3] must be names of parameters, or patterns such as "
            "'features.*'",
        ),
    ],
)
def test_what_cannot_be_frozen(tiny, stripes, freeze, kind, message):
    with pytest.raises(kind) as error:
        fit(tiny, stripes, epochs=1, learning_rate=0.1, freeze=freeze)
    assert str(error.value) == message
