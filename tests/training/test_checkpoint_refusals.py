"""Folders that are refused, and files in them that are damaged, gone or cannot be written."""

import json
import resource
import sys

import pytest

from striate.errors import FileError, MissingExtraError, ParameterError, StriateError
from striate.interop.weights import read_notes, read_tensors, write_tensors
from striate.training import fit

pytestmark = pytest.mark.usefixtures("without_pictures")
SETTINGS = {"learning_rate": 0.05, "momentum": 0.9, "batch_size": 7, "seed": 4}
SAME = "resume with the same settings, or name another folder"


def failing(kind, *arguments, **settings):
    with pytest.raises(kind) as error:
        fit(*arguments, **{"epochs": 2, **SETTINGS, **settings})
    return str(error.value)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_never_overwritten_or_mixed_up(noisy, tiny, stripes, tmp_path):
    out = tmp_path / "run"
    assert failing(FileError, noisy, stripes, out=out, resume=True) == (
        f"fit: {out}: holds no run to resume; name its folder, or leave resume (--resume) out "
        "to begin one"
    )
    fit(noisy, stripes, epochs=2, out=out, **SETTINGS)
    before = contents(out)
    assert failing(FileError, noisy, stripes, out=out) == (
        f"fit: {out}: holds a run already; resume it (resume=True, --resume) or name another folder"
    )
    resuming = {"out": out, "resume": True}
    assert failing(ParameterError, noisy, stripes, seed=5, **resuming) == (
        f"fit: {out}: its run has seed 4, not 5: {SAME}"
    )
    assert failing(ParameterError, noisy, stripes, schedule="cosine", **resuming) == (
        f"fit: {out}: its run has schedule 'constant', not 'cosine': {SAME}"
    )
    assert failing(ParameterError, tiny, stripes, **resuming) == (
        f"fit: {out}: its run has network 'noisy', not 'tiny': {SAME}"
    )
    other = (-stripes[0], stripes[1])
    assert f"fit: {out}: its run has data '" in failing(ParameterError, noisy, other, **resuming)
    assert failing(ParameterError, noisy, stripes, epochs=1, **resuming) == (
        f"fit: {out}: its run has 2 epochs, more than the 1 asked for: "
        "ask for more, or name another folder"
    )
    assert before == contents(out)


@pytest.mark.parametrize("resume", [False, True, "auto"])
def test_what_is_left_of_a_run_is_not_begun_over(noisy, stripes, tmp_path, resume):
    fit(noisy, stripes, epochs=1, out=tmp_path, **SETTINGS)
    (tmp_path / "last.safetensors").unlink()
    before = contents(tmp_path)
    message = (
        f"fit: {tmp_path}: holds last.json of a run, but not its last.safetensors: "
        "bring that back, or name another folder"
    )
    assert failing(FileError, noisy, stripes, out=tmp_path, resume=resume) == message
    assert before == contents(tmp_path)
    for name in ("last.json", "settings.json"):
        (tmp_path / name).unlink()
    assert "holds log.csv of" in failing(FileError, noisy, stripes, out=tmp_path, resume=resume)


def test_a_schedule_that_was_laid_out_for_other_epochs_is_not_bent(noisy, stripes, tmp_path):
    fit(noisy, stripes, epochs=2, out=tmp_path, schedule="cosine", **SETTINGS)
    text = failing(
        ParameterError, noisy, stripes, epochs=3, out=tmp_path, schedule="cosine", resume=True
    )
    assert text == (
        f"fit: {tmp_path}: its run has epochs 2, not 3, and its schedule cosine depends on them: "
        "resume with the same, or name another folder"
    )


def test_a_folder_of_an_earlier_striate_is_named(noisy, stripes, tmp_path):
    (tmp_path / "state.json").write_text('{"format": 1}')
    for resume in (False, True, "auto"):
        assert failing(FileError, noisy, stripes, out=tmp_path, resume=resume) == (
            f"fit: {tmp_path}: holds a run of an earlier striate (state.json), which cannot go on "
            "here; name another folder"
        )


def spoil(place, damage):
    """Damage a checkpoint."""
    data = place.read_bytes()
    if damage == "cut":
        place.write_bytes(data[: len(data) // 2])
    elif damage == "empty":
        place.write_bytes(b"")
    elif damage == "bit":
        place.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    else:
        arrays, notes = read_tensors(place), read_notes(place)
        training = json.loads(notes["training"])
        if damage == "no notes":
            notes = {"network": notes["network"]}
        elif damage == "other format":
            training["format"] = 9
        elif damage == "no history":
            training["history"] = [{"number": 1}]
        elif damage == "no number":
            training["history"] = 5
        if "training" in notes:
            notes["training"] = json.dumps(training)
        write_tensors(place, arrays, notes)


DAMAGES = ["cut", "empty", "bit", "no notes", "other format", "no history", "no number"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named(noisy, stripes, tmp_path, damage):
    fit(noisy, stripes, epochs=1, out=tmp_path, **SETTINGS)
    place = tmp_path / "last.safetensors"
    spoil(place, damage)
    for resume in (True, "auto"):
        text = failing(FileError, noisy, stripes, out=tmp_path, resume=resume)
        assert text.startswith(f"fit: {place}: ")
        assert "again" in text


def test_a_best_network_that_is_gone_is_missed(noisy, stripes, tmp_path):
    fit(noisy, stripes, epochs=1, out=tmp_path, validation=0.2, **SETTINGS)
    (tmp_path / "best.safetensors").unlink()
    text = failing(FileError, noisy, stripes, out=tmp_path, validation=0.2, resume=True)
    assert text.startswith(f"fit: {tmp_path / 'best.safetensors'}: no such file")


def test_a_folder_that_cannot_be_made(tiny, stripes, tmp_path):
    (tmp_path / "file").write_text("")
    text = failing(FileError, tiny, stripes, out=tmp_path / "file")
    assert text == (
        f"fit: {tmp_path / 'file'}: cannot be made (File exists); name another folder; "
        "nothing is saved"
    )


def test_without_safetensors_nothing_is_begun(tiny, stripes, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    text = failing(MissingExtraError, tiny, stripes, out=tmp_path)
    assert text == "fit: keeping checkpoints needs safetensors: pip install 'striate[train]'"
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_checkpoint_before_it(noisy, stripes, tmp_path, require_same):
    """A limit to the size of files stands for the end of the disk."""
    out = tmp_path / "run"
    whole = fit(noisy, stripes, epochs=3, **SETTINGS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(epoch):
        if epoch.number == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))

    try:
        with pytest.raises(StriateError) as error:
            fit(noisy, stripes, epochs=3, out=out, on_epoch=fill, **SETTINGS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(error.value) == (
        f"fit: {out / 'last.safetensors'}: cannot be written (File too large); check that its "
        f"folder may be written and has room; epoch 2 is saved in {out}: "
        "resume (resume=True, --resume) goes on from it"
    )
    assert not [path for path in out.iterdir() if path.name.endswith(".part")]
    require_same(fit(noisy, stripes, epochs=3, out=out, resume=True, **SETTINGS), whole)
