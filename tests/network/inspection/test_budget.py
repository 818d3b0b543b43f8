"""Budgets: what they read, what they refuse, what they find."""

import pytest

from striate.errors import FileError, ParameterError, StriateError, UnknownNameError
from striate.network import Budget, Builder, check, inspect
from striate.network.inspection.budget import Limit, uses

REPORT = inspect("lenet-5")


def said(values, report=REPORT, milliseconds=None):
    return [str(use) for use in uses(report, Budget.from_dict(values), milliseconds)]


def test_every_total():
    totals = REPORT.totals
    assert said(
        {
            "parameters": totals.parameters,
            "macs": "1M",
            "flops": 900_000,
            "parameter_bytes": "1 MiB",
            "peak_memory": "64 KiB",
            "training_memory": totals.training.total["adam"],
            "receptive_field": {"min": 30, "max": 32},
            "milliseconds": 0.5,
        },
        milliseconds=0.75,
    ) == [
        "parameters 60,850, at most 60,850, 100.0 % used",
        "macs 326,520, at most 1,000,000, 32.7 % used",
        "flops 653,040, at most 900,000, 72.6 % used",
        "parameter bytes 237.7 KiB, at most 1.0 MiB, 23.2 % used",
        "peak memory 36.8 KiB, at most 64.0 KiB, 57.4 % used",
        "training memory 1.0 MiB, at most 1.0 MiB, 100.0 % used",
        "receptive field 32, at most 32, 100.0 % used",
        "milliseconds 0.75, at most 0.50, 150.0 % used: EXCEEDED",
    ]


def test_a_breach_is_over_the_limit_not_at_it():
    exact = Budget((Limit("macs", most=REPORT.totals.macs),))
    below = Budget((Limit("macs", most=REPORT.totals.macs - 1),))
    assert check(REPORT, exact) == []
    assert [(use.name, use.layer, use.used) for use in check(REPORT, below)] == [
        ("macs", "", REPORT.totals.macs)
    ]


def test_fields_may_be_too_small():
    assert said({"receptive_field": {"min": 40}}) == ["receptive field 32, at least 40: MISSED"]
    b = Builder("uneven", (None, 1, 16, 16))
    report = inspect(b.graph(b.conv(b.input, "conv", channels=1, kernel=(3, 5))))
    assert said({"receptive_field": {"min": 3, "max": 5}}, report) == [
        "receptive field 5, at most 5, 100.0 % used"
    ]
    assert said({"receptive_field": {"min": 4, "max": 5}}, report) == [
        "receptive field 3, at least 4: MISSED"
    ]


def test_layers_by_pattern_and_by_name():
    limits = {
        "layers": {
            "C5": {"parameters": "50k", "receptive_field": {"min": 33}},
            "C[135]": {"parameters": "10k"},
            "C1": {"memory": "16 KiB"},
        }
    }
    assert said(limits) == [
        "C1: parameters 156, at most 10,000, 1.6 % used",
        "C1: memory 18.4 KiB, at most 16.0 KiB, 114.8 % used: EXCEEDED",
        "C3: parameters 0, at most 10,000, 0.0 % used",
        "C5: parameters 48,120, at most 50,000, 96.2 % used",
        "C5: receptive field 32, at least 33: MISSED",
    ]


def test_nothing_is_allowed():
    assert said({"parameters": 0}) == ["parameters 60,850, at most 0, 200.0 % used: EXCEEDED"]


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (
            {"parameters_": 1},
            UnknownNameError,
            "no limit is called 'parameters_'; did you mean parameter_bytes or parameters?",
        ),
        (
            {"layers": {"C1": {"mac": 1}}},
            UnknownNameError,
            "layers.C1: no limit is called 'mac'; did you mean macs?",
        ),
        (
            {"receptive_field": {"maximum": 3}},
            UnknownNameError,
            "no bound of receptive_field is called 'maximum'; did you mean max?",
        ),
        (
            {"receptive_field": {}},
            ParameterError,
            "receptive_field has no bound; give min, max or both",
        ),
        (
            {"receptive_field": {"min": 10, "max": 5}},
            ParameterError,
            "receptive_field has min 10 above max 5, which nothing keeps; swap them",
        ),
        (
            {"parameters": "3 MiB"},
            ParameterError,
            "parameters is '3 MiB'; a limit must be a number of at least 0, or a text as '5M'",
        ),
        (
            {"layers": {"C1": {}}},
            ParameterError,
            "the budget has no limit; give one, as in parameters = '5M'",
        ),
        (
            {},
            ParameterError,
            "the budget has no limit; give one, as in parameters = '5M'",
        ),
        (
            {"peak_memory": "3 miles"},
            ParameterError,
            "peak_memory is '3 miles'; a limit must be a number of at least 0, or a text as "
            "'16 MiB'",
        ),
        (
            {"macs": "many"},
            ParameterError,
            "macs is 'many'; a limit must be a number of at least 0, or a text as '5M'",
        ),
        (
            {"macs": -1},
            ParameterError,
            "macs is -1; a limit must be a number of at least 0, or a text as '5M'",
        ),
        (
            {"macs": True},
            ParameterError,
            "macs is True; a limit must be a number of at least 0, or a text as '5M'",
        ),
        (
            {"macs": float("nan")},
            ParameterError,
            "macs is nan; a limit must be a number of at least 0, or a text as '5M'",
        ),
        ({"layers": 3}, ParameterError, "layers is 3; it must be tables: [layers.conv1]"),
        (
            {"layers": {"C1": 3}},
            ParameterError,
            "layers.C1 is 3; it must be a table of limits such as macs",
        ),
    ],
)
def test_refusals(values, kind, message):
    with pytest.raises(StriateError) as error:
        Budget.from_dict(values)
    assert (type(error.value), str(error.value)) == (kind, message)


def test_refusals_of_what_the_network_lacks():
    with pytest.raises(UnknownNameError) as unknown:
        said({"layers": {"C7": {"macs": 1}}})
    assert str(unknown.value).startswith("no layer of lenet-5 is called 'C7'; did you mean ")
    with pytest.raises(ParameterError) as unmeasured:
        said({"milliseconds": 1})
    assert str(unmeasured.value) == (
        "the budget limits milliseconds; measure them and give milliseconds=, or use "
        "striate inspect --budget"
    )


def test_files(tmp_path):
    path = tmp_path / "budget.toml"
    path.write_text('macs = "1 M"\n[layers."C*"]\nparameters = 50_000\n')
    assert Budget.from_file(path) == Budget(
        (Limit("macs", most=1e6),), (("C*", (Limit("parameters", most=50_000),)),)
    )
    path.write_text("mac = 1\n")
    with pytest.raises(UnknownNameError) as unknown:
        Budget.from_file(path)
    assert str(unknown.value) == f"{path}: no limit is called 'mac'; did you mean macs?"
    path.write_text("macs 1\n")
    with pytest.raises(FileError, match=r"no readable budget .*; give a TOML file") as damaged:
        Budget.from_file(path)
    assert str(damaged.value).startswith(f"{path}: ")
    with pytest.raises(FileError) as missing:
        Budget.from_file(tmp_path / "none.toml")
    assert str(missing.value) == (
        f"{tmp_path / 'none.toml'}: no readable budget (No such file or directory); "
        "give a TOML file"
    )
