"""Networks that others trained give what ONNX Runtime gave, and gives, on real images."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

import striate as st
from striate.filters import files

RECORDED = (
    "Convnet_maxpool",
    "ch_ppocr_mobile_v2.0_cls_infer",
    "cifar10_medium",
    "cifar_base_kw",
    "efficientnet-lite0-57934424",
    "mnist-8",
    "pnet",
    "resnet20-12fca82f",
    "resnet_2b",
    "rnet",
    "super_resolution",
    "version-RFB-320",
    "yunet_n_320_320",
)
PHOTOGRAPHS = "astronaut", "kodim05", "kodim19"

pytestmark = pytest.mark.data


def error(ours, theirs):
    """Return the largest difference, relative to the largest number."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def outputs(run, x):
    found = run(x)
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_outputs_come_out(name, data_folder):
    network = st.load(data_folder / "models" / f"{name}.onnx")
    recorded = np.load(data_folder / "models" / "io" / f"{name}.npz")
    (x,) = (recorded[key] for key in recorded if key.startswith("in/"))
    ours = outputs(st.compile(network), x)
    assert len(ours) == len(network.graph.outputs)
    for key, y in zip(network.graph.outputs, ours, strict=True):
        wanted = recorded[f"out/{key}"]
        assert y.shape == wanted.shape
        assert error(y, wanted) < 1e-4


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
@pytest.mark.parametrize("name", RECORDED)
def test_photographs_give_what_onnxruntime_gives(name, photograph, data_folder):
    path = data_folder / "models" / f"{name}.onnx"
    recorded = np.load(data_folder / "models" / "io" / f"{name}.npz")
    (like,) = (recorded[key] for key in recorded if key.startswith("in/"))
    image = files.read(data_folder / "images" / f"{photograph}.png")
    x = cut(image, like)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs = session.run(None, {session.get_inputs()[0].name: x})
    ours = outputs(st.compile(st.load(path)), x)
    assert all(error(y, wanted) < 1e-4 for y, wanted in zip(ours, theirs, strict=True))


def cut(image, like):
    """Return the photograph's middle as an input like this one, of its mean and its contrast."""
    last = like.shape[-1] in (1, 3)
    height, width = like.shape[1:3] if last else like.shape[2:]
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    middle = image[top : top + height, left : left + width]
    channels = like.shape[-1] if last else like.shape[1]
    planes = middle[..., :channels].astype(np.float32)
    planes = (planes - planes.mean()) / planes.std() * like.std() + like.mean()
    x = planes if last else planes.transpose(2, 0, 1)
    return np.ascontiguousarray(np.broadcast_to(x, like.shape), np.float32)
