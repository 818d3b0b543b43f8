"""What docs/data.md shows runs as it stands."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "data.md"


@pytest.mark.usefixtures("cache")
def test_the_page_runs(capsys):
    if not PAGE.is_file():
        pytest.skip("the documents are not here")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 6
    exec(compile("\n".join(blocks), str(PAGE), "exec"), {})
    said = capsys.readouterr().out
    assert "Dataset('digits', 1415 to train and 382 to test, (1, 8, 8), 10 classes)" in said
    assert "('dark', 'light') (3, 24, 24)" in said
    assert said.endswith("float32\n")
