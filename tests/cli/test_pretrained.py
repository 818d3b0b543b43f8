"""``--pretrained``: trained networks by name, on pictures of digits."""

import json

import numpy as np
import pytest

from striate.errors import ParameterError
from striate.filters.files import write
from striate.interop import pretrained
from striate.training import data

COUNT = 40


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder of digits, dark on white, 32x32, whose names begin with their class."""
    folder = tmp_path_factory.mktemp("digits")
    known = data.load("digits")
    for number, label in enumerate(known.test_labels[:COUNT]):
        ink = known.prepared(known.test_images[number : number + 1])[0, 0]
        paper = np.rint(127.5 * (1 - ink)).astype(np.uint8)
        write(folder / f"{label}-{number}.png", paper.repeat(4, 0).repeat(4, 1))
    return folder


def right(answer):
    found = [(result["image"].rsplit("/", 1)[1], result["top"][0]) for result in answer["results"]]
    return sum(name[0] == top["label"] for name, top in found)


def test_digits_on_paper_are_read(digits, answers):
    answer = answers("lenet-1989", digits, "--pretrained")
    assert len(answer["results"]) == COUNT
    assert right(answer) > 0.6 * COUNT
    assert answer["preprocessing"]["range"] == [1.0, -1.0]
    assert answer["scores"] == "outputs"


def test_digits_on_a_blackboard_are_read_inverted(digits, answers):
    assert right(answers("lenet-1989", digits, "--pretrained", "--invert")) < 0.3 * COUNT


def test_nothing_is_said_of_random_weights(digits, run):
    result = run("lenet-1989", digits / "*.png", "--pretrained")
    assert result.stderr == ""


def test_names_of_classes_may_be_others(digits, tmp_path, answers):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"the {number}" for number in range(10)))
    answer = answers("lenet-1989", digits, "--pretrained", "--labels", names, "--top", 1)
    for result in answer["results"]:
        (best,) = result["top"]
        assert best["label"] == f"the {best['class']}"


def test_one_of_two_weights(digits, run, tmp_path):
    with pytest.raises(ParameterError) as error:
        run("lenet-1989", digits, "--pretrained", "--weights", tmp_path / "w.safetensors")
    assert str(error.value) == "--pretrained cannot go with --weights; leave one of them out"


@pytest.mark.parametrize("command", ["run", "inspect"])
def test_networks_without_trained_weights(command, digits, striate):
    known = ", ".join(pretrained.names())
    result = striate(command, "vgg16", *([digits] if command == "run" else []), "--pretrained")
    assert result.err == (
        f"striate: no trained weights of 'vgg16' come with striate, only of {known}; give striate "
        "run a file with --weights\n"
    )
    assert result.code == 2


def test_files_are_not_pretrained(digits, striate):
    known = ", ".join(pretrained.names())
    result = striate("run", "model.onnx", digits, "--pretrained")
    assert result.err == (
        f"striate: --pretrained is for names of the zoo that have trained weights ({known}), but "
        "source is 'model.onnx'; leave it out\n"
    )


def test_images_that_cannot_be_prepared(digits, run, monkeypatch, tmp_path):
    from dataclasses import replace

    record = pretrained.record("lenet-1989")
    other = {**record.data, "preparation": "gcn,zca"}
    unfit = replace(record, preprocessing=None, data=other)
    monkeypatch.setattr(pretrained, "record", lambda name: unfit)
    with pytest.raises(ParameterError) as error:
        run("lenet-1989", digits, "--pretrained")
    assert str(error.value) == (
        "lenet-1989 was trained on images prepared by gcn,zca, which run does not do; prepare the "
        "images before, and declare with --preprocessing what is left"
    )
    rest = tmp_path / "rest.json"
    rest.write_text('{"range": [1, -1], "channels": "grey"}')
    assert run("lenet-1989", digits, "--pretrained", "--preprocessing", rest).stdout


def test_inspect_tells_how_they_were_made(printed):
    told = pretrained.record("lenet-1989").text
    assert told in " ".join(printed("lenet-1989", "--pretrained").split())
    report = json.loads(printed("lenet-1989", "--pretrained", "--json"))
    assert told in report["notes"]
    assert told not in json.loads(printed("lenet-1989", "--json"))["notes"]


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (("lenet-1989", "--explain", "H1"), "--explain"),
        (("lenet-1989", "--doctor"), "--doctor"),
        (("--list",), "--list"),
    ],
)
def test_inspect_does_one_thing(arguments, first, refused):
    assert refused(*arguments, "--pretrained") == (
        ParameterError,
        f"inspect: {first} cannot go with --pretrained; leave one of them out",
    )
