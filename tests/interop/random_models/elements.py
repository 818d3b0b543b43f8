"""Arithmetic, comparisons, reductions and values made; each step adds some nodes, or none."""

import numpy as np
from onnx import TensorProto, helper

TYPES = {
    kind: helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    for kind in ("float32", "float64", "int64", "int32", "bool")
}

ACTIVATIONS = {
    "Relu": (6, {}), "LeakyRelu": (6, {"alpha": 0.2}), "Elu": (6, {"alpha": 0.7}),
    "Selu": (6, {}), "Celu": (12, {"alpha": 0.5}), "Gelu": (20, {"approximate": "tanh"}),
    "Sigmoid": (6, {}), "HardSigmoid": (6, {"alpha": 0.3}), "HardSwish": (14, {}),
    "Mish": (18, {}), "Tanh": (6, {}), "Softplus": (1, {}), "Softsign": (1, {}), "Erf": (9, {}),
    "ThresholdedRelu": (10, {"alpha": 0.3}), "Shrink": (9, {"lambd": 0.3, "bias": 0.1}),
    "Swish": (24, {"alpha": 1.5}),
}  # fmt: skip
PLAIN = {
    "Abs": 6, "Neg": 6, "Exp": 6, "Sqrt": 6, "Log": 6, "Reciprocal": 6, "Sin": 7, "Cos": 7,
    "Atan": 7, "Sinh": 9, "Cosh": 9, "Asinh": 9, "Tan": 7,
}  # fmt: skip
ROUGH = {"Floor": 6, "Ceil": 6, "Round": 11, "Sign": 9, "IsNaN": 9, "IsInf": 10}


def activation(m):
    x = m.some()
    if x is None:
        return
    operator = m.pick([name for name, (first, _) in ACTIVATIONS.items() if m.opset >= first])
    if operator in ("ThresholdedRelu", "Shrink") and x not in m.exact:
        return
    m.node(operator, [x], exact=operator == "Relu", **ACTIVATIONS[operator][1])


def plain(m):
    x = m.some()
    if x is None:
        return
    operator = m.pick([name for name, first in PLAIN.items() if m.opset >= first])
    if operator in ("Sqrt", "Log", "Reciprocal"):
        x = m.node("Abs", [x])
        x = x and m.node("Add", [x, m.constant(np.float32(0.5))])
    if operator == "Tan":
        x = m.node("Tanh", [x])
    if x is not None:
        m.node(operator, [x], exact=operator in ("Abs", "Neg"))


def rough(m):
    x = m.some(exact=True)
    if x is not None:
        m.node(m.pick([name for name, first in ROUGH.items() if m.opset >= first]), [x], exact=True)


def clip(m):
    x = m.some()
    if x is None:
        return
    if m.opset < 11:
        m.node("Clip", [x], exact=True, min=-0.5, max=m.pick([0.5, 6.0]))
        return
    low, high = m.constant(np.float32(-0.4)), m.constant(np.float32(m.pick([0.7, 6.0])))
    m.node("Clip", m.pick([[x, low, high], [x, "", high], [x, low]]), exact=True)


def operand(m, x):
    """Return another value that broadcasts with one, or a constant that does."""
    shape = m.values[x].shape
    kind = m.values[x].dtype
    same = [
        n
        for n, v in m.values.items()
        if v.dtype == kind and n != x and v.ndim and fits(v.shape, shape)
    ]
    if same and m.chance(0.7):
        return m.pick(same)
    sizes = m.pick([(), (1,), shape[-1:], tuple(s if i == 1 else 1 for i, s in enumerate(shape))])
    if kind.kind == "f":
        return m.constant(m.random.standard_normal(sizes).astype(kind))
    if kind.kind == "b":
        return m.constant(m.random.random(sizes) < 0.5)
    return m.constant(m.random.integers(-3, 4, sizes).astype(kind))


def fits(one, other):
    try:
        return np.prod(np.broadcast_shapes(one, other)) < 20000
    except ValueError:
        return False


def arithmetic(m):
    x = m.some(kind=m.pick(["float32"] * 4 + ["int64", "int32"]), ranks=range(6))
    if x is None:
        return
    y = operand(m, x)
    operator = m.pick(["Add", "Add", "Sub", "Mul", "Div", "Max", "Min", "Mean", "Sum", "Pow"])
    pair = [x, y] if m.chance(0.5) else [y, x]
    if m.values[x].dtype.kind != "f":
        operator = m.pick(["Add", "Sub", "Mul"] + (["Max", "Min"] if m.opset >= 12 else []))
    elif operator == "Div":
        below = m.node("Abs", [y]) if y in m.values else None
        below = below and m.node("Add", [below, m.constant(np.float32(0.6))])
        pair = [x, below or m.constant(np.float32(-1.7))]
    elif operator == "Pow":
        pair = [x, m.constant(np.float32(m.pick([2, 3])))]
    elif operator in ("Mean", "Sum", "Max", "Min") and m.chance(0.4):
        pair = [x, *pair][: m.pick([2, 3])]
    m.node(operator, pair, exact=operator in ("Max", "Min"))


def comparison(m):
    x = m.some(kind=m.pick(["float32", "float32", "int64"]), exact=True)
    if x is None:
        return
    y = operand(m, x)
    if y not in m.exact and y not in m.given:
        return
    names = ["Less", "Greater"]
    names += ["Equal"] if m.opset >= 11 else []
    names += ["LessOrEqual", "GreaterOrEqual"] if m.opset >= 12 else []
    m.node(m.pick(names), [x, y], exact=True)


def logic(m):
    x = m.some(kind="bool")
    if x is None:
        return
    how = m.pick(["Not", "And", "Or", "Xor", "Where", "Where", "Cast"])
    if how == "Not":
        m.node("Not", [x])
    elif how == "Cast":
        kind = m.pick(["float32", "int64", "int32"])
        m.node("Cast", [x], to=TYPES[kind], exact=True)
    elif how == "Where" and m.opset >= 9:
        y = m.some()
        if y is not None and fits(m.values[x].shape, m.values[y].shape):
            pair = [y, operand(m, y)]
            m.node("Where", [x, *(pair if m.chance(0.5) else pair[::-1])])
    elif how != "Where":
        m.node(how, [x, operand(m, x)])


def cast(m):
    x = m.some(kind=m.pick(["float32", "int64", "int32"]), exact=True)
    if x is not None:
        kind = m.pick(["float32", "int64", "int32", "bool", "float64"])
        y = m.node("Cast", [x], to=TYPES[kind], exact=True)
        if kind == "float64" and y:
            y = m.node("Mul", [y, m.constant(np.float64(0.1))])
            m.node("Cast", [y], to=TYPES["float32"])


REDUCTIONS = (
    "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
    "ReduceLogSumExp", "ReduceSumSquare",
)  # fmt: skip


def axes_of(m, rank, at_least=1):
    count = int(m.random.integers(at_least, rank + 1))
    chosen = m.random.choice(rank, count, replace=False)
    negative = m.opset >= 13 and m.chance(0.4)
    return sorted(int(a) - rank * negative for a in chosen)


def reduction(m):
    x = m.some()
    if x is None:
        return
    operator = m.pick(REDUCTIONS)
    axes = axes_of(m, m.values[x].ndim)
    keep = {"keepdims": m.pick([0, 1])} if m.chance(0.7) else {}
    exact = operator in ("ReduceMax", "ReduceMin")
    if m.chance(0.15):
        m.node(operator, [x], exact=exact, **keep)
    elif m.opset >= (13 if operator == "ReduceSum" else 18):
        m.node(operator, [x, m.constant(np.array(axes))], exact=exact, **keep)
    else:
        m.node(operator, [x], axes=axes, exact=exact, **keep)


def ranking(m):
    x = m.some(exact=True)
    if x is None:
        return
    array = m.values[x]
    axis = int(m.random.integers(array.ndim))
    how = m.pick(["ArgMax", "ArgMin", "TopK", "CumSum"])
    if how in ("ArgMax", "ArgMin"):
        m.node(how, [x], axis=axis, keepdims=m.pick([0, 1]))
    elif how == "TopK" and len(np.unique(array)) == array.size:
        count = int(m.random.integers(1, array.shape[axis] + 1))
        if m.opset < 10:
            m.node("TopK", [x], outputs=2, exact=True, axis=axis, k=count)
        else:
            how = {"largest": m.pick([0, 1])} if m.opset >= 11 else {}
            inputs = [x, m.constant(np.array([count]))]
            m.node("TopK", inputs, outputs=2, exact=True, axis=axis, **how)
    elif how == "CumSum" and m.opset >= 11:
        how = {"exclusive": m.pick([0, 1]), "reverse": m.pick([0, 1])}
        m.node("CumSum", [x, m.constant(np.array(axis))], **how)


def creation(m):
    """Add what makes values from shapes and whole numbers: positions, masks, ranges."""
    how = m.pick(["like", "range", "one hot", "trilu"])
    if how == "like" and m.opset >= 9:
        x = m.some()
        sizes = x and m.node("Shape", [x], keep=False)
        if sizes:
            filled = helper.make_tensor("value", TensorProto.FLOAT, [1], [0.25])
            m.node("ConstantOfShape", [sizes], value=filled)
    elif how == "range" and m.opset >= 11:
        ends = [m.constant(np.int64(v)) for v in (0, int(m.random.integers(2, 9)), 1)]
        m.node("Range", ends)
    elif how == "one hot" and m.opset >= 11:
        x = m.some(kind="int64", ranks=(1, 2, 3), below=500)
        if x is not None and abs(m.values[x]).max() < 50:
            given = [m.constant(np.array(6)), m.constant(np.array([0.0, 1.0], np.float32))]
            m.node("OneHot", [x, *given], axis=m.pick([-1, 0]))
    elif how == "trilu" and m.opset >= 14:
        x = m.some(ranks=(2, 3, 4))
        if x is not None:
            shift = [m.constant(np.array(int(m.random.integers(-2, 3))))]
            m.node("Trilu", [x, *shift], exact=True, upper=m.pick([0, 1]))


def dropout(m):
    x = m.some()
    if x is not None:
        m.node(m.pick(["Dropout", "Identity"]), [x], exact=True)


STEPS = (
    *[activation] * 4, *[arithmetic] * 4, *[reduction] * 2,
    plain, rough, clip, comparison, logic, cast, ranking, creation, dropout,
)  # fmt: skip
