"""``striate bench``: striate beside its peers, on this machine.

Everything is checked against float64 before it is timed; then all take turns in one process.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["bench"]

bench = typer.Typer(
    no_args_is_help=True,
    help="Measure striate beside PyTorch, ONNX Runtime, OpenVINO, ncnn and OpenCV, if installed.",
)

Threads = Annotated[
    list[int] | None,
    typer.Option(
        "--threads", help="how many; again for more (default: 1, and all)", show_default=False
    ),
]
Batches = Annotated[
    list[int] | None,
    typer.Option(
        "--batch", min=1, help="examples; again for more (default: 1 and 8)", show_default=False
    ),
]
Peers = Annotated[
    list[str] | None,
    typer.Option("--peer", help="PyTorch, ...; again for more (default: all)", show_default=False),
]
Seconds = Annotated[
    float, typer.Option(min=0.0, help="for each row, if that allows for the rounds")
]
Rounds = Annotated[int, typer.Option(min=1, help="turns that everyone has in a row, at least")]
Json = Annotated[
    Path | None, typer.Option("--json", help="also write everything that was measured here")
]
Markdown = Annotated[
    Path | None, typer.Option(help="write the results here as the tables of a document")
]
Batch = Annotated[int, typer.Option(min=1, help="examples")]
Count = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="how many (default: all)", show_default=False),
]
Plot = Annotated[Path | None, typer.Option("--plot", help="draw the ratios here, as .svg or .png")]


@bench.command()
def layers(
    kind: Annotated[
        list[str] | None,
        typer.Option(help="3x3, 1x1, depthwise, ...; again for more (default: all)"),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="your own, as in '1x64x56x56 96 3x3 s2 p1 d1 g1'; again for more"),
    ] = None,
    threads: Threads = None,
    batch: Batches = None,
    peer: Peers = None,
    seconds: Seconds = 1.0,
    rounds: Rounds = 5,
    json_file: Json = None,
    plot_file: Plot = None,
) -> None:
    """Measure single layers of every kind: convolutions of odd sizes, strided, grouped, 3-D.

    Example: striate bench layers --kind 3x3 --threads 1 --batch 1 --json layers.json
    """
    from striate.cli.bench.job import Settings, run_job
    from striate.cli.bench.layers import KINDS, layer_cases

    kinds = kind or ([] if layer else list(KINDS))
    cases = layer_cases(kinds, layer or (), batch or (1, 8))
    settings = Settings(threads or (), peer, seconds, rounds, json_file, plot_file)
    raise typer.Exit(run_job("layers", cases, settings))


@bench.command()
def networks(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE.onnx[:SHAPE]]...",
            help="ONNX files, each with its first input's shape if it leaves sizes open",
            show_default=False,
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            "--network", help="vgg16, resnet50, ...; again for more (default: ten of the zoo)"
        ),
    ] = None,
    threads: Threads = None,
    batch: Batches = None,
    peer: Peers = None,
    seconds: Seconds = 5.0,
    rounds: Rounds = 5,
    json_file: Json = None,
    plot_file: Plot = None,
) -> None:
    """Measure whole networks: those of the zoo with random weights, or files as they are.

    Examples: striate bench networks --network resnet18 --batch 1 --threads 2
    or striate bench networks detector.onnx:1x3x320x320
    """
    from striate.cli.bench.files import file_cases
    from striate.cli.bench.job import Settings, run_job
    from striate.cli.bench.networks import NETWORKS, network_cases

    names = network or ([] if files else NETWORKS)
    cases = chain(network_cases(names, batch or (1, 8)), file_cases(files or ()))
    settings = Settings(threads or (), peer, seconds, rounds, json_file, plot_file)
    raise typer.Exit(run_job("networks", cases, settings))


@bench.command()
def filters(
    size: Annotated[
        list[str] | None,
        typer.Option(
            help="width x height of the image; again for more (default: 3840x2160, 640x480, and a "
            "few filters of 64x64)",
            show_default=False,
        ),
    ] = None,
    channels: Annotated[
        list[int] | None,
        typer.Option(help="1 or 3; again for both (default: both)", show_default=False),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option(help="float32 or uint8; again for both (default: both)", show_default=False),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="filters, as in 'box*' or 'general 5x5'; again for more (default: all)",
            show_default=False,
        ),
    ] = None,
    threads: Threads = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            "--peer",
            help="OpenCV, SciPy, scikit-image, Pillow or kornia, on every image; again for more "
            "(default: OpenCV, and the others where they take little time)",
            show_default=False,
        ),
    ] = None,
    all_peers: Annotated[
        bool, typer.Option("--all-peers", help="time all peers on every image, which takes long")
    ] = False,
    seconds: Seconds = 0.15,
    rounds: Rounds = 5,
    json_file: Json = None,
    plot_file: Plot = None,
    markdown: Markdown = None,
) -> None:
    """Measure image filters: blurs, edges, kernels of 3x3 to 15x15, medians.

    Example: striate bench filters --size 640x480 --only 'gaussian*' --threads 1
    """
    from striate.cli.bench.filters.cases import filter_groups, parse_size
    from striate.cli.bench.filters.job import run_filters
    from striate.cli.bench.job import Settings

    sizes = [parse_size(text) for text in size or ()]
    groups = filter_groups(sizes, channels or (), dtype or (), only or ())
    settings = Settings(threads or (), peer, seconds, rounds, json_file, plot_file)
    raise typer.Exit(run_filters(groups, settings, everywhere=all_peers, tables=markdown))


@bench.command()
def training(
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:BATCHxSIDE]",
            help="networks of the zoo, as in resnet50 or resnet18:16x112; again for more "
            "(default: all-cnn-c, vgg16 and resnet18)",
            show_default=False,
        ),
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="steps, memory or lenet-1989 (one example at a time); again for more "
            "(default: all)",
            show_default=False,
        ),
    ] = None,
    profiled: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME[:BATCHxSIDE]",
            help="instead: where a step of this network spends its time",
            show_default=False,
        ),
    ] = None,
    threads: Threads = None,
    peer: Peers = None,
    seconds: Seconds = 10.0,
    rounds: Rounds = 5,
    json_file: Json = None,
    plot_file: Plot = None,
    markdown: Markdown = None,
) -> None:
    """Measure training beside PyTorch: the time of a step, its memory, and LeNet of 1989.

    Examples: striate bench training --only resnet18 --part steps --threads 1
    or striate bench training --profile all-cnn-c --threads 1
    """
    from striate.cli.bench.job import Settings
    from striate.cli.bench.training.cases import training_case, training_cases
    from striate.cli.bench.training.job import run_profile, run_training

    settings = Settings(threads or (), peer, seconds, rounds, json_file, plot_file)
    if profiled is not None:
        raise typer.Exit(run_profile(training_case(profiled), settings))
    raise typer.Exit(run_training(training_cases(only or ()), part or (), settings, markdown))


@bench.command()
def cold(
    network: Annotated[str, typer.Argument(help="a network of the zoo")] = "vgg16",
    batch: Batch = 1,
    threads: Count = None,
    runs: Annotated[int, typer.Option(min=1, help="new processes of each sort")] = 3,
    json_file: Json = None,
) -> None:
    """Measure the first result of a new process, with an empty cache of kernels and a kept one.

    Weights are constant and already in memory: reading a file of them is not timed.
    """
    from striate.cli.bench.starts_report import report_cold_starts

    report_cold_starts(network, batch, threads, runs, json_file)


@bench.command()
def profile(
    model: Annotated[str, typer.Argument(help="a network of the zoo, or FILE.onnx[:SHAPE]")],
    batch: Batch = 1,
    threads: Count = None,
    json_file: Json = None,
) -> None:
    """Measure where the time of a network goes: each part, beside the limits of the machine.

    Weights are random, but those of files. Example: striate bench profile resnet18 --threads 1
    """
    from striate.cli.bench.profiles import report_profile

    report_profile(model, batch, threads, json_file)
