"""Experiments of many runs: kept, resumed, interrupted, refused."""

import json
from dataclasses import replace

import pytest

from striate.errors import FileError
from striate.training.recipes import Experiment, ReportCard, Trial, conduct


def experiment(log, count=3, stop_at=None, **settings):
    """Return an experiment whose runs write their seed into `log`."""

    def trial(seed):
        def work(folder, advance):
            if seed == stop_at:
                raise KeyboardInterrupt
            advance(0.5)
            log.append(seed)
            if folder is not None:
                (folder / f"run-{seed}.bin").write_bytes(bytes([seed]))
            return {"seen": seed * seed, "pair": (1, 2)}

        settled = {"seed": seed, **settings}
        return Trial(f"run-{seed}", settled, work, "kind", 10, lambda: 0.25)

    def card(runs):
        return ReportCard(name="counting", title=f"Counting {len(runs)}", source="Nobody")

    return Experiment("counting", {"device": "cpu"}, tuple(map(trial, range(count))), card)


def test_runs_are_kept_and_not_done_again(tmp_path):
    log = []
    first = conduct(experiment(log), out=tmp_path, progress=False)
    assert [run["result"]["seen"] for run in first.trials] == [0, 1, 4]
    assert (first.title, first.settings) == ("Counting 3", {"device": "cpu"})
    assert first.machine == first.trials[0]["machine"]
    again = conduct(experiment(log, count=4), out=tmp_path, progress=False)
    assert log == [0, 1, 2, 3]
    assert [*again.trials[:3]] == [*first.trials]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["counting.json", "counting.md", "runs"]
    assert (tmp_path / "runs" / "run-2.bin").read_bytes() == b"\x02"


def test_a_kept_run_says_how_it_was_made(tmp_path):
    conduct(experiment([], rates=(0.5, 1)), out=tmp_path, progress=False)
    kept = json.loads((tmp_path / "runs" / "run-1.json").read_text())
    assert kept["settings"] == {"seed": 1, "rates": [0.5, 1]}
    assert kept["result"] == {"seen": 1, "pair": [1, 2]}
    assert kept["machine"]["versions"]["numpy"]
    assert kept["seconds"] >= 0


def test_an_interrupted_experiment_goes_on(tmp_path):
    log = []
    with pytest.raises(KeyboardInterrupt) as stopped:
        conduct(experiment(log, stop_at=2), out=tmp_path, progress=False)
    assert str(stopped.value) == (
        "stopped after 2 of 3 runs of counting; "
        f"they are kept in {tmp_path / 'runs'}: the same command goes on from there"
    )
    assert not (tmp_path / "counting.json").exists()
    conduct(experiment(log), out=tmp_path, progress=False)
    assert log == [0, 1, 2]
    assert (tmp_path / "counting.json").exists()


def test_without_a_folder_nothing_is_kept():
    with pytest.raises(KeyboardInterrupt) as stopped:
        conduct(experiment([], stop_at=1), progress=False)
    assert str(stopped.value) == (
        "stopped after 1 of 3 runs of counting; "
        "nothing is kept, since no folder was given (out, --out)"
    )


def test_the_estimate_comes_before_the_first_run(tmp_path, capsys):
    said = []

    def working(trial):
        def work(folder, advance):
            said.append(capsys.readouterr().err)
            return trial.work(folder, advance)

        return replace(trial, work=work)

    plain = experiment([], count=2)
    watched = replace(plain, trials=tuple(map(working, plain.trials)))
    conduct(watched, out=tmp_path)
    assert said == [
        "counting: 2 runs to do, about 5.0 s by a few steps of each kind here\n",
        "",
    ]
    conduct(experiment([], count=3), out=tmp_path)
    assert capsys.readouterr().err == (
        "counting: 1 run to do, about 2.5 s by a few steps of each kind here\n"
    )


def test_a_bar_where_it_is_asked_for(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    conduct(experiment([]), out=tmp_path, progress=True)
    assert "run 3/3 run-2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no kept run (Expecting property name"),
        ("[]", "is no kept run (list indices must be"),
        ('{"settings": {"seed": 0}}', "is no whole run; delete it"),
    ],
)
def test_what_is_no_run_is_named(tmp_path, text, message):
    place = tmp_path / "runs" / "run-0.json"
    place.parent.mkdir()
    place.write_text(text)
    with pytest.raises(FileError) as error:
        conduct(experiment([]), out=tmp_path, progress=False)
    assert str(error.value).startswith(f"{place}: {message}")


def test_runs_of_other_settings_are_refused(tmp_path):
    conduct(experiment([], count=1, rate=0.5), out=tmp_path, progress=False)
    with pytest.raises(FileError) as error:
        conduct(experiment([], count=1, rate=0.25, passes=2), out=tmp_path, progress=False)
    assert str(error.value) == (
        f"{tmp_path / 'runs' / 'run-0.json'}: was run with other settings (passes, rate): "
        "name another folder (out, --out), or delete it"
    )


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError) as error:
        conduct(experiment([]), out=tmp_path / "file", progress=False)
    assert str(error.value) == (
        f"{tmp_path / 'file' / 'runs'}: no folder can be made there (Not a directory); "
        "choose another (out, --out)"
    )
