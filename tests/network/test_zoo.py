"""The zoo against the tables of the papers it is built from."""

import pytest

from striate.errors import UnknownNameError
from striate.network import inspect, zoo
from striate.network.zoo.lenet import CONNECTIONS_1989, TABLE_I_1998


def layers(report):
    return {layer.name: layer for layer in report.layers}


@pytest.mark.parametrize("name", zoo.names())
def test_every_network_can_be_inspected_and_initialized(name):
    network = zoo.load(name)
    assert network.name == name
    parameters = inspect(network).totals.parameters
    assert parameters > 0
    if parameters < 3e7:  # VGG takes half a gigabyte each
        assert network.initialize().has_weights


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UnknownNameError) as error:
        zoo.load("vgg61")
    assert str(error.value) == (
        "no network is called 'vgg61'; did you mean vgg13 or vgg16 or vgg19?"
    )


@pytest.mark.parametrize("name", [None, 16, ["vgg16"]])
def test_a_name_is_a_text(name):
    with pytest.raises(UnknownNameError) as error:
        zoo.load(name)
    assert str(error.value).startswith(f"no network is called {name!r}; ")


# LeCun et al. 1989, "Backpropagation Applied to Handwritten Zip Code Recognition",
# Neural Computation 1(4), section 3: units, connections, free parameters.
@pytest.mark.parametrize(
    ("layer", "units", "connections", "parameters"),
    [
        ("H1", 768, 19_968, 1_068),
        ("H2", 192, 38_592, 2_592),
        ("H3", 30, 5_790, 5_790),
        ("output", 10, 310, 310),
    ],
)
def test_lenet_1989_layer_by_layer(layer, units, connections, parameters):
    found = layers(inspect(zoo.load("lenet-1989")))[layer]
    assert (found.units, found.connections, found.parameters) == (units, connections, parameters)


def test_lenet_1989_totals():
    """LeCun et al. 1989, section 3: 1,256 units, 64,660 connections, 9,760 parameters."""
    totals = inspect(zoo.load("lenet-1989")).totals
    assert (totals.units, totals.connections, totals.parameters) == (1_256, 64_660, 9_760)


def test_lenet_1989_counts_units_and_connections_for_one_example():
    totals = inspect(zoo.load("lenet-1989"), (32, 1, 16, 16)).totals
    assert (totals.units, totals.connections) == (1_256, 64_660)
    assert totals.macs == 32 * (19_200 + 38_400 + 5_760 + 300)


def test_lenet_1989_fields():
    """5x5 of stride 2 twice: H1 sees 5x5, H2 13x13; the border adds 2 before each."""
    found = layers(inspect(zoo.load("lenet-1989")))
    assert [(f.size, f.stride, f.start) for f in found["H1"].field] == [(5, 2, -2)] * 2
    assert [(f.size, f.stride, f.start) for f in found["H2"].field] == [(13, 4, -6)] * 2


def test_lenet_1989_connects_each_h2_map_to_eight_of_twelve():
    """LeCun et al. 1989, section 3: each H2 unit combines 8 of the 12 maps of H1."""
    assert [len(set(seen)) for seen in CONNECTIONS_1989] == [8] * 12
    uses = [sum(channel in seen for seen in CONNECTIONS_1989) for channel in range(12)]
    assert uses == [8] * 12
    assert len(set(CONNECTIONS_1989)) == 12


def test_lenet_5_layer_by_layer():
    """LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", II.B.

    C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164 trainable parameters: 60,000 in all.
    """
    report = inspect(zoo.load("lenet-5"))
    counts = {}
    for layer in report.layers:
        name = layer.name.partition(".")[0]
        counts[name] = counts.get(name, 0) + layer.parameters
    output = counts.pop("output")
    assert counts == {"C1": 156, "S2": 12, "C3": 1_516, "S4": 32, "C5": 48_120, "F6": 10_164}
    assert sum(counts.values()) == 60_000
    assert report.totals.parameters == 60_000 + output


def test_lenet_5_shapes_and_fields():
    """LeCun et al. 1998, figure 2; S4 sees 16x16 (Araujo et al. 2019's recurrence)."""
    found = layers(inspect(zoo.load("lenet-5")))
    shapes = {name: found[name].output_shape for name in ("C1", "S2", "C3", "S4", "C5", "F6")}
    assert shapes == {
        "C1": (1, 6, 28, 28),
        "S2": (1, 6, 14, 14),
        "C3": (1, 16, 10, 10),
        "S4": (1, 16, 5, 5),
        "C5": (1, 120, 1, 1),
        "F6": (1, 84),
    }
    assert [(f.size, f.stride, f.start) for f in found["S4"].field] == [(16, 4, 0)] * 2
    assert [f.size for f in found["C5"].field] == [32, 32]


def test_lenet_5_connections_of_c3_are_table_i():
    """LeCun et al. 1998, table I: 6 maps see 3 maps of S2, 9 see 4, one sees all 6."""
    assert [(len(rows), {len(row) for row in rows}) for rows in TABLE_I_1998] == [
        (6, {3}),
        (9, {4}),
        (1, {6}),
    ]
    uses = [sum(s in row for rows in TABLE_I_1998 for row in rows) for s in range(6)]
    assert uses == [10] * 6


def test_mlp_of_lecun_1998():
    """LeCun et al. 1998, section III.C.5: 28x28-300-100-10."""
    report = inspect(zoo.load("mlp"))
    assert [layers(report)[f"fc{i}"].output_shape for i in (1, 2, 3)] == [
        (1, 300),
        (1, 100),
        (1, 10),
    ]
    assert report.totals.parameters == 785 * 300 + 301 * 100 + 101 * 10


# Simonyan and Zisserman, arXiv:1409.1556, table 1 (A, B, C, D, E) and table 2 (133, 133, 134, 138,
# 144 million parameters); exact counts, GMACs and fields follow from table 1 by hand.
VGG = [
    ("vgg11", 11, 132_863_336, 7.609, 150),
    ("vgg13", 13, 133_047_848, 11.308, 156),
    ("vgg16-c", 16, 133_638_952, 11.771, 156),
    ("vgg16", 16, 138_357_544, 15.470, 212),
    ("vgg19", 19, 143_667_240, 19.632, 268),
]


@pytest.mark.parametrize(("name", "depth", "parameters", "gmacs", "field"), VGG)
def test_vgg(name, depth, parameters, gmacs, field):
    report = inspect(zoo.load(name))
    assert sum(layer.parameters > 0 for layer in report.layers) == depth
    assert report.totals.parameters == parameters
    assert round(report.totals.macs / 1e9, 3) == gmacs
    last = layers(report)["pool5"]
    assert [(axis.size, axis.stride) for axis in last.field] == [(field, 32)] * 2
    assert last.output_shape == (1, 512, 7, 7)
    assert layers(report)["fc8"].output_shape == (1, 1000)


@pytest.mark.parametrize(("name", "depth", "parameters", "gmacs", "field"), VGG)
def test_vgg_with_batch_normalization_adds_two_parameters_a_channel(
    name, depth, parameters, gmacs, field
):
    plain, normalized = inspect(zoo.load(name)), inspect(zoo.load(f"{name}-bn"))
    channels = sum(x.output_shape[1] for x in plain.layers if x.operator == "Conv")
    assert normalized.totals.parameters == parameters + 2 * channels
    assert normalized.totals.buffers == 2 * channels
    assert normalized.totals.macs == plain.totals.macs


# Springenberg et al., arXiv:1412.6806, tables 1 and 2. The paper prints 1.3 M for base C (table 3),
# which its own definition contradicts; these counts follow from the definition.
PARAMETERS = {"a": (839_242, 1_254_250), "b": (885_610, 1_300_618), "c": (954_730, 1_369_738)}


@pytest.mark.parametrize("base", "abc")
@pytest.mark.parametrize(
    ("variant", "added"), [("base", 0), ("strided-cnn", 0), ("convpool-cnn", 1), ("all-cnn", 1)]
)
def test_all_cnn_parameters(base, variant, added):
    report = inspect(zoo.load(f"{variant}-{base}"))
    assert report.totals.parameters == PARAMETERS[base][added]
    assert layers(report)["average"].input_shapes == ((1, 10, 6, 6),)
    assert layers(report)["scores"].output_shape == (1, 10)


@pytest.mark.parametrize(("name", "field"), [("all-cnn-c", 27), ("strided-cnn-c", 21)])
def test_all_cnn_fields(name, field):
    """By the recurrence of Araujo et al. 2019 over tables 1 and 2 of arXiv:1412.6806."""
    last = layers(inspect(zoo.load(name)))["conv5"]
    assert [(axis.size, axis.stride) for axis in last.field] == [(field, 4)] * 2
