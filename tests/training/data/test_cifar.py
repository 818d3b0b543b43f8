"""CIFAR-10 and CIFAR-100: the published figures, and archives that are not what they should be."""

import gzip
import hashlib
import io
import lzma
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from striate.errors import FileError
from striate.training import data
from striate.training.data import cifar
from striate.training.data.differences import restored

FOLDER = Path(os.environ.get("STRIATE_DATA", ""))
needs_cifar10 = pytest.mark.skipif(
    not any((FOLDER / "cifar10" / f"data_batch_1.{end}").is_file() for end in ("bin", "grad.xz")),
    reason="CIFAR-10 is not in the folder that STRIATE_DATA names",
)


@pytest.mark.data
@pytest.mark.slow
@needs_cifar10
def test_cifar10_has_its_published_images():
    """The mean is the one commonly used: (0.4914, 0.4822, 0.4465)."""
    photos = data.load("cifar-10")
    assert np.bincount(photos.train_labels).tolist() == [5000] * 10
    assert np.bincount(photos.test_labels).tolist() == [1000] * 10
    assert [photos.classes[i] for i in photos.train_labels[:3]] == ["frog", "truck", "truck"]
    assert photos.train_images.shape == (50_000, 3, 32, 32)
    assert isinstance(photos.train_images, np.memmap)
    means = photos.train_images.mean(axis=(0, 2, 3), dtype=np.float64) / 255
    np.testing.assert_allclose(means, (0.49140, 0.48216, 0.44653), atol=5e-6)


def records(count, labels, seed):
    return np.random.default_rng(seed).integers(0, 10, (count, labels + 3072), np.uint8)


@pytest.fixture(params=["cifar-10", "cifar-100"])
def small(request, monkeypatch, cache):
    """One of the two with few images, and the content of its files by name."""
    attribute = request.param.replace("-", "").upper()
    whole = getattr(cifar, attribute)
    contents, batches, first = {}, [], {"train": 0, "test": 0}
    for seed, batch in enumerate(whole.batches):
        content = records(4, whole.labels, seed).tobytes()
        contents[batch.file] = content
        sha256 = hashlib.sha256(content).hexdigest()
        changes = {"first": first[batch.array], "records": 4, "sha256": sha256}
        batches.append(replace(batch, **changes))
        first[batch.array] += 4
    made = replace(whole, batches=tuple(batches))
    monkeypatch.setattr(cifar, attribute, made)
    return made, contents, attribute


def archive(made, contents, extra=()):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for member, content in extra:
            file.addfile(member, io.BytesIO(content))
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{made.folder}/{name}")
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def published(small, monkeypatch, packed, site="http://127.0.0.1:9"):
    """Make an archive the published one."""
    made, contents, attribute = small
    sha256 = hashlib.sha256(packed).hexdigest()
    changed = replace(made.archive, site=site, sha256=sha256, size=len(packed))
    made = replace(made, archive=changed)
    monkeypatch.setattr(cifar, attribute, made)
    return made, contents


def require_right(photos, made, contents):
    """Compare with the records, read the plain way."""
    for part in ("train", "test"):
        whole = b"".join(contents[b.file] for b in made.batches if b.array == part)
        table = np.frombuffer(whole, np.uint8).reshape(-1, made.labels + 3072)
        images, labels = getattr(photos, f"{part}_images"), getattr(photos, f"{part}_labels")
        np.testing.assert_array_equal(images.reshape(len(table), -1), table[:, made.labels :])
        np.testing.assert_array_equal(labels, table[:, made.labels - 1])


def test_the_archive_is_fetched(small, site, cache, monkeypatch):
    packed = archive(small[0], small[1])
    made, contents = published(small, monkeypatch, packed, site.address)
    site.files[made.archive.file] = packed
    site.cuts = [5000]
    require_right(data.load(made.name), made, contents)
    assert (cache / made.name / made.archive.file).is_file()
    assert len(site.asked) == 2


@pytest.mark.parametrize("where", [0, 1, 2, 4, 5])
def test_the_archives_files_are_found_where_they_may_lie(small, tmp_path, monkeypatch, where):
    made, contents, _ = small
    folder = tmp_path / made.folders[where]
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    require_right(data.load(made.name), made, contents)


def differences(content, count):
    """Pack records as the plain definition says, in integers."""
    table = np.frombuffer(content, np.uint8).reshape(count, -1).astype(np.int64)
    red, green, blue = table[:, 1:].reshape(count, 3, 32, 32).transpose(1, 0, 2, 3)
    planes = np.stack([green, red - green, blue - green])
    planes[:, :, 1:] -= planes[:, :, :-1].copy()
    planes[..., 1:] -= planes[..., :-1].copy()
    return table[:, 0].astype(np.uint8).tobytes() + (planes % 256).astype(np.uint8).tobytes()


def test_differences_are_added_up(tmp_path):
    content = np.random.default_rng(0).integers(0, 256, (5, 3073), np.uint8).tobytes()
    place = tmp_path / "data_batch_1.grad.xz"
    place.write_bytes(lzma.compress(differences(content, 5)))
    assert restored(place, 5) == content


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"", "unpacks to 0 bytes, not 15365; put it there anew"),
        (b"\xfd7zXZ\x00 and so on", "cannot be read or unpacked ("),
        (lzma.compress(b"x" * 15_364), "unpacks to 15364 bytes, not 15365; put it there anew"),
        (lzma.compress(b"x" * 10**7), "unpacks to more than 15365 bytes, not 15365; put it"),
        (lzma.compress(b"x" * 15_365)[:-20], "unpacks to"),
    ],
    ids=range(5),
)
def test_hostile_differences_are_named(tmp_path, packed, message):
    place = tmp_path / "data_batch_1.grad.xz"
    place.write_bytes(packed)
    if message == "unpacks to":
        assert len(restored(place, 5)) == 15_365  # whole but for the checksum: the caller's has it
        return
    with pytest.raises(FileError) as error:
        restored(place, 5)
    assert str(error.value).startswith(f"{place}: {message}")


@pytest.mark.parametrize("small", ["cifar-10"], indirect=True)
def test_cifar10_is_read_from_differences(small, tmp_path, monkeypatch):
    made, contents, _ = small
    (tmp_path / "cifar10").mkdir()
    for name, content in contents.items():
        place = tmp_path / "cifar10" / name.replace(".bin", ".grad.xz")
        place.write_bytes(lzma.compress(differences(content, 4)))
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    require_right(data.load("cifar-10"), made, contents)


def test_a_changed_file_is_refused(small, tmp_path, cache, monkeypatch):
    made, contents, _ = small
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    place = tmp_path / made.batches[0].file
    right = contents[place.name]
    for wrong in (right[:-1] + b"\xff", right + b"x", right[:-1], b""):
        place.write_bytes(wrong)
        with pytest.raises(FileError) as error:
            data.load(made.name)
        assert str(error.value) == (
            f"{place}: is not the {len(right)} bytes of {place.name} in {made.archive.url}; "
            "delete it, or put the original in its place"
        )
    assert not list((cache / "arrays").iterdir())


def test_an_archive_of_another_origin_is_not_opened(small, tmp_path, monkeypatch):
    made, contents, _ = small
    packed = archive(made, contents)
    made, _ = published(small, monkeypatch, packed)
    place = tmp_path / made.archive.file
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    other = packed[:-1] + bytes([packed[-1] ^ 1])
    for content, what in (
        (packed[:-1], f"{len(packed) - 1} bytes, not {len(packed)}"),
        (other, f"the SHA-256 {hashlib.sha256(other).hexdigest()}"),
    ):
        place.write_bytes(content)
        with pytest.raises(FileError) as error:
            data.load(made.name)
        assert str(error.value) == (
            f"{place}: is not what {made.archive.url} gives, but has {what}; delete it to have it "
            "fetched again, or put the original in its place"
        )


def member(name, size=0, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


def test_nothing_in_an_archive_is_written_to_the_disk(small, tmp_path, monkeypatch):
    """Even if its checksum were right: names that lead elsewhere, links, and devices."""
    made, contents, _ = small
    name = f"{made.folder}/{made.batches[0].file}"
    hostile = [
        (member("../../escaped", 4), b"evil"),
        (member(str(tmp_path / "absolute"), 4), b"evil"),
        (member(name, kind=tarfile.SYMTYPE, link="/etc/passwd"), b""),
        (member(name, kind=tarfile.LNKTYPE, link="/etc/passwd"), b""),
        (member(name, kind=tarfile.FIFOTYPE), b""),
        (member(name, kind=tarfile.DIRTYPE), b""),
        (member(name, 4), b"evil"),
    ]
    packed = archive(made, contents, hostile)
    made, contents = published(small, monkeypatch, packed)
    folder = tmp_path / "in" / "side"
    folder.mkdir(parents=True)
    (folder / made.archive.file).write_bytes(packed)
    monkeypatch.setenv("STRIATE_DATA", str(folder))
    require_right(data.load(made.name), made, contents)
    assert not (tmp_path / "absolute").exists()
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("case", ["missing", "huge", "cut", "no archive"])
def test_archives_that_cannot_be_used(small, tmp_path, monkeypatch, case):
    made, contents, _ = small
    last = list(contents)[-1]
    packed = archive(made, {n: c for n, c in contents.items() if case != "missing" or n != last})
    message = (
        f"holds no file {made.folder}/{last} of {len(contents[last])} bytes; "
        "put the original in its place"
    )
    if case == "huge":
        huge = member("more", 2**40).tobuf(tarfile.GNU_FORMAT)
        packed = gzip.compress(huge + b"x" * 512)
        message = (
            f"'more' in it has {2**40} bytes, more than {2**28}; put the original in its place"
        )
    elif case == "cut":
        packed, message = packed[: len(packed) // 2], "cannot be read ("
    elif case == "no archive":
        packed, message = b"<html></html>", "cannot be read ("
    made, _ = published(small, monkeypatch, packed)
    place = tmp_path / made.archive.file
    place.write_bytes(packed)
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    with pytest.raises(FileError) as error:
        data.load(made.name)
    assert str(error.value).startswith(str(place))
    assert f": {message}" in str(error.value)
    assert "\n" not in str(error.value)


def test_classes_have_the_names_that_the_authors_gave():
    """Of CIFAR-100 in alphabetical order, as its fine_label_names.txt has them."""
    assert len(cifar.CIFAR100.classes) == len(set(cifar.CIFAR100.classes)) == 100
    assert list(cifar.CIFAR100.classes) == sorted(cifar.CIFAR100.classes)
    assert cifar.CIFAR10.classes[3] == "cat"
