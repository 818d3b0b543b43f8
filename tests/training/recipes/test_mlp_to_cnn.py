"""Dense, local and shared layers: what they are made of, how they move, and their card."""

import json

import numpy as np
import pytest
import torch

import striate as st
from striate.errors import ParameterError, UnknownNameError
from striate.network import inspect
from striate.training.recipes import conduct, mlp_to_cnn
from striate.training.recipes.mlp_to_cnn_networks import (
    FIELD,
    KINDS,
    LAYERS,
    activations,
    as_maps,
    network,
)
from striate.training.recipes.shifting import equivariance_error, moved, relative_difference


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    ink = random.uniform(-1, 1, (6, 1, 17, 17)).astype(np.float32)
    return np.pad(ink, ((0, 0), (0, 0), (4, 4), (4, 4)), constant_values=-1)


@pytest.fixture(scope="module")
def card(few, tmp_path_factory):
    experiment = mlp_to_cnn.experiment(mlp_to_cnn.Budget(steps=8, seeds=2), few)
    return conduct(experiment, out=tmp_path_factory.mktemp("mlp"), progress=False)


@pytest.mark.parametrize(
    ("kind", "parameters", "macs"),
    [
        ("dense", 625 * 968 + 968 + 968 * 256 + 256 + 2570, 625 * 968 + 968 * 256 + 2560),
        ("local", 968 * 25 + 968 + 256 * 200 + 256 + 2570, 968 * 25 + 256 * 200 + 2560),
        ("shared", 8 * 25 + 8 + 16 * 200 + 16 + 2570, 968 * 25 + 256 * 200 + 2560),
    ],
)
def test_parameters_and_multiply_adds_by_hand(kind, parameters, macs):
    totals = inspect(network(kind).graph).totals
    assert (totals.parameters, totals.macs) == (parameters, macs)


def test_all_are_equally_wide():
    assert LAYERS == ((8, 11, 11), (16, 4, 4))
    for kind in KINDS:
        shapes = {layer.name: layer.output_shape for layer in inspect(network(kind).graph).layers}
        widths = [np.prod(shapes[f"layer{number}.relu"]) for number in (1, 2)]
        assert widths == [8 * 121, 16 * 16]


def local_weights(weight, layer):
    """Return the weights of a local layer as a (places, maps, read) array."""
    maps, height, width = LAYERS[layer]
    return weight.reshape(height * width, maps, -1)


def test_local_layers_are_pytorchs_unfolded_windows(images):
    """A unit is the sum of the products of its window and its own weights, plus its bias."""
    untrained = network("local").initialize(seed=3)
    outputs = st.compile(activations(untrained))(images)
    x = torch.tensor(images)
    for layer, (maps, height, width) in enumerate(LAYERS):
        windows = torch.nn.functional.unfold(x, 5, stride=2)  # (N, read, places)
        weight = torch.tensor(local_weights(untrained.weights[f"layer{layer + 1}.weight"], layer))
        bias = torch.tensor(untrained.weights[f"layer{layer + 1}.bias"].reshape(-1, maps))
        sums = torch.einsum("nrp,pmr->nmp", windows, weight) + bias.T
        x = torch.relu(sums).reshape(-1, maps, height, width)
        found = as_maps("local", layer, outputs[layer])
        np.testing.assert_allclose(found, x.numpy(), rtol=2e-4, atol=2e-5)


def test_local_layers_with_equal_weights_everywhere_are_convolutions(images):
    shared, local = (network(kind).initialize(seed=5) for kind in ("shared", "local"))
    weights = dict(local.weights)
    for layer, (maps, height, width) in enumerate(LAYERS):
        name = f"layer{layer + 1}"
        places = height * width
        kernel = shared.weights[f"{name}.weight"].reshape(maps, -1)
        weights[f"{name}.weight"] = np.tile(kernel, (places, 1))[:, :, None, None]
        weights[f"{name}.bias"] = np.tile(shared.weights[f"{name}.bias"], places)
    flat = shared.weights["output.weight"]
    maps, height, width = LAYERS[1]
    by_place = flat.reshape(10, maps, height * width).transpose(0, 2, 1).reshape(10, -1)
    weights["output.weight"] = np.ascontiguousarray(by_place)
    weights["output.bias"] = shared.weights["output.bias"]
    same = st.network.Network(local.graph, weights)
    expected, found = (st.compile(net)(images) for net in (shared, same))
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


def test_gradients_of_local_layers_are_pytorchs(images):
    """One step of plain gradient descent, against one by PyTorch's own operators."""
    untrained = network("local").initialize(seed=1)
    labels = np.arange(6)
    result = st.fit(
        untrained,
        (images, labels),
        epochs=1,
        batch_size=6,
        learning_rate=0.5,
        loss="cross-entropy",
        progress=False,
    )
    weights = {name: torch.tensor(w, requires_grad=True) for name, w in untrained.weights.items()}
    x = torch.tensor(images)
    for layer, (maps, height, width) in enumerate(LAYERS):
        places, name = height * width, f"layer{layer + 1}"
        windows = torch.nn.functional.unfold(x, 5, stride=2)
        own = weights[f"{name}.weight"].reshape(places, maps, -1)
        bias = weights[f"{name}.bias"].reshape(places, maps)
        x = torch.relu(torch.einsum("nrp,pmr->npm", windows, own) + bias)
        flat = x.reshape(len(images), -1)
        x = x.permute(0, 2, 1).reshape(-1, maps, height, width)
    scores = flat @ weights["output.weight"].T + weights["output.bias"]
    torch.nn.functional.cross_entropy(scores, torch.tensor(labels)).backward()
    for name, before in weights.items():
        expected = (before - 0.5 * before.grad).detach().numpy()
        np.testing.assert_allclose(result.network.weights[name], expected, rtol=1e-3, atol=2e-5)


def test_shared_weights_follow_shifts_by_their_stride_alone(images):
    """Layer 1 has a unit every 2 pixels, layer 2 every 4; nothing else follows anything."""
    found = {
        kind: mlp_to_cnn.measured(kind, network(kind).initialize(seed=0), images, np.arange(6))
        for kind in KINDS
    }
    shared = found["shared"]["equivariance"]
    assert max(shared["layer 1"][1], shared["layer 1"][3], shared["layer 2"][3]) < 1e-6
    assert min(shared["layer 1"][0], shared["layer 1"][2], *shared["layer 2"][:3]) > 0.05
    for kind in ("dense", "local"):
        assert found[kind]["equivariance"]["layer 1"][1] > 0.5
    assert all(len(errors) == 4 for errors in shared.values())
    assert len(found["dense"]["errors"]) == 4


@pytest.mark.parametrize("by", [(2, 0), (-3, 0), (0, 1), (0, -4)])
def test_images_move_with_paper_behind_them(images, by):
    down, right = by
    expected = np.roll(images, by, axis=(2, 3))  # the border is paper, wide enough
    np.testing.assert_array_equal(moved(images, by, -1.0), expected)
    assert np.array_equal(moved(images, (FIELD, 0), -1.0), np.full_like(images, -1))
    assert down * right == 0


def test_equivariance_between_two_units_is_interpolated():
    x = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    for axis, step in ((2, 4), (3, 1)):
        assert equivariance_error(x, x - 0.5 * step, 0.5, axis) == pytest.approx(0, abs=1e-7)
        assert equivariance_error(x, x + 1.5 * step, -1.5, axis) == pytest.approx(0, abs=1e-7)
        assert equivariance_error(x, x, 0.5, axis) > 0.03
    with pytest.raises(ParameterError) as error:
        equivariance_error(x, x, 3, axis=2)
    assert str(error.value) == (
        "a shift by 3 units leaves nothing of the 3 of the layer to compare: shift less"
    )


def test_relative_differences_have_fixed_points():
    a = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    b = np.random.default_rng(1).normal(size=100_000).astype(np.float32)
    assert relative_difference(a, b) == pytest.approx(2**0.5, rel=0.01)
    assert relative_difference(0 * a, 0 * b) == 0


def test_unknown_kinds_are_named():
    with pytest.raises(UnknownNameError) as error:
        network("sharing")
    assert str(error.value) == "no kind of layer is called 'sharing'; did you mean shared?"


def test_the_card_has_every_size_shift_and_layer(card):
    assert len(card.trials) == 2 * 2 * 3  # seeds, sizes, kinds
    sizes, shifts, following = card.tables
    assert [row[0] for row in sizes.rows] == ["100", "120"]
    assert [row[0] for row in shifts.rows] == ["0", "1", "2", "3"]
    assert [row[:2] for row in following.rows] == [
        (layer, str(far)) for layer in ("layer 1", "layer 2", "scores") for far in (1, 2, 3, 4)
    ]
    figures = {figure.name: figure.computed for figure in card.figures}
    assert figures["parameters, shared"] == "5,994"
    assert figures["multiply-adds, dense"] == "855,368"


def test_the_tables_are_means_of_the_runs(card):
    found = [
        100 * trial["result"]["errors"][0]
        for trial in json.loads(card.to_json())["trials"]
        if (trial["settings"]["kind"], trial["settings"]["digits"]) == ("local", 100)
    ]
    assert len(found) == 2
    assert (
        card.tables[0].rows[0][2].startswith(f"{np.mean(found):.2f} ± {np.std(found, ddof=1):.2f} ")
    )


def test_all_kinds_learn_from_the_same_digits(few):
    experiment = mlp_to_cnn.experiment(mlp_to_cnn.Budget(steps=8, seeds=2), few)
    parts = {}
    for trial in experiment.trials:
        labels = trial.work.args[1].train_labels
        parts.setdefault((trial.settings["digits"], trial.settings["seed"]), []).append(
            labels.tolist()
        )
    for (digits, _), found in parts.items():
        assert len(found) == 3
        assert found[0] == found[1] == found[2]
        assert len(found[0]) == digits
    assert parts[100, 0] != parts[100, 1]
