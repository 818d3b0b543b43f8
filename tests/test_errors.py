"""The exception tree: complete, picklable in spirit, worded for people."""

import inspect

import pytest

from striate import errors


def test_tree_is_what_the_module_offers():
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass)]
    tree = {c.__name__ for c in classes if issubclass(c, errors.StriateError)}
    assert sorted(tree) == errors.__all__
    assert all(name in (errors.__doc__ or "") for name in tree)


def test_unknown_name_suggests_the_nearest():
    error = errors.UnknownNameError.of("network", "vgg61", ["vgg16", "vgg19", "mlp"])
    assert str(error) == "no network is called 'vgg61'; did you mean vgg16 or vgg19?"
    error = errors.UnknownNameError.of("figure", "foo", ["conv", "pool", "transposed"])
    assert str(error) == "no figure is called 'foo'; known: conv, pool, transposed"
    error = errors.UnknownNameError.of("network", "zzz", ["vgg16", "mlp"])
    assert str(error) == "no network is called 'zzz'; known: mlp, vgg16"


def test_unknown_name_that_differs_in_case_or_is_no_text():
    error = errors.UnknownNameError.of("network", "VGG16", ["vgg16", "vgg19", "mlp"])
    assert str(error) == "no network is called 'VGG16'; did you mean vgg16?"
    error = errors.UnknownNameError.of("layer", "h1.TAHN", ["H1.tanh", "output"])
    assert str(error) == "no layer is called 'h1.TAHN'; did you mean H1.tanh?"
    error = errors.UnknownNameError.of("network", None, ["vgg16", "mlp"])
    assert str(error) == "no network is called None; known: mlp, vgg16"


def test_missing_extra_says_how_to_install_itself():
    error = errors.MissingExtraError.of("scikit-learn", "train", "the digits data set")
    assert str(error) == "the digits data set needs scikit-learn: pip install 'striate[train]'"


def test_explained_keeps_the_class_and_adds_the_place():
    with pytest.raises(errors.ShapeError) as error, errors.explained("conv2d"):
        raise errors.ShapeError("x has rank 3")
    assert str(error.value) == "conv2d: x has rank 3"
    with pytest.raises(ZeroDivisionError), errors.explained("conv2d"):
        raise ZeroDivisionError
