"""What gives elements other places and shapes; each step adds some nodes, or none."""

import numpy as np


def transposition(m):
    x = m.some(kind=m.pick(["float32"] * 5 + ["int64", "bool"]))
    if x is not None:
        rank = m.values[x].ndim
        last = [0, *range(2, rank), 1] if rank > 2 else [*range(rank)]
        first = [0, rank - 1, *range(1, rank - 1)] if rank > 2 else [*range(rank)]
        perm = m.pick([last, first, m.random.permutation(rank).tolist()])
        m.node("Transpose", [x], exact=True, **({"perm": perm} if m.chance(0.9) else {}))


def computed_reshape(m):
    """Add Shape -> Gather -> Concat -> Reshape, as exporters write it."""
    x = m.some(ranks=range(2, 6))
    if x is None:
        return
    shape = m.values[x].shape
    sizes = m.node("Shape", [x], keep=False)
    if sizes is None:
        return
    how = m.pick(["keep batch", "merge", "flatten", "same"])
    if how == "keep batch":
        batch = m.node("Gather", [sizes, m.constant(np.array([0]))], keep=False, axis=0)
        parts = [batch, m.constant(np.array([-1]))]
    elif how == "flatten":
        m.node("Flatten", [x], exact=True, axis=int(m.random.integers(0, len(shape) + 1)))
        return
    elif how == "merge" and m.opset >= 13:
        batch = m.node("Gather", [sizes, m.constant(np.array(0))], keep=False, axis=0)
        batch = batch and m.node("Unsqueeze", [batch, m.constant(np.array([0]))], keep=False)
        parts = [batch, m.constant(np.array([shape[1], -1]))]
    elif m.opset >= 10:
        front = [sizes, m.constant(np.array([0])), m.constant(np.array([len(shape) - 1]))]
        parts = [m.node("Slice", front, keep=False), m.constant(np.array([-1]))]
    else:
        return
    if None in parts:
        return
    whole = m.node("Concat", parts, keep=False, axis=0)
    if whole is not None:
        m.node("Reshape", [x, whole], exact=True)


def reshape(m):
    x = m.some(kind=m.pick(["float32"] * 4 + ["int64", "bool"]))
    if x is None:
        return
    shape = list(m.values[x].shape)
    how = m.pick(["copy", "heads", "squeeze", "unsqueeze"])
    if how == "copy" and len(shape) > 1:
        m.node("Reshape", [x, m.constant(np.array([0, -1]))], exact=True)
    elif how == "heads":
        last = shape[-1]
        heads = m.pick([h for h in (1, 2, 3, 4) if last % h == 0])
        target = [0] * (len(shape) - 1) + [heads, last // heads]
        m.node("Reshape", [x, m.constant(np.array(target))], exact=True)
    elif how == "squeeze" and 1 in shape:
        given = [m.pick([i for i, s in enumerate(shape) if s == 1 and i > 0] or [0])]
        settle(m, "Squeeze", x, given)
    elif how == "unsqueeze":
        settle(m, "Unsqueeze", x, [int(m.random.integers(0, len(shape) + 1))])


def settle(m, operator, x, axes):
    if m.opset >= 13:
        m.node(operator, [x, m.constant(np.array(axes))], exact=True)
    else:
        m.node(operator, [x], axes=axes, exact=True)


def joining(m):
    x = m.some()
    if x is None:
        return
    shape = m.values[x].shape
    axis = m.pick([1, 1, *range(len(shape))]) % len(shape)
    alike = [
        n
        for n, v in m.values.items()
        if v.dtype == np.float32
        and v.ndim == len(shape)
        and all(a == b or i == axis for i, (a, b) in enumerate(zip(v.shape, shape, strict=True)))
    ]
    others = [m.pick(alike) for _ in range(m.random.integers(0, 3))]
    m.node("Concat", [x, *others], exact=True, axis=axis - m.pick([0, len(shape)]))


def splitting(m):
    x = m.some()
    if x is None:
        return
    shape = m.values[x].shape
    axis = int(m.random.integers(len(shape)))
    size = shape[axis]
    if size < 2:
        return
    cut = int(m.random.integers(1, size))
    if m.opset >= 18 and m.chance(0.3):
        m.node("Split", [x], outputs=2, exact=True, axis=axis, num_outputs=2)
    elif m.opset >= 13:
        parts = m.constant(np.array([cut, size - cut]))
        m.node("Split", [x, parts], outputs=2, exact=True, axis=axis)
    else:
        m.node("Split", [x], outputs=2, exact=True, axis=axis, split=[cut, size - cut])


def slicing(m):
    x = m.some(kind=m.pick(["float32"] * 4 + ["int64"]))
    if x is None:
        return
    shape = m.values[x].shape
    axis = int(m.random.integers(len(shape)))
    start, end = m.pick([(0, -1), (1, 1000), (-3, 2**62), (0, 2), (1, -1)])
    if m.opset < 10:
        m.node("Slice", [x], exact=True, starts=[start], ends=[end], axes=[axis])
        return
    step = m.pick([1, 1, 2, -1])
    if step < 0:
        start, end = m.pick([(-1, -(2**62)), (2, 0)])
    settings = [m.constant(np.array([v])) for v in (start, end, axis, step)]
    m.node("Slice", [x, *settings], exact=True)


def gathering(m):
    x = m.some()
    if x is None:
        return
    shape = m.values[x].shape
    axis = int(m.random.integers(len(shape)))
    how = m.pick(["Gather", "Gather", "GatherElements", "Tile", "Expand"])
    if how == "Gather":
        sizes = m.pick([(), (1,), (3,), (2, 2)])
        low = -shape[axis] if m.opset >= 11 else 0
        which = m.random.integers(low, shape[axis], sizes)
        m.node("Gather", [x, m.constant(which)], exact=True, axis=axis)
    elif how == "GatherElements" and m.opset >= 11:
        which = m.random.integers(0, shape[axis], shape)
        m.node("GatherElements", [x, m.constant(which)], exact=True, axis=axis)
    elif how == "Tile":
        m.node("Tile", [x, m.constant(m.random.integers(1, 3, len(shape)))], exact=True)
    elif how == "Expand" and m.opset >= 8:
        m.node("Expand", [x, m.constant(np.array([2] + [1] * len(shape)))], exact=True)


def padding(m):
    x = m.some(ranks=(2, 3, 4, 5))
    if x is None:
        return
    shape = m.values[x].shape
    mode = m.pick(["constant", "constant", "reflect", "edge"])
    low = -1 if mode == "constant" and m.chance(0.3) else 0
    space = [0 if i < 2 and len(shape) > 2 else 1 for i in range(len(shape))] * 2
    pads = [int(m.random.integers(low, 3)) * s for s in space]
    if m.opset < 11:
        m.node("Pad", [x], exact=True, mode=mode, pads=pads)
    else:
        fill = [m.constant(np.float32(0.5))] if mode == "constant" and m.chance(0.5) else []
        m.node("Pad", [x, m.constant(np.array(pads)), *fill], exact=True, mode=mode)


STEPS = (
    *[joining] * 2, *[computed_reshape] * 2, *[transposition] * 2,
    reshape, splitting, slicing, gathering, padding,
)  # fmt: skip
