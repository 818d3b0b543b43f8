"""``striate run``: models in files, the preparation of images, what is saved, what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import striate as st
from striate.errors import GeometryError, ParameterError
from striate.filters import files
from striate.network import Builder, Input, Network, Node, Preprocessing
from striate.network.operators import LogSoftmax, Softmax, Transpose


def make(tmp_path, ends, *, channels=3, name="model.onnx", preprocessing=None):
    """Write an ONNX model; `ends` adds its layers."""
    graph = ends(Builder("small", (None, channels, 8, 8)))
    net = Network(graph, preprocessing=preprocessing).initialize(3)
    return net, net.save(tmp_path / name)


def classifier(b):
    x = b.conv(b.input, "conv", channels=4, kernel=3)
    return b.graph(b.linear(x, "fc", features=5))


def doubled(b):
    return b.graph(b.conv_transpose(b.input, "up", channels=1, kernel=2, stride=2, bias=False))


def two(b):
    x = b.conv(b.input, "conv", channels=2, kernel=3)
    return b.graph(x, b.linear(x, "fc", features=3))


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(1)
    for i in range(5):
        files.write(folder / f"{i}.png", random.integers(0, 256, (20 + i, 30, 3), np.uint8))
    (folder / "notes.txt").write_text("no image")
    return folder


def plain(path, channels=3):
    return Preprocessing.fitting((None, channels, 8, 8)).apply(files.read(path))


def test_onnx_files_folders_and_batches(tmp_path, photos, answers):
    net, path = make(tmp_path, classifier)
    found = answers(path, photos)
    names = [str(photos / f"{i}.png") for i in range(5)]
    assert [result["image"] for result in found["results"]] == names
    assert (found["scores"], found["failed"]) == ("probabilities", [])
    logits = st.compile(net)(np.concatenate([plain(name) for name in names]))
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    best = [result["top"][0] for result in found["results"]]
    assert [entry["class"] for entry in best] == expected.argmax(1).tolist()
    np.testing.assert_allclose([entry["score"] for entry in best], expected.max(1), rtol=1e-5)
    together = answers(path, photos / "*.png", "--batch", 2)
    for one, other in zip(found["results"], together["results"], strict=True):
        assert [entry["class"] for entry in one["top"]] == [e["class"] for e in other["top"]]


def test_a_batch_that_the_network_fixes_is_filled(tmp_path, photos, answers):
    net, free = make(tmp_path, classifier)
    graph = replace(net.graph, inputs=(Input("input", (4, 3, 8, 8)),))
    fixed = Network(graph, net.weights).save(tmp_path / "fixed.onnx")
    one, other = answers(free, photos)["results"], answers(fixed, photos)["results"]
    assert [x["image"] for x in one] == [x["image"] for x in other]
    for a, c in zip(one, other, strict=True):
        assert [e["class"] for e in a["top"]] == [e["class"] for e in c["top"]]


def test_logits_are_the_outputs(tmp_path, photos, answers):
    net, path = make(tmp_path, classifier)
    found = answers(path, photos / "0.png", "--scores", "logits", "--top", 1)
    assert found["scores"] == "outputs"
    largest = st.compile(net)(plain(photos / "0.png")).max()
    assert found["results"][0]["top"][0]["score"] == pytest.approx(largest)


@pytest.mark.parametrize("last", [Softmax(), LogSoftmax(axis=1)])
def test_probabilities_stay_what_they_are(tmp_path, photos, last, answers):
    def ends(b):
        return b.graph(b.add(last, b.linear(b.input, "fc", features=5), name="last"))

    _, path = make(tmp_path, ends)
    top = answers(path, photos / "0.png", "--top", 5)["results"][0]["top"]
    scores = [entry["score"] for entry in top]
    assert sum(scores) == pytest.approx(1)
    assert scores == sorted(scores, reverse=True)


def test_the_models_own_preprocessing_and_options(tmp_path, photos, answers):
    how = Preprocessing(resize=8, crop=(8, 8), mean=(0.5,), std=(0.25,), channels="bgr")
    _, path = make(tmp_path, classifier, preprocessing=how)
    image = photos / "0.png"
    assert answers(path, image)["preprocessing"] == how.to_dict()
    options = ("--mean", "0.1,0.2,0.3", "--std", "2", "--channels", "rgb", "--high", "255")
    more = ("--resize", "9x10", "--interpolation", "bicubic", "--invert")
    found = answers(path, image, *options, *more)["preprocessing"]
    assert Preprocessing.from_dict(found) == Preprocessing(
        (9, 10),
        crop=(8, 8),
        interpolation="bicubic",
        range=(255, 0),
        mean=(0.1, 0.2, 0.3),
        std=(2,),
    )
    file = tmp_path / "how.toml"
    file.write_text("range = [0, 255]\n")
    found = answers(path, image, "--preprocessing", file)["preprocessing"]
    assert Preprocessing.from_dict(found) == Preprocessing((8, 8), "cover", range=(0, 255))


def test_pictures_are_saved(tmp_path, photos, run):
    net, path = make(tmp_path, doubled, channels=1)
    result = run(path, photos / "0.png", "--save", tmp_path / "large.png")
    assert result.stdout.splitlines()[-1] == str(tmp_path / "large.png")
    output = st.compile(net)(plain(photos / "0.png", 1))[0, 0]
    expected = np.clip(np.rint(output.astype(float) * 255), 0, 255)
    np.testing.assert_array_equal(files.read(tmp_path / "large.png"), expected)
    run(path, photos, "--save", tmp_path / "all")
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == [f"{i}.png" for i in range(5)]


def test_grey_pictures_may_keep_their_colours(tmp_path, photos, run):
    _, path = make(tmp_path, doubled, channels=1)
    run(path, photos / "0.png", "--save", tmp_path / "grey.png")
    run(path, photos / "0.png", "--save", tmp_path / "colour.png", "--colour")
    grey, colour = (files.read(tmp_path / f"{name}.png") for name in ("grey", "colour"))
    assert (grey.shape, colour.shape) == ((16, 16), (16, 16, 3))
    luma = np.asarray(Image.fromarray(colour).convert("YCbCr"))[:, :, 0].astype(int)
    inside = (colour > 0).all(2) & (colour < 255).all(2)
    assert abs(luma - grey)[inside].max() <= 2
    assert np.ptp(colour.astype(int), axis=2).max() > 10


def test_shapes_that_do_not_fit_point_to_the_doctor(tmp_path, photos, run):
    def stuck(b):
        return b.graph(b.conv(b.input, "conv", channels=1, kernel=3))

    net, _ = make(tmp_path, stuck)
    graph = replace(net.graph, inputs=(Input("input", (None, 3, 2, 2)),))
    path = Network(graph, net.weights).save(tmp_path / "stuck.onnx")
    with pytest.raises(GeometryError) as error:
        run(path, photos / "0.png")
    assert error.value.__notes__ == [
        f"striate inspect {path} --input 1x3x2x2 --doctor tells what would help"
    ]


def test_arrays_are_saved(tmp_path, photos, answers):
    net, path = make(tmp_path, two)
    found = answers(path, photos, "--save", tmp_path / "out.npz", "--batch", 3)
    with np.load(tmp_path / "out.npz") as saved:
        assert saved["images"].tolist() == [str(photos / f"{i}.png") for i in range(5)]
        expected = st.compile(net)(plain(photos / "4.png"))
        for entry, array in zip(found["results"][4]["outputs"], expected, strict=True):
            np.testing.assert_allclose(saved[entry["name"]][4], array[0], atol=1e-6)
            assert entry["shape"] == list(array.shape)
            figures = [entry[name] for name in ("min", "mean", "max")]
            np.testing.assert_allclose(figures, [array.min(), array.mean(), array.max()], atol=1e-6)


def test_several_outputs_are_described(tmp_path, photos, run):
    _, path = make(tmp_path, two)
    text = run(path, photos / "0.png").stdout
    assert all(word in text for word in ("output", "shape", "min", "mean", "max", "1x2x6x6", "1x3"))


def test_open_sizes_pass_over_images_that_are_too_small(tmp_path, photos, answers):
    b = Builder("open", (None, 3, 12, 12))
    graph = b.graph(b.conv(b.input, "conv", channels=1, kernel=11))
    graph = replace(graph, inputs=(Input("input", (None, 3, None, None)),))
    path = Network(graph).initialize().save(tmp_path / "open.onnx")
    files.write(photos / "tiny.png", np.zeros((4, 4, 3), np.uint8))
    found = answers(path, photos, code=1)
    assert [x["outputs"][0]["shape"] for x in found["results"]] == [
        [1, 1, 10 + i, 20] for i in range(5)
    ]
    assert [x["image"] for x in found["failed"]] == [str(photos / "tiny.png")]
    assert "kernel 11 is larger than the padded input 4 + 0 + 0" in found["failed"][0]["error"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--resize", "big"), "--resize is 'big'; give 224, or height x width as 240x320"),
        (
            ("--mean", "a,b"),
            "--mean is 'a,b'; give one number, or one for each channel as 0.5,0.5,0.5",
        ),
        (("--batch", 0), "--batch 0 must be at least 1"),
        (("--channels", "cmyk"), "channels is 'cmyk'; it must be one of rgb, bgr, grey"),
    ],
)
def test_preprocessing_that_makes_no_sense(tmp_path, photos, arguments, message, run):
    _, path = make(tmp_path, classifier)
    with pytest.raises(ParameterError) as error:
        run(path, photos, *arguments)
    assert str(error.value) == message


def test_refusals_to_save(tmp_path, photos, run):
    _, path = make(tmp_path, classifier)
    target = tmp_path / "one.png"
    for arguments, message in (
        ((photos, "--save", target), f"{target} is one file; 5 images need a folder"),
        (
            (photos / "0.png", "--save", photos / "0.png"),
            f"{photos / '0.png'} is an input and would be lost; choose another output",
        ),
        (
            (photos / "0.png", "--save", target),
            "no output of small is a picture (1x5); give --save FILE.npz",
        ),
    ):
        with pytest.raises(ParameterError) as error:
            run(path, *arguments)
        assert str(error.value) == message


def test_patterns_and_sizes_that_do_not_fit(tmp_path, photos, run):
    _, path = make(tmp_path, classifier)
    result = run(path, photos / "*.gif", photos / "0.png", tmp_path / "none.png", code=1)
    assert result.stderr == (
        f"striate: '{photos / '*.gif'}' matches no file; check the pattern\n"
        f"striate: {tmp_path / 'none.png'}: no such file; check the path\n"
    )
    assert "0.png" in result.stdout
    (tmp_path / "bare").mkdir()
    result = run(path, tmp_path / "bare", photos / "0.png", "--json", code=1)
    assert [entry["image"] for entry in json.loads(result.stdout)["results"]] == [
        str(photos / "0.png")
    ]
    assert [entry["image"] for entry in json.loads(result.stdout)["failed"]] == [
        str(tmp_path / "bare")
    ]
    result = run(path, photos / "0.png", "--resize", "9x9", code=1)
    assert result.stderr == (
        f"striate: {photos / '0.png'}: small takes Nx3x8x8, but the image becomes 1x3x9x9: "
        "change --resize, --crop or --channels\n"
    )


def test_networks_that_take_no_images(tmp_path, photos, run):
    b = Builder("signal", (None, 1, 100))
    path = Network(b.graph(b.max_pool(b.input, "pool", kernel=2))).save(tmp_path / "signal.onnx")
    with pytest.raises(ParameterError) as error:
        run(path, photos / "0.png")
    assert str(error.value) == (
        "signal takes no single image but input (None, 1, 100); run it in Python: "
        "striate.compile(network)(...)"
    )


def test_sizes_for_modules_and_open_models(tmp_path, photos, run, answers):
    file = tmp_path / "mine.py"
    file.write_text("from torch import nn\nnet = nn.Sequential(nn.Flatten(), nn.Linear(48, 5))\n")
    found = answers(f"{file}:net", photos, "--input", "1x3x4x4")
    assert found["preprocessing"]["resize"] == [4, 4]
    assert len(found["results"]) == 5
    b = Builder("open", (None, 3, 8, 8))
    graph = b.graph(b.conv(b.input, "conv", channels=1, kernel=3))
    graph = replace(graph, inputs=(Input("input", (None, 3, None, None)),))
    path = Network(graph).initialize().save(tmp_path / "open.onnx")
    found = answers(path, photos / "0.png", "--input", "1x3x9x7")
    assert found["results"][0]["outputs"][0]["shape"] == [1, 1, 7, 5]
    with pytest.raises(ParameterError) as error:
        run(path, photos / "0.png", "--input", "x=1x3x9x7")
    assert str(error.value) == (
        "--input is 'x=1x3x9x7'; a network of images has one: give its sizes"
    )


def test_channels_last(tmp_path, photos, answers):
    net, path = make(tmp_path, classifier)
    graph = net.graph
    first = Node("first", Transpose((0, 3, 1, 2)), ("image",), ("first",))
    conv = replace(graph.nodes[0], inputs=("first", *graph.nodes[0].inputs[1:]))
    image, nodes = Input("image", (None, 8, 8, 3)), (first, conv, *graph.nodes[1:])
    last = Network(replace(graph, inputs=(image,), nodes=nodes), net.weights)
    one, other = answers(path, photos), answers(last.save(tmp_path / "last.onnx"), photos)
    layouts = [found["preprocessing"]["layout"] for found in (one, other)]
    assert layouts == ["NCHW", "NHWC"]
    for a, c in zip(one["results"], other["results"], strict=True):
        assert [e["class"] for e in a["top"]] == [e["class"] for e in c["top"]]
