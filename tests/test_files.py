"""Files are whole or not there."""

import pytest

from striate.errors import FileError, ParameterError
from striate.files import replacing, unfinished, write_whole


def test_bytes_and_text(tmp_path):
    assert write_whole(tmp_path / "a", b"\x00\x01").read_bytes() == b"\x00\x01"
    assert write_whole(tmp_path / "b", "σ").read_text(encoding="utf-8") == "σ"


@pytest.mark.parametrize("error", [ParameterError("no"), KeyboardInterrupt(), ValueError("x")])
def test_an_interruption_keeps_the_old_file(tmp_path, error):
    target = write_whole(tmp_path / "a", b"old")

    def interrupted():
        with replacing(target) as beside:
            beside.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        interrupted()
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_not_there(tmp_path):
    target = tmp_path / "none" / "a"
    with pytest.raises(FileError) as error:
        write_whole(target, b"")
    assert str(error.value) == (
        f"{target}: its folder does not exist; create {target.parent} first"
    )


def test_a_folder_in_the_way(tmp_path):
    with pytest.raises(FileError, match="a folder; name a file in it"):
        write_whole(tmp_path, b"")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_leaves(tmp_path):
    for name in (".a\nb.png.0123abcd.part", ".c.part", "d.png.0123abcd.part", ".e.png.0123abcd"):
        (tmp_path / name).write_bytes(b"half")
    assert list(unfinished(tmp_path)) == [(tmp_path / ".a\nb.png.0123abcd.part", "a\nb.png")]
