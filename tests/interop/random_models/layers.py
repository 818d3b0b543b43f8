"""Layers and the patterns that they come in; each step adds some nodes to a model, or none."""

import numpy as np


def convolution(m):
    x = m.some(ranks=(3, 4, 5))
    if x is None:
        return
    shape = m.values[x].shape
    space = len(shape) - 2
    groups = m.pick([g for g in (1, 1, 1, 2, 3, 4, shape[1]) if shape[1] % g == 0])
    out = groups * int(m.random.integers(1, 9 if groups == 1 else 3))
    kernel = [int(m.random.integers(1, min(5, s) + 1)) for s in shape[2:]]
    attributes = {"kernel_shape": kernel} if m.chance(0.7) else {}
    if m.chance(0.5):
        attributes["strides"] = m.random.integers(1, 4, space).tolist()
    if m.chance(0.3):
        attributes["dilations"] = m.random.integers(1, 3, space).tolist()
    padding = m.pick(["none", "some", "some", "SAME_UPPER", "SAME_LOWER", "VALID"])
    if padding == "some":
        attributes["pads"] = [int(m.random.integers(0, k + 1)) for k in kernel * 2]
    elif padding != "none":
        attributes["auto_pad"] = padding
    inputs = [x, m.weight(out, shape[1] // groups, *kernel)]
    if m.chance(0.5):
        inputs.append(m.weight(out, scale=1.0))
    m.node("Conv", inputs, group=groups, **attributes)


def transposed(m):
    x = m.some(ranks=(3, 4, 5), below=4000)
    if x is None:
        return
    shape = m.values[x].shape
    space = len(shape) - 2
    groups = m.pick([g for g in (1, 1, 2, shape[1]) if shape[1] % g == 0])
    out = int(m.random.integers(1, 5))
    kernel = m.random.integers(1, 5, space).tolist()
    strides = m.random.integers(1, 4, space).tolist()
    attributes = {"strides": strides}
    how = m.pick(["none", "pads", "output_padding", "auto", "shape"])
    if how in ("pads", "output_padding"):
        attributes["pads"] = [int(m.random.integers(0, k)) for k in kernel * 2]
    if how == "output_padding":
        attributes["output_padding"] = [int(m.random.integers(0, s)) for s in strides]
    if how == "auto" and all(k >= s for k, s in zip(kernel, strides, strict=True)):
        attributes["auto_pad"] = m.pick(["SAME_UPPER", "SAME_LOWER", "VALID"])
    if how == "shape":
        attributes["output_shape"] = [
            s * n - int(m.random.integers(0, 2)) for s, n in zip(strides, shape[2:], strict=True)
        ]
    if m.chance(0.2):
        attributes["dilations"] = m.random.integers(1, 3, space).tolist()
    inputs = [x, m.weight(shape[1], out, *kernel)]
    if m.chance(0.5):
        inputs.append(m.weight(out * groups, scale=1.0))
    m.node("ConvTranspose", inputs, group=groups, **attributes)


def pooling(m):
    x = m.some(ranks=(3, 4, 5))
    if x is None:
        return
    shape = m.values[x].shape
    operator = m.pick(["MaxPool", "MaxPool", "AveragePool", "AveragePool", "LpPool"])
    kernel = [int(m.random.integers(1, min(4, s) + 1)) for s in shape[2:]]
    attributes = {"kernel_shape": kernel}
    if m.chance(0.7):
        attributes["strides"] = m.random.integers(1, 4, len(kernel)).tolist()
    padding = m.pick(["none", "some", "SAME_UPPER", "SAME_LOWER"])
    if padding == "some":
        attributes["pads"] = [int(m.random.integers(0, k)) for k in kernel * 2]
    elif padding != "none" and operator != "LpPool":
        # where a stride is larger than the kernel, ONNX Runtime crops a pool's input to its middle
        steps = attributes.get("strides", kernel)
        if all(k >= s for k, s in zip(kernel, steps, strict=True)):
            attributes["auto_pad"] = padding
    if operator == "AveragePool" and m.chance(0.5):
        attributes["count_include_pad"] = 1
    if operator == "LpPool":
        attributes["p"] = int(m.random.integers(1, 4))
    first = {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[operator]
    if m.opset >= first and "auto_pad" not in attributes:
        if m.chance(0.3):
            attributes["ceil_mode"] = 1
        fits = all(2 * k - 1 <= s for k, s in zip(kernel, shape[2:], strict=True))
        # ONNX Runtime dilates no LpPool, and rounds what does not fit towards zero
        if fits and operator != "LpPool" and m.chance(0.2):
            attributes["dilations"] = m.random.integers(1, 3, len(kernel)).tolist()
    two = operator == "MaxPool" and m.opset >= 8 and m.chance(0.15)
    m.node(operator, [x], outputs=2 if two else 1, exact=operator == "MaxPool", **attributes)


def global_pooling(m):
    x = m.some(ranks=(3, 4, 5))
    if x is not None:
        operator = m.pick(["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
        m.node(operator, [x], exact=operator == "GlobalMaxPool")


def normalization(m):
    x = m.some(ranks=(2, 3, 4, 5))
    if x is None:
        return
    shape = m.values[x].shape
    channels = shape[1]
    one = lambda n: m.constant((0.5 + m.random.random(n)).astype(np.float32))  # noqa: E731
    kind = m.pick(["batch", "batch", "instance", "layer", "group", "LRN", "Lp", "MVN", "rms"])
    if kind == "batch":
        statistics = [one(channels), m.weight(channels, scale=1), m.weight(channels, scale=1)]
        m.node("BatchNormalization", [x, *statistics, one(channels)], epsilon=1e-3)
    elif kind == "instance" and len(shape) > 2 and np.prod(shape[2:]) > 3:
        m.node("InstanceNormalization", [x, one(channels), one(channels)])
    elif kind == "layer" and m.opset >= 17:
        axis = int(m.random.integers(1, len(shape)))
        if np.prod(shape[axis:]) > 2:
            inputs = [x, one(shape[axis:]), one(shape[axis:])]
            m.node(
                "LayerNormalization", inputs[: m.pick([2, 3])], axis=axis - m.pick([0, len(shape)])
            )
    elif kind == "group" and m.opset >= 21 and len(shape) > 2 and np.prod(shape[2:]) > 3:
        groups = m.pick([g for g in (1, 2, 3, 4) if channels % g == 0])
        m.node("GroupNormalization", [x, one(channels), one(channels)], num_groups=groups)
    elif kind == "LRN" and len(shape) == 4:
        m.node("LRN", [x], size=m.pick([1, 3, 5]), alpha=0.1, beta=0.75, bias=1.5)
    elif kind == "Lp":
        m.node(
            "LpNormalization", [x], axis=int(m.random.integers(-1, len(shape))), p=m.pick([1, 2])
        )
    elif kind == "MVN" and m.opset >= 9 and len(shape) == 4 and np.prod(shape) > 30:
        m.node("MeanVarianceNormalization", [x])
    elif kind == "rms" and m.opset >= 23:
        m.node("RMSNormalization", [x, one(shape[-1])], axis=-1)


def residual(m):
    """Add a bottleneck with a join, of two convolutions that keep the size."""
    x = m.some(ranks=(4,))
    if x is None:
        return
    channels = m.values[x].shape[1]
    y = m.node("Conv", [x, m.weight(4, channels, 1, 1)])
    y = y and m.node("Relu", [y])
    y = y and m.node("Conv", [y, m.weight(channels, 4, 3, 3)], pads=[1, 1, 1, 1])
    y = y and m.node("Add", [y, x] if m.chance(0.5) else [x, y])
    if y and m.chance(0.7):
        m.node("Relu", [y])


def gate(m):
    """Add a squeeze-and-excitation gate."""
    x = m.some(ranks=(4,))
    if x is None:
        return
    channels = m.values[x].shape[1]
    y = m.node("GlobalAveragePool", [x])
    y = y and m.node("Conv", [y, m.weight(2, channels, 1, 1), m.weight(2, scale=1)])
    y = y and m.node("Relu", [y])
    y = y and m.node("Conv", [y, m.weight(channels, 2, 1, 1)])
    y = y and m.node(m.pick(["Sigmoid", "HardSigmoid"]), [y])
    if y:
        m.node("Mul", [x, y])


def channels_last(m):
    """Add what TensorFlow's exporters write: a layer between two transpositions."""
    x = m.some(ranks=(4,))
    y = x and m.node("Transpose", [x], exact=True, perm=[0, 2, 3, 1])
    if y is None:
        return
    m.nodes[-1].name += "_nhwc"
    channels = m.values[y].shape[3]
    y = m.node("Mul", [y, m.weight(channels, scale=1)]) if m.chance(0.5) else y
    y = y and m.node("MatMul", [y, m.weight(channels, 5)]) if m.chance(0.5) else y
    y = y and m.node("Relu", [y])
    if y is not None and m.chance(0.8):
        m.node("Transpose", [y], perm=[0, 3, 1, 2])


def resizing(m):
    x = m.some(ranks=(3, 4, 5), below=4000)
    if x is None:
        return
    shape = m.values[x].shape
    space = len(shape) - 2
    scales = np.array([1.0, 1.0] + [m.pick([1.0, 2.0, 2.0, 3.0, 0.5, 1.5])] * space, np.float32)
    mode = m.pick(["nearest", "linear"])
    if m.opset == 7:
        m.node("Upsample", [x], mode=mode, scales=scales.tolist())
    elif m.opset < 10:
        m.node("Upsample", [x, m.constant(scales)], mode=mode)
    elif m.opset == 10:
        m.node("Resize", [x, m.constant(scales)], mode=mode)
    else:
        if space == 2 and m.chance(0.2):
            mode = "cubic"
        how = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
        coordinates = m.pick(how) if mode != "nearest" else m.pick(how[:2])
        if coordinates == "align_corners":  # ONNX Runtime rounds sizes first; ONNX does not
            scales = np.ceil(scales)
        attributes = {"mode": mode, "coordinate_transformation_mode": coordinates}
        if mode == "nearest":
            attributes["nearest_mode"] = m.pick(["floor", "ceil", "round_prefer_floor"])
        empty = "" if m.opset >= 13 else m.constant(np.zeros(0, np.float32))
        if m.chance(0.3):
            sizes = [*shape[:2], *(int(s) for s in m.random.integers(1, 9, space))]
            none = "" if m.opset >= 13 else m.constant(np.zeros(0, np.float32))
            m.node("Resize", [x, empty, none, m.constant(np.array(sizes))], **attributes)
        else:
            m.node("Resize", [x, empty, m.constant(scales)], **attributes)


def shuffling(m):
    x = m.some(ranks=(4,))
    if x is None:
        return
    if m.values[x].shape[1] % 4 == 0 and m.chance(0.6):
        how = {"mode": m.pick(["DCR", "CRD"])} if m.opset >= 11 else {}
        m.node("DepthToSpace", [x], exact=True, blocksize=2, **how)
    else:
        m.node("SpaceToDepth", [x], exact=True, blocksize=2)


def product(m):
    x = m.some(ranks=range(2, 5))
    if x is None:
        return
    array = m.values[x]
    last = array.shape[-1]
    how = m.pick(["weights", "weights", "gemm", "gram"])
    if how == "gemm" and array.ndim == 2:
        turned = m.chance(0.5)
        weight = m.weight(*((6, last) if turned else (last, 6)), scale=last**-0.5)
        bias = m.weight(*m.pick([(6,), (1, 6), (1,)]), scale=1)
        how = {"transB": int(turned), "alpha": m.pick([1.0, 0.5]), "beta": m.pick([1.0, 2.0])}
        m.node("Gemm", [x, weight, bias], **how)
    elif how == "gram":
        rank = array.ndim
        y = m.node("Transpose", [x], perm=[*range(rank - 2), rank - 1, rank - 2])
        y = y and m.node("MatMul", [x, y])
        if y:
            m.node("Softmax", [y], axis=rank - 1)
    elif how == "weights":
        m.node("MatMul", [x, m.weight(last, int(m.random.integers(1, 9)), scale=last**-0.5)])


def softmax(m):
    x = m.some(ranks=(1, 2, 3, 4))
    if x is None:
        return
    operator = m.pick(["Softmax", "Softmax", "LogSoftmax", "Hardmax"])
    rank = m.values[x].ndim
    if operator == "Hardmax" and x not in m.exact:
        return
    chosen = int(m.random.integers(-rank if m.opset > 10 else 0, rank))
    m.node(operator, [x], **({"axis": chosen} if m.chance(0.7) else {}))


def prelu(m):
    x = m.some(ranks=(2, 3, 4))
    if x is not None:
        shape = m.values[x].shape
        m.node("PRelu", [x, m.weight(*m.pick([(1,), (shape[1],) + (1,) * (len(shape) - 2)]))])


STEPS = (
    *[convolution] * 5, *[pooling] * 3, *[residual] * 2, *[normalization] * 3, *[product] * 2,
    transposed, global_pooling, prelu, softmax, channels_last, resizing, shuffling, gate,
)  # fmt: skip
