"""Downloads from a site that breaks off, goes on, lies and keeps silent."""

import hashlib
import os
import socket

import pytest

from striate.errors import FileError
from striate.training.data import downloads
from striate.training.data.downloads import PIECE, download

CONTENT = os.urandom(200_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "folder" / "file.bin"


@pytest.fixture
def url(site):
    site.files["file.bin"] = CONTENT
    return f"{site.address}/file.bin"


def partial(place):
    return place.with_name(".file.bin.partial")


def test_a_file_is_fetched(url, place, site):
    download(url, place, DIGEST, len(CONTENT))
    assert place.read_bytes() == CONTENT
    assert [path.name for path in place.parent.iterdir()] == ["file.bin"]
    assert site.asked == [0]


def test_a_cut_connection_is_gone_on_with(url, place, site):
    site.cuts = [70_000, 50_000]
    download(url, place, DIGEST, len(CONTENT))
    assert place.read_bytes() == CONTENT
    assert site.asked == [0, 4 * PIECE, 7 * PIECE]


def test_a_site_that_sends_no_parts_sends_all_again(url, place, site):
    site.cuts, site.ranges = [70_000], False
    download(url, place, DIGEST, len(CONTENT))
    assert place.read_bytes() == CONTENT
    assert site.asked == [0, 4 * PIECE]


def test_what_another_process_left_is_gone_on_with(url, place, site):
    place.parent.mkdir()
    partial(place).write_bytes(CONTENT[:150_000])
    download(url, place, DIGEST, len(CONTENT))
    assert place.read_bytes() == CONTENT
    assert site.asked == [150_000]


@pytest.mark.parametrize("left", [b"x" * 150_000, b"x" * 200_000, b"x" * 200_001])
def test_what_was_left_of_another_version_is_fetched_anew(url, place, site, left):
    place.parent.mkdir()
    partial(place).write_bytes(left)
    download(url, place, DIGEST, len(CONTENT))
    assert place.read_bytes() == CONTENT
    assert site.asked[-1] == 0


def test_a_site_that_always_breaks_off_is_given_up_and_gone_on_with_later(url, place, site):
    site.cuts = [20_000] * 4
    with pytest.raises(FileError) as error:
        download(url, place, DIGEST, len(CONTENT))
    assert str(error.value) == "the connection broke after 65536 bytes, 4 times"
    assert not place.exists()
    download(url, place, DIGEST, len(CONTENT))
    assert place.read_bytes() == CONTENT
    assert site.asked[-1] == 4 * PIECE


def test_another_file_is_refused(url, place, site):
    site.files["file.bin"] = b"x" * len(CONTENT)
    with pytest.raises(FileError) as error:
        download(url, place, DIGEST, len(CONTENT))
    assert str(error.value) == (
        f"what came has the SHA-256 {hashlib.sha256(b'x' * len(CONTENT)).hexdigest()}"
    )
    assert not place.exists()
    assert partial(place).stat().st_size == 0


def test_a_file_without_end_is_not_written_without_end(url, place, site):
    site.files["file.bin"] = CONTENT * 3
    with pytest.raises(FileError) as error:
        download(url, place, DIGEST, len(CONTENT))
    assert str(error.value) == "it has more than the 200000 bytes that it should have"
    assert not place.exists()


def test_of_a_file_whose_sum_is_not_known_the_size_is_bounded(url, place, site):
    site.cuts = [20_000]
    download(url, place, None, 10**6)
    assert place.read_bytes() == CONTENT
    assert site.asked == [0, PIECE]


def test_a_missing_file_is_not_asked_for_again(place, site):
    with pytest.raises(FileError) as error:
        download(f"{site.address}/file.bin", place, DIGEST, len(CONTENT))
    assert str(error.value) == (f"404 Client Error: nothing there for url: {site.address}/file.bin")


def test_a_site_that_keeps_silent_is_not_waited_for(place, monkeypatch):
    monkeypatch.setattr(downloads, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file.bin"
        with pytest.raises(FileError) as error:
            download(url, place, DIGEST, len(CONTENT))
    assert str(error.value) == "no answer within 0.2 s"


def test_a_site_that_is_not_there(place):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(FileError) as error:
        download(f"http://127.0.0.1:{port}/file.bin", place, DIGEST, len(CONTENT))
    assert str(error.value) == "connection refused"


def test_two_at_a_time_do_not_write_one_file(url, place):
    place.parent.mkdir()
    with downloads._partial(place) as (path, _):
        assert path == partial(place)
        download(url, place, DIGEST, len(CONTENT))
    assert place.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made(url, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError) as error:
        download(url, tmp_path / "file" / "file.bin", DIGEST, len(CONTENT))
    assert str(error.value) == (
        f"{tmp_path / 'file' / 'file.bin'}: cannot be written (File exists); "
        "set STRIATE_CACHE to another folder"
    )
