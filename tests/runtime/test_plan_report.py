"""Plans: what they list, what they count, how they look."""

import json

import numpy as np
import pytest

import striate as st
from striate.errors import ShapeError
from striate.network import Builder, Network, inspect
from striate.network import operators as op
from striate.ops.blocked.layout import Place
from striate.ops.codegen import Target
from striate.runtime import Limits, plan_report
from striate.runtime.lowering import (
    IN_PYTHON,
    INPUT,
    OUTPUT,
    End,
    Foreign,
    Lowered,
    Part,
    Settings,
    Weights,
)
from striate.runtime.plan_report import names_text, report_lowered
from striate.runtime.steps import Binding, bind

LIMITS = Limits(1, gflops=100.0, gigabytes=10.0)


@pytest.fixture(autouse=True)
def known_machine(monkeypatch):
    """Let the machine have round limits."""
    monkeypatch.setattr(plan_report, "measured_limits", lambda threads, target=None: LIMITS)


def small():
    """Return a network of a convolution, one that suits Winograd with a sum, and scores."""
    b = Builder("small", (None, 16, 24, 24))
    x = b.conv(b.input, "first", channels=64, kernel=1)
    x = b.add(op.Relu(), x, name="first.relu")
    y = b.conv(x, "block.conv", channels=64, kernel=3, padding=1)
    y = b.add(op.Relu(), b.add(op.Add(), y, x, name="block.sum"), name="block.relu")
    y = b.add(op.Flatten(), b.add(op.GlobalAveragePool(), y, name="mean"), name="flat")
    return Network(b.graph(b.linear(y, "scores", features=10))).initialize(0)


@pytest.fixture(scope="module")
def run():
    return st.compile(small(), threads=2)


def step_of(plan, name):
    (step,) = (step for step in plan.steps if name in step.names)
    return step


def test_every_node_is_done_once(run):
    plan = run.plan
    done = [name for step in plan.steps for name in step.names]
    assert len(done) == len(set(done))
    # A flattened value lies as it lay before: nothing is to be done.
    assert {*done, "flat"} == {node.name for node in run.network.graph.nodes}
    assert (plan.network, plan.input_shape, plan.dtype) == ("small", (1, 16, 24, 24), "float32")
    assert plan.limits is LIMITS


def test_a_convolution_with_what_is_behind_it(run):
    step = step_of(run.plan, "block.conv")
    assert step.names == ("block.conv", "block.sum", "block.relu")
    assert step.name == "block.conv + sum + relu"
    assert (step.operator, step.output_shape) == ("Conv", (1, 64, 24, 24))
    assert step.method.startswith("winograd ")
    assert step.why.endswith(" of the direct method's cost")
    assert step.macs == 64 * 64 * 9 * 24 * 24
    assert step.flops == 2 * step.macs
    values = 3 * 64 * 24 * 24  # read, added, written
    assert step.bytes == 4 * (values + 64 * 64 * 9 + 64)
    assert (step.bound, step.seconds) == ("multiply-adds", pytest.approx(step.flops / 100e9))


def test_how_a_direct_convolution_is_cut(run):
    step = step_of(run.plan_for((8, 16, 24, 24)), "first")
    assert step.method == "direct"
    rows, registers = map(int, step.tile.split("x"))
    assert 1 <= rows <= 28
    assert 1 <= registers <= 6
    assert step.threads == 2
    assert all(blocks >= 1 for blocks in step.blocks)
    assert max(step.blocks) >= 2


def test_exact_programs_say_direct():
    plan = st.compile(small(), precision="exact").plan
    assert {step.method for step in plan.steps if step.operator == "Conv"} == {"direct"}


def test_steps_in_python_have_no_tasks(run):
    shape, graph = (1, 16, 24, 24), run.network.graph
    place, gain = Place(OUTPUT), run.network.weights["first.weight"]
    step = bind(op.Identity(), Binding((shape,), shape, np.dtype(np.float32), (False,), None, True))
    work = Foreign(step, ((Place(INPUT), shape), gain), ((place, shape),))
    part = Part(("odd",), "Odd", IN_PYTHON, work, shape, macs=10, bytes=1_000)
    ends = (End("x", shape, INPUT),), (End("odd", shape, OUTPUT),)
    lowered = Lowered((part,), {}, *ends).placed()
    to = Settings(Target.host(), 2, False)
    plan = report_lowered(graph, {"x": shape}, lowered, Weights(run.network.weights), to)
    (found,) = plan.steps
    assert (found.method, found.blocks, found.threads) == (IN_PYTHON, (), None)
    assert found.in_python
    assert (found.bound, found.seconds) == ("memory", pytest.approx(1e-7))
    assert (plan.threads, plan.totals.tasks, plan.totals.packed_bytes) == (1, 0, 0)
    assert plan.totals.unpacked_bytes == gain.nbytes


def test_totals_are_sums_and_memory(run):
    plan = run.plan
    totals = plan.totals
    assert totals.parts == len(plan.steps)
    assert totals.macs == inspect(run.network).totals.macs
    assert totals.flops == 2 * totals.macs
    assert totals.bytes == sum(step.bytes for step in plan.steps)
    assert totals.seconds == pytest.approx(sum(step.seconds for step in plan.steps))
    assert totals.tasks == sum(len(step.blocks) for step in plan.steps)
    assert totals.weight_bytes == sum(w.nbytes for w in run.network.weights.values())
    assert totals.arena_bytes >= 4 * 2 * 64 * 24 * 24  # a value and the next one
    assert totals.packed_bytes > 4 * 64 * 64 * 9
    assert totals.packed_bytes + totals.unpacked_bytes > totals.weight_bytes


def test_a_join_that_is_made_in_place_moves_nothing():
    b = Builder("join", (None, 16, 8, 8))
    terms = [b.conv(b.input, name, channels=16, kernel=1) for name in ("a", "b")]
    network = Network(b.graph(b.add(op.Concat(), *terms, name="both"))).initialize(0)
    step = step_of(st.compile(network).plan, "both")
    if step.method == "in place":  # it is, where a register has 4, 8 or 16 lanes
        assert (step.blocks, step.threads, step.bytes, step.seconds) == ((), None, 0, 0.0)


def test_batches_have_plans_of_their_own(run):
    one, eight = run.plan, run.plan_for([8, 16, 24, 24])
    assert eight.input_shape == (8, 16, 24, 24)
    assert eight.totals.macs == 8 * one.totals.macs
    assert eight.totals.arena_bytes > one.totals.arena_bytes


def test_float64_is_planned_step_by_step(run):
    plan = st.compile(run.network, dtype=np.float64, threads=1).plan
    assert [step.names for step in plan.steps] == [(n.name,) for n in run.network.graph.nodes]
    assert all(step.in_python for step in plan.steps)
    assert plan.limits == Limits(1, gflops=50.0, gigabytes=10.0)  # two registers for one
    assert plan.totals.weight_bytes == 2 * run.plan.totals.weight_bytes
    assert f"parts      {len(plan.steps)}, in Python" in str(plan)


def test_the_table(run):
    plan = run.plan
    lines = str(plan).splitlines()
    assert lines[0] == plan.title
    assert plan.title.startswith("small on 1x16x24x24, float32, ")
    header = "part operator method tile blocks threads output MACs bytes bound by least us why"
    assert " ".join(lines[1].split()) == header
    assert set(lines[2]) == set(lines[3 + len(plan.steps)]) == {"-"}
    assert [line.split("  ")[0] for line in lines[3:-7]] == [step.name for step in plan.steps]
    assert [line.split()[0] for line in lines[-6:]] == [
        *("parts", "MACs", "bytes", "least", "limits", "memory")
    ]
    assert lines[-2] == (
        "limits     100 GFLOP/s in registers and 10 GB/s of memory, measured on 1 thread"
    )


def test_json_has_the_same_names(run):
    content = json.loads(run.plan.to_json())
    assert list(content) == [
        *("network", "input_shape", "input_shapes", "dtype", "instructions", "threads"),
        *("limits", "steps", "totals"),
    ]
    assert content["limits"] == {"threads": 1, "gflops": 100.0, "gigabytes": 10.0}
    assert content["input_shape"] == [1, 16, 24, 24]
    assert len(content["steps"]) == content["totals"]["parts"]


def test_many_tasks_are_counted():
    assert plan_report._blocks_text((1, 2, 3, 4)) == "1+2+3+4"
    assert plan_report._blocks_text((1, 2, 3, 4, 5)) == "15 in 5 tasks"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ((), "-"),
        (("a",), "a"),
        (("a", "b"), "a + b"),
        (("s.1.conv", "s.1.relu", "s.sum", "s", "other.x"), "s.1.conv + relu + sum + s + other.x"),
    ],
)
def test_names_in_short(names, text):
    assert names_text(names) == text


def test_open_sizes_need_a_shape():
    b = Builder("open", (None, 1, None, None))
    run = st.compile(Network(b.graph(b.conv(b.input, "a", channels=2, kernel=1))).initialize(0))
    with pytest.raises(ShapeError) as error:
        run.plan  # noqa: B018
    assert str(error.value) == (
        "open: plan: the input (any, 1, any, any) leaves sizes open: plan_for(shape) takes them"
    )
    assert run.plan_for((1, 1, 5, 6)).steps[-1].output_shape[-2:] == (5, 6)


def test_shapes_that_do_not_fit(run):
    with pytest.raises(ShapeError) as error:
        run.plan_for((1, 3, 24, 24))
    assert str(error.value) == (
        "small: input shape (1, 3, 24, 24) has 3 channels, not 16: (any, 16, 24, 24)"
    )
