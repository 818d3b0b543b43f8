"""Report cards: arithmetic of spreads, Markdown, JSON, pictures, the index."""

import json
import statistics
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from striate.errors import FileError, MissingExtraError, ParameterError
from striate.training.recipes import (
    Assumption,
    Figure,
    Panel,
    ReportCard,
    Series,
    Spread,
    Table,
    write_index,
)
from striate.training.recipes.wording import duration_text


def card_called(name="pigeons", **changes):
    parts = {
        "name": name,
        "title": "Pigeons, counted",
        "source": "Dove, On Counting, 1901, table 2",
        "shows": "how many there are",
        "figures": (Figure("wings", "2", "2", "1.9 ± 0.1"),),
        "tables": (Table("By day", ("day", "pigeons"), (("Monday", "7"),), "In fog."),),
        "panels": (Panel("Flights", "day", "pigeons", (Series("grey", (1.0, 2.0), (3.0, 4.0)),)),),
        "assumptions": (Assumption("fog", "says nothing of it", "none"),),
        "notes": ("One flew away.",),
        "settings": {"budget": "small", "seeds": None, "data": "roof"},
        "machine": {
            "device": "cpu",
            "processor": "an abacus",
            "processors": 2,
            "threads": "all",
            "system": "Attic",
            "python": "3.11",
            "versions": {"striate": "0.1.0", "torch": None},
        },
        "trials": (
            {"name": "a", "settings": {"seed": 0}, "result": {"seen": 7}, "seconds": 61.0},
            {"name": "b", "settings": {"seed": 1}, "result": {"seen": 9}, "seconds": 0.5},
        ),
    }
    return ReportCard(**{**parts, **changes})


@given(st.lists(st.integers(0, 2007), min_size=1, max_size=10))
@hypothesis_settings(deadline=None, max_examples=40)
def test_spreads_are_those_of_the_standard_library(counts):
    found = Spread(counts)
    assert found.mean == pytest.approx(statistics.mean(counts))
    assert (found.least, found.most) == (min(counts), max(counts))
    expected = statistics.stdev(counts) if len(counts) > 1 else 0
    assert found.deviation == pytest.approx(expected)
    assert found.values == tuple(counts)


def test_spreads_as_text():
    assert Spread([5.0]).text(2, "%") == "5.00 % (n = 1)"
    assert Spread([1234.5, 1235.5]).text(1) == "1,235.0 ± 0.7 (1,234.5 to 1,235.5, n = 2)"
    with pytest.raises(ParameterError) as error:
        Spread([])
    assert str(error.value) == "a spread of no numbers: give one for each seed, at least one"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.994, "0.99 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (86399, "1 d 0 h"),
        (259200, "3 d 0 h"),
    ],
)
def test_durations_round_without_odd_units(seconds, text):
    assert duration_text(seconds) == text


def test_the_page_says_everything():
    page = card_called().to_markdown()
    assert page.startswith(
        "# Pigeons, counted\n\nDove, On Counting, 1901, table 2.\n\nHow many there are.\n\n"
        "| figure | published | computed | measured |\n| --- | ---: | ---: | ---: |\n"
        "| wings | 2 | 2 | 1.9 ± 0.1 |\n"
    )
    for text in (
        "## By day\n\n| day | pigeons |\n| --- | ---: |\n| Monday | 7 |\n\nIn fog.",
        "![Flights](pigeons.png)",
        "- fog: the paper says nothing of it; here none.",
        "- One flew away.",
        "- `striate reproduce pigeons` with budget small, data roof",
        "- 2 runs, 1 min 2 s together",
        "- an abacus, 2 processors usable, device cpu, threads: all",
        "- Attic, Python 3.11, striate 0.1.0",
    ):
        assert text in page


def test_one_of_a_thing_is_no_plural(tmp_path):
    card = card_called(panels=())
    alone = replace(
        card, trials=card.trials[:1], machine={**card.machine, "processors": 1}, name="dove"
    )
    page = alone.to_markdown()
    assert "\n- 1 run, 1 min 1 s together\n" in page
    assert "\n- an abacus, 1 processor usable, device cpu" in page
    alone.write(tmp_path)
    assert "| 1 run, 1 min 1 s |" in write_index(tmp_path).read_text(encoding="utf-8")


def test_bars_in_cells_do_not_break_tables():
    card = card_called(figures=(Figure("|x|", "1"),), tables=())
    assert "| \\|x\\| | 1 |  |  |" in card.to_markdown()


def test_json_has_all_of_it():
    found = json.loads(card_called().to_json())
    assert list(found) == [
        *("schema", "name", "title", "source", "shows", "settings", "figures", "tables"),
        *("panels", "assumptions", "notes", "machine", "cost", "trials"),
    ]
    assert found["schema"] == 1
    assert found["cost"] == {"seconds": 61.5, "runs": 2}
    assert found["figures"] == [
        {"name": "wings", "published": "2", "computed": "2", "measured": "1.9 ± 0.1"}
    ]
    assert found["panels"][0]["series"][0]["ys"] == [3.0, 4.0]
    assert found["trials"][1]["result"] == {"seen": 9}


def test_files_and_their_index(tmp_path):
    written = card_called().write(tmp_path / "cards")
    assert [path.name for path in written] == ["pigeons.md", "pigeons.json", "pigeons.png"]
    with Image.open(written[2]) as image:
        assert min(image.size) > 300
    card_called("lenet-1989", panels=()).write(tmp_path / "cards")
    assert not (tmp_path / "cards" / "lenet-1989.png").exists()
    page = write_index(tmp_path / "cards").read_text(encoding="utf-8")
    lenet, pigeons = (
        f"| [{name}]({name}.md) | Dove, On Counting, 1901, table 2 | how many there are "
        "| 2 runs, 1 min 2 s |\n"
        for name in ("lenet-1989", "pigeons")
    )
    assert lenet + pigeons in page  # recipes first, in their order
    assert page.endswith("```{toctree}\n:hidden:\n\nlenet-1989\npigeons\n```\n")


def test_a_card_cannot_go_where_a_file_is(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError) as error:
        card_called().write(tmp_path / "file")
    assert str(error.value) == (
        f"{tmp_path / 'file'}: no folder can be made there (File exists); "
        "choose another (publish, --publish)"
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}', '{"name": 1, "cost": 3}'])
def test_what_is_no_card_is_named(tmp_path, text):
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(FileError) as error:
        write_index(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'odd.json'}: is no report card (")
    assert str(error.value).endswith("; take it away")


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError) as error:
        card_called().write(tmp_path)
    assert str(error.value) == (
        "the plot of a report card needs matplotlib: pip install 'striate[train]'"
    )


def test_plots_of_every_kind(tmp_path):
    bounds = Series("spread", (1.0, 10.0), (2.0, 20.0), (1.0, 15.0), (3.0, 25.0))
    named = Series("spread", ("one", "two"), (2.0, 3.0), (1.0, 2.5), (3.0, 3.5))
    panels = (
        Panel("Curves", "x", "y", (bounds,), log_x=True, log_y=True, lines=(("known", 5.0),)),
        Panel("Bars", "x", "", (named, Series("plain", ("two",), (1.0,))), "bars"),
        Panel("Logarithmic bars", "x", "", (named,), "bars", log_x=True, lines=(("known", 2.0),)),
    )
    (*_, picture) = card_called(panels=panels).write(tmp_path)
    with Image.open(picture) as image:
        assert image.width > image.height > 600  # two rows of panels


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Series("s", (1.0, 2.0), (1.0,)),
            "series 's': 2 xs, 1 ys and 0 bounds must be equally many, or no bounds at all",
        ),
        (
            lambda: Series("s", (1.0,), (1.0,), (1.0,)),
            "series 's': 1 lower and 0 upper bounds must be equally many",
        ),
        (
            lambda: Panel("p", "", "", ()),
            "panel 'p': 1 to 6 series can be told apart, not 0",
        ),
        (
            lambda: Table("t", ("a", "b"), (("1",),)),
            "table 't': row ('1',) has 1 cell, but the header 2: they must be equally many",
        ),
    ],
)
def test_what_cannot_be_shown(make, message):
    with pytest.raises(ParameterError) as error:
        make()
    assert str(error.value) == message
