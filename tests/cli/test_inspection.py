"""``striate inspect`` --doctor, --against and --budget."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from striate.cli import app
from striate.errors import ParameterError, ShapeError, UnknownNameError
from striate.network import compare, diagnose


def inspect(*arguments, code=0):
    result = CliRunner().invoke(app, ["inspect", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_the_doctor():
    fitting = inspect("vgg16", "--doctor")
    assert fitting.stdout == f"{diagnose('vgg16')}\n"
    stuck = inspect("vgg11", "--input", "1x3x200x224", "--doctor", code=1)
    assert stuck.stdout == f"{diagnose('vgg11', (1, 3, 200, 224))}\n"
    found = inspect("vgg11", "--input", "1x3x200x224", "--doctor", "--json", code=1).stdout
    assert json.loads(found)["failure"]["layer"] == "fc6"


def test_the_doctor_of_a_module(tmp_path):
    file = tmp_path / "faulty.py"
    file.write_text(
        "from torch import nn\n"
        "net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(100, 10))\n"
    )
    found = inspect(f"{file}:net", "--input", "1x3x8x8", "--doctor", code=1).stdout
    assert found.splitlines()[-1] == "  1. Linear 2: in_features=288 instead of 100; gives 1x10"


def test_errors_of_shapes_point_to_the_doctor():
    with pytest.raises(ShapeError) as error:
        inspect("vgg11", "--input", "1x3x200x224")
    assert error.value.__notes__ == [
        "striate inspect vgg11 --input 1x3x200x224 --doctor tells what would help"
    ]
    command = [sys.executable, "-c", "from striate.cli import main; main()", "inspect", "vgg11"]
    command += ["--input", "1x3x9x9"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.splitlines()[1] == (
        "striate: striate inspect vgg11 --input 1x3x9x9 --doctor tells what would help"
    )


def test_two_networks():
    assert inspect("vgg11", "--against", "vgg13").stdout == f"{compare('vgg11', 'vgg13')}\n"
    found = json.loads(inspect("vgg11", "--against", "vgg13", "--json").stdout)
    assert found["b"]["network"] == "vgg13"
    with pytest.raises(UnknownNameError):
        inspect("vgg11", "--against", "vgg12")


def test_a_budget(tmp_path):
    path = tmp_path / "budget.toml"
    path.write_text('parameters = "70k"\nmacs = "300k"\n[layers.C1]\nmacs = 1\n')
    result = inspect("lenet-5", "--budget", path, code=1)
    assert result.stdout == (
        "parameters 60,850, at most 70,000, 86.9 % used\n"
        "macs 326,520, at most 300,000, 108.8 % used: EXCEEDED\n"
        "C1: macs 117,600, at most 1, 117,600 times the limit: EXCEEDED\n"
    )
    assert result.stderr == "striate: 2 of 3 limits are not kept\n"
    found = json.loads(inspect("lenet-5", "--budget", path, "--json", code=1).stdout)
    assert (found["network"], found["exceeded"]) == ("lenet-5", 2)
    assert found["limits"][0] == {
        "layer": "",
        "name": "parameters",
        "used": 60850,
        "most": 70000.0,
        "least": None,
        "share": 60850 / 70000,
        "exceeded": False,
    }
    path.write_text('[layers."*"]\nmacs = "100k"\n')
    lines = inspect("lenet-5", "--budget", path, code=1).stdout.splitlines()
    assert lines[0] == "C1: macs 117,600, at most 100,000, 117.6 % used: EXCEEDED"
    assert lines[-1] == "and 17 limits of layers, kept with more to spare"
    assert len(lines) == 5
    path.write_text("parameters = 60850\n")
    assert inspect("lenet-5", "--budget", path).stderr == ""


def test_milliseconds_are_measured(tmp_path):
    path = tmp_path / "budget.toml"
    path.write_text("milliseconds = 100000\n")
    found = json.loads(inspect("lenet-1989", "--budget", path, "--json").stdout)
    assert 0 < found["limits"][0]["used"] < 100_000
    path.write_text("milliseconds = 0\n")
    assert inspect("lenet-1989", "--budget", path, code=1).stderr == (
        "striate: 1 of 1 limits is not kept\n"
    )


def test_questions_one_at_a_time(tmp_path):
    for arguments, message in (
        (("--doctor", "--against", "vgg13"), "--doctor cannot go with --against"),
        (("--against", "vgg13", "--explain", "fc6"), "--against cannot go with --explain"),
        (("--doctor", "--time"), "--doctor cannot go with --time"),
    ):
        with pytest.raises(ParameterError) as error:
            inspect("vgg11", *arguments)
        assert str(error.value) == f"inspect: {message}; leave one of them out"


def test_an_unreadable_budget_is_a_mistake_of_the_caller(tmp_path):
    missing = tmp_path / "budget.toml"
    with pytest.raises(ParameterError) as error:
        CliRunner().invoke(
            app, ["inspect", "lenet-5", "--budget", str(missing)], catch_exceptions=False
        )
    assert str(error.value) == (
        f"{missing}: no readable budget (No such file or directory); give a TOML file"
    )
    missing.write_text("")
    with pytest.raises(ParameterError) as empty:
        CliRunner().invoke(
            app, ["inspect", "lenet-5", "--budget", str(missing)], catch_exceptions=False
        )
    assert str(empty.value) == (
        f"{missing}: the budget has no limit; give one, as in parameters = '5M'"
    )


IDLE = """from torch import nn
class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.idle = nn.Conv2d(3, 4, 3), nn.Linear(2, 3)
    def forward(self, x):
        return self.used(x)
"""


def test_parameters_that_lead_to_no_output_are_noted(tmp_path):
    file = tmp_path / "idle.py"
    file.write_text(IDLE)
    told = inspect(f"{file}:Idle", "--input", "1x3x8x8").stdout
    assert told.splitlines()[-1] == (
        "note         9 parameters of the module lead to no output: idle.weight, idle.bias"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "from_torch: the input's shape of Idle is not known; give --input 1x3x224x224"),
        (
            ["--doctor"],
            "diagnose: a PyTorch module does not tell its input; give --input 1x3x224x224",
        ),
    ],
)
def test_errors_ask_for_options(tmp_path, options, message):
    file = tmp_path / "idle.py"
    file.write_text(IDLE)
    with pytest.raises(ParameterError) as error:
        CliRunner().invoke(app, ["inspect", f"{file}:Idle", *options], catch_exceptions=False)
    assert str(error.value) == message
