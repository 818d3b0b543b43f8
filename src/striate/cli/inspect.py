"""``striate inspect``: shapes, parameters, costs and receptive fields of a network, by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from striate.cli._models import network_of, sizes_of, source_of, unused_note
from striate.cli._report_table import print_report, print_table, with_times
from striate.cli._text import visible
from striate.cli.inspection import ask, pointing_to_the_doctor

__all__ = ["inspect", "print_report"]


def inspect(
    model: Annotated[
        str | None,
        typer.Argument(
            help="a network's name, as --list prints them, an .onnx file, or FILE.py:NAME: runs "
            "FILE.py and takes the PyTorch module called NAME, or what NAME() returns",
            show_default=False,
        ),
    ] = None,
    input_shape: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NxCxHxW",
            help="examples, channels, then each axis, as 1x3x224x224; NAME=1x3x224x224 for one of "
            "several inputs; the network's own if left out, with one example",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON and nothing else")] = False,
    layer: Annotated[
        str | None,
        typer.Option("--explain", metavar="LAYER", help="print the arithmetic of one layer"),
    ] = None,
    convention: Annotated[
        str,
        typer.Option(
            help="what to count: macs, flops, flops-bias, or as torchinfo, fvcore or thop do"
        ),
    ] = "macs",
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="the columns of the table: layer, operator, input, output, kind, parameters, "
            "macs, counted, units, connections, activations, alive, moved, intensity, field, "
            "padding, time, shared, note",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="the largest layers first, by parameters, macs, time, ..."
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(min=1, help="sum up layers whose names share so many parts, as block1.conv2"),
    ] = None,
    time: Annotated[
        bool, typer.Option("--time", help="measure the milliseconds of each layer")
    ] = False,
    doctor: Annotated[
        bool,
        typer.Option("--doctor", help="why shapes do not fit and what would help; else advice"),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="what another network has more, less or different"),
    ] = None,
    budget: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="limits of a TOML file; exit code 1 if one is exceeded"),
    ] = None,
    pretrained: Annotated[
        bool,
        typer.Option("--pretrained", help="the weights that come with striate: how they were made"),
    ] = False,
    listing: Annotated[
        bool, typer.Option("--list", help="list the networks, with parameters and GMACs")
    ] = False,
) -> None:
    """Count a network layer by layer: shapes, parameters, costs, fields.

    No weights are needed. A field is written size / stride from start:
    how many input elements an output sees along an axis, how far apart
    neighbouring outputs see, and where the first one begins, negative in
    the padding. Narrow terminals get rounded numbers and fewer columns.

    Examples: striate inspect vgg16;
    striate inspect vgg16 --explain conv3_1;
    striate inspect model.onnx --sort macs --time;
    striate inspect resnet50 --columns layer,output,field,padding;
    striate inspect all-cnn-c --input 8x3x64x64 --json
    """
    if listing:
        others: dict[str, object] = {"a model": model, "--input": input_shape, "--explain": layer}
        others["--pretrained"] = pretrained
        _refuse_beside("--list", others)
        _list(as_json)
        return
    import striate
    from striate.errors import ParameterError
    from striate.network import explain

    if model is None:
        raise ParameterError("inspect: no model given; name one of striate inspect --list")
    shape = sizes_of(input_shape or ())
    asked: dict[str, object] = {"--doctor": doctor, "--against": against, "--budget": budget}
    for option in [name for name, value in asked.items() if value]:
        beside = {name: value for name, value in asked.items() if name != option}
        beside |= {"--explain": layer, "--columns": columns, "--sort": sort, "--depth": depth}
        _refuse_beside(option, beside | {"--time": time, "--pretrained": pretrained})
    if ask(model, shape, doctor, against, budget, as_json=as_json):
        return
    made = source_of(model)
    network = network_of(made, shape, pretrained=pretrained)
    if layer is not None:
        beside = {"--json": as_json, "--columns": columns, "--sort": sort}
        beside["--pretrained"] = pretrained
        _refuse_beside("--explain", beside)
        for line in explain(network, layer, shape):
            typer.echo(visible(line))
        return
    with pointing_to_the_doctor(model, shape):
        report = striate.inspect(network, shape, convention=convention)
    notes = (*unused_note(made, network), *_trained_note(model, pretrained=pretrained))
    report = replace(report, notes=(*report.notes, *notes))
    from striate.network.inspection.columns import chosen
    from striate.network.inspection.views import collapsed, ordered

    names = None if columns is None else [name.strip() for name in columns.split(",")]
    chosen(report, names)  # a wrong name shows before anything is measured
    report = with_times(report, network) if time else report
    report = report if depth is None else collapsed(report, depth)
    report = report if sort is None else ordered(report, sort)
    if as_json:
        typer.echo(report.to_json())
    else:
        print_report(report, names)


def _trained_note(name: str, *, pretrained: bool) -> tuple[str, ...]:
    """Return how the weights that come with striate were made, if they are asked for."""
    if not pretrained:
        return ()
    from striate.interop.pretrained import record

    return (record(name).text,)


def _refuse_beside(option: str, others: Mapping[str, object]) -> None:
    from striate.errors import ParameterError

    for name, value in others.items():
        if value:
            raise ParameterError(f"inspect: {option} cannot go with {name}; leave one of them out")


def _list(as_json: bool) -> None:
    import json

    from striate.network import inspect, zoo

    totals = {name: inspect(zoo.load(name)).totals for name in zoo.names()}
    if as_json:
        rows = [{"name": n, "parameters": t.parameters, "macs": t.macs} for n, t in totals.items()]
        typer.echo(json.dumps(rows, indent=2))
        return
    print_table(
        ["network", "parameters", "GMACs"],
        [(name, f"{t.parameters:,}", f"{t.macs / 1e9:.6f}") for name, t in totals.items()],
    )
