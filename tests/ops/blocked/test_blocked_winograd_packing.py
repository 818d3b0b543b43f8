from __future__ import annotations

import numpy as np
import pytest

from striate.errors import ShapeError
from striate.ops.blocked import winograd_packing, winograd_plan
from striate.ops.blocked.gather import turned
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import aligned, run_tasks
from striate.ops.blocked.winograd_forms import forms_of, square
from striate.ops.blocked.winograd_packing import pack_task, packed_size
from striate.ops.blocked.winograd_weights import pack

SHAPES = [(1, 1), (16, 16), (5, 37), (33, 3), (70, 20)]
KERNELS = [(3,), (3, 3), (5, 5), (1, 7), (3, 1), (3, 3, 3)]


@pytest.fixture
def packed(target, run):
    """Return what packs weights at run time; nothing else is written."""

    def packed(forms, weight, transposed=False):
        size = packed_size(target, forms, weight.shape, transposed=transposed)
        buffers = {"w": np.append(np.full(3, np.nan), weight.ravel()).astype(np.float32)}
        buffers["p"] = np.full(size + 5, 7, np.float32)
        places = Place("w", 3), weight.shape, Place("p", 2)
        run(pack_task(target, forms, *places, transposed=transposed), buffers)
        assert (buffers["p"][:2] == 7).all()
        assert (buffers["p"][size + 2 :] == 7).all()
        return buffers["p"][2 : size + 2]

    return packed


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("transposed", [False, True])
def test_all_forms_are_packed(target, packed, kernel, transposed):
    for number, forms in enumerate(forms_of(kernel, (1,) * len(kernel))):
        maps, channels = SHAPES[number % len(SHAPES)]
        weight = np.random.default_rng(0).normal(size=(maps, channels, *kernel))
        weight = weight.astype(np.float32)
        wanted = pack(target, forms, turned(weight) if transposed else weight)
        found = packed(forms, weight, transposed).reshape(wanted.shape)
        # A coefficient is rounded along each axis, and each sum of r products: r + 1 times.
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=4e-7 * scale)
        assert (found[wanted == 0] == 0).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("transposed", [False, True])
def test_ragged_sizes_are_packed(target, packed, whole, shape, transposed):
    weight = whole(*shape, 3, 3)  # F(2, 3) has coefficients 1 and 1/2: all of it is exact
    forms = square(2, 3, 2)
    wanted = pack(target, forms, turned(weight) if transposed else weight)
    np.testing.assert_array_equal(packed(forms, weight, transposed), wanted.ravel())


@pytest.mark.parametrize("portion", [1, 1 << 20])
def test_weights_are_packed_in_portions(target, by_winograd, whole, monkeypatch, portion):
    monkeypatch.setattr(winograd_plan, "FEW_WEIGHTS", 0)
    monkeypatch.setattr(winograd_plan, "PACKED", portion)
    x, weight = whole(2, 21, 9, 7), whole(70, 21, 3, 3)
    forms = square(2, 3, 2)
    wanted = by_winograd(target, forms, x, weight)
    np.testing.assert_array_equal(by_winograd(target, forms, x, weight, at_run_time=True), wanted)


@pytest.mark.parametrize("transposed", [False, True])
def test_some_maps_are_packed(target, run, whole, transposed):
    weight, forms, some = whole(40, 50, 3, 3), square(2, 3, 2), range(16, 37)
    part = (turned(weight) if transposed else weight)[some.start : some.stop]
    wanted = pack(target, forms, part).ravel()
    buffers = {"w": weight.ravel(), "p": np.full(wanted.size, 7, np.float32)}
    places = Place("w"), weight.shape, Place("p")
    run(pack_task(target, forms, *places, transposed=transposed, some=some), buffers)
    np.testing.assert_array_equal(buffers["p"], wanted)


@pytest.mark.parametrize("offset", [0, 3])
def test_many_weights_go_straight_to_memory(target, whole, monkeypatch, offset):
    monkeypatch.setattr(winograd_packing, "FAR", 0)
    weight, forms = whole(40, 20, 3, 3), square(2, 3, 2)
    wanted = pack(target, forms, weight).ravel()
    packed = aligned(wanted.size + offset)
    task = pack_task(target, forms, Place("w"), weight.shape, Place("p", offset))
    run_tasks([task], {"w": weight.ravel(), "p": packed}, 1, target)
    np.testing.assert_array_equal(packed[offset:], wanted)


def test_threads_change_nothing(target):
    forms, shape = square(4, 3, 2), (67, 45, 3, 3)
    weight = np.random.default_rng(0).normal(size=shape).astype(np.float32).ravel()
    results = []
    for threads in (1, 2, 3):
        y = np.full(packed_size(target, forms, shape), np.nan, np.float32)
        task = pack_task(target, forms, Place("w"), shape, Place("p"))
        assert task.blocks > 3
        run_tasks([task], {"w": weight, "p": y}, threads, target)
        results.append(y)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_forms_of_another_kernel_are_refused(target):
    with pytest.raises(ShapeError) as caught:
        pack_task(target, square(4, 3, 2), Place("w"), (4, 4, 5, 5), Place("p"))
    assert str(caught.value) == "the forms are for kernel (3, 3), not (5, 5)"
