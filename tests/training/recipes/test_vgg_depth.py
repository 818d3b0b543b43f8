from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from striate.network import Network, infer_shapes
from striate.network.graph import Initial
from striate.network.operators import BatchNormalization, Conv, MaxPool
from striate.training.recipes.trials import conduct
from striate.training.recipes.vgg_depth import BUDGETS, experiment, first_gradient
from striate.training.recipes.vgg_depth_networks import BLOCKS, vgg_like

torch = pytest.importorskip("torch")

TINY = replace(
    BUDGETS["small"],
    name="own",
    seeds=2,
    depths=(4, 6),
    widths=(4, 4, 8, 8),
    images=20,
    tests=10,
    passes=2,
    batch_size=8,
)


@pytest.fixture(scope="module")
def card(colour_pictures, folder):
    return conduct(experiment(TINY, colour_pictures), out=folder, progress=False)


@pytest.mark.parametrize("depth", BLOCKS)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_networks_have_so_many_convolutions(depth, batch_norm):
    graph = vgg_like(depth, (8, 16, 32, 64), batch_norm=batch_norm)
    kinds = [type(node.operator) for node in graph.nodes]
    assert kinds.count(Conv) == depth
    assert kinds.count(MaxPool) == 4
    assert kinds.count(BatchNormalization) == depth * batch_norm
    assert infer_shapes(graph, (2, 3, 32, 32))[graph.outputs[0]] == (2, 10)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_first_gradients_are_pytorchs(batch_norm):
    random = np.random.default_rng(0)
    images = random.standard_normal((6, 3, 32, 32)).astype(np.float32)
    labels = np.arange(6)
    network = Network(vgg_like(4, (4, 4, 8, 8), batch_norm=batch_norm)).initialize(3)
    module = network.to_torch().train()
    torch.nn.functional.cross_entropy(
        module(torch.from_numpy(images)), torch.from_numpy(labels)
    ).backward()
    wanted = next(p.grad for p in module.parameters() if p.shape == (4, 3, 3, 3)).norm().item()
    found = first_gradient(Network(network.graph), images, labels, seed=3)
    assert found == pytest.approx(wanted, rel=1e-4)


def test_batch_norm_makes_gradients_inverse_to_the_weights():
    random = np.random.default_rng(0)
    images = random.standard_normal((16, 3, 32, 32)).astype(np.float32)
    gradients = [
        first_gradient(
            Network(
                vgg_like(4, (4, 4, 8, 8), batch_norm=True, initial=Initial("normal", deviation))
            ),
            images,
            np.arange(16) % 10,
            seed=0,
        )
        for deviation in (0.25, 0.5)
    ]
    assert gradients[0] / gradients[1] == pytest.approx(2, rel=0.01)


def test_the_card_compares_with_and_without_batch_norm(card):
    names = [figure.name for figure in card.figures]
    assert "test error here, 6 convolutions, batch norm" in names
    table, gradients = card.tables
    assert [row[0] for row in table.rows] == [
        "4, plain",
        "6, plain",
        "4, batch norm",
        "6, batch norm",
    ]
    assert gradients.header[1:] == ("weights as He et al.", "weights as VGG")
    assert len(card.panels) == 4
    assert card.notes[0].startswith("Plain: best with ")
    assert card.notes[2].startswith("Before training, with weights as He et al., the first layer's")
    scale = card.figures[-1]
    assert scale.computed == "2.72"  # sqrt(2 / 27) / 0.1
    assert float(scale.measured.split()[0]) == pytest.approx(2.72, abs=0.1)
    assert len(card.trials) == 8


def test_the_card_is_written_as_json(card, folder):
    kept = json.loads((folder / "vgg-depth.json").read_text())
    trial = kept["trials"][0]
    assert trial["settings"]["depth"] == 4
    assert trial["settings"]["batch_norm"] is False
    assert len(trial["result"]["train_losses_by_pass"]) == 2
    assert set(trial["result"]["first_gradients"]) == {"He et al.", "VGG"}


def test_more_depths_keep_the_runs_that_are_done(card, colour_pictures, folder):
    more = conduct(
        experiment(replace(TINY, depths=(4, 6, 8)), colour_pictures, seeds=1),
        out=folder,
        progress=False,
    )
    kept = {trial["name"]: trial for trial in card.trials}
    found = {trial["name"]: trial for trial in more.trials}
    assert found["vgg-like-4-seed-0"] == kept["vgg-like-4-seed-0"]
    assert "vgg-like-8-bn-seed-0" in found
