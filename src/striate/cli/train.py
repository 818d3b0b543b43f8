"""``striate train``: a network on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from striate.network import Network

__all__ = ["train"]

PAPERS = "lenet-1989"
"""The network that is trained as its paper says."""

STEPS = "Steps"
EXAMPLES = "Examples"
KEEPING = "Keeping and going on"


def _option(text: str, panel: str, *names: str) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel)


def train(
    model: Annotated[
        str, typer.Argument(help="a network of the zoo, an .onnx file, or MODULE.py:NAME")
    ],
    data: Annotated[str, typer.Option(help="digits, usps, mnist, cifar-10, ..., or a folder")],
    epochs: Annotated[int | None, _option("passes through the data (10)", STEPS)] = None,
    batch_size: Annotated[int | None, _option("examples of a step (32)", STEPS)] = None,
    learning_rate: Annotated[float | None, _option("of each step (0.05)", STEPS)] = None,
    optimizer: Annotated[str | None, _option("sgd, adam or adamw (sgd)", STEPS)] = None,
    momentum: Annotated[float | None, _option("of sgd, 0 to 1 (0.9)", STEPS)] = None,
    nesterov: Annotated[bool, _option("Nesterov's momentum", STEPS, "--nesterov")] = False,
    weight_decay: Annotated[float, _option("pull of the weights to 0", STEPS)] = 0.0,
    weights: Annotated[
        Path | None, _option("begin with those of a .safetensors or PyTorch file", STEPS)
    ] = None,
    pretrained: Annotated[
        bool, _option("begin with the weights that come with striate", STEPS, "--pretrained")
    ] = False,
    freeze: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="parameters that stay as they are, as 'features.*'; may be repeated",
            rich_help_panel=STEPS,
        ),
    ] = None,
    schedule: Annotated[
        str | None, _option("constant, cosine, one-cycle or step:30,60 (constant)", STEPS)
    ] = None,
    clip_norm: Annotated[float | None, _option("the most that gradients come to", STEPS)] = None,
    loss: Annotated[str | None, _option("squared or cross-entropy (the latter)", STEPS)] = None,
    resize: Annotated[
        bool, _option("resize images to the network's input", EXAMPLES, "--resize")
    ] = False,
    prepare: Annotated[
        str | None, _option("pixels to numbers: scale, standardize, gcn,zca, ...", EXAMPLES)
    ] = None,
    augment: Annotated[str | None, _option("such as flip,shift:4", EXAMPLES)] = None,
    validation: Annotated[
        float | None, _option("share held out to choose the best epoch by", EXAMPLES)
    ] = None,
    patience: Annotated[
        int | None, _option("stop after so many epochs without a better one", EXAMPLES)
    ] = None,
    shuffle: Annotated[
        bool | None, _option("a new order for each pass (yes)", EXAMPLES, "--shuffle/--in-order")
    ] = None,
    seed: Annotated[int, _option("of weights, order, augmentation and dropout", EXAMPLES)] = 0,
    device: Annotated[str, _option("cpu, or PyTorch's: torch, cuda, cuda:1, mps", STEPS)] = "cpu",
    precision: Annotated[
        str, _option("auto or exact; with PyTorch float32, tf32 or bf16", STEPS)
    ] = "auto",
    threads: Annotated[int | None, _option("how many may work (all processors)", STEPS)] = None,
    out: Annotated[Path | None, _option("folder to keep the run in", KEEPING)] = None,
    resume: Annotated[
        bool, _option("go on with the run in --out, to the same bits", KEEPING, "--resume")
    ] = False,
    resume_if_begun: Annotated[
        bool, _option("go on if there is one, else begin", KEEPING, "--resume-if-begun")
    ] = False,
    checkpoint_every: Annotated[
        float, _option("seconds between checkpoints within an epoch", KEEPING)
    ] = 60.0,
    as_json: Annotated[bool, _option("print JSON", KEEPING, "--json")] = False,
) -> None:
    """Train a network and print how it went.

    lenet-1989 is trained as its paper says unless told otherwise: 23 epochs, one example at a time
    in a constant order, squared error, a rate for each layer, images resized to 16x16.
    """
    import striate
    from striate.cli._training import begun, show
    from striate.training.torch_learner import distributed

    chosen: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "momentum": momentum,
        "schedule": schedule,
        "loss": loss,
        "shuffle": shuffle,
    }
    asked = {name: value for name, value in chosen.items() if value is not None}
    resize = resize or model == PAPERS
    network, examples = begun(
        model, data, weights=weights, pretrained=pretrained, resize=resize, seed=seed
    )
    if prepare is not None:
        examples = examples.with_preparation(prepare)
    settings = {**_defaults(model, network, optimizer), **asked}
    place = distributed()
    leads = place is None or place.leads  # of the processes of torchrun one prints
    try:
        result = striate.fit(
            network,
            examples,
            nesterov=nesterov,
            weight_decay=weight_decay,
            clip_norm=clip_norm,
            freeze=freeze or (),
            augment=augment,
            validation=validation,
            patience=patience,
            seed=seed,
            device=device,
            precision=precision,  # type: ignore[arg-type]  # fit checks it
            threads=threads,
            out=out,
            resume="auto" if resume_if_begun else resume,
            checkpoint_every=checkpoint_every,
            **settings,
        )
    except KeyboardInterrupt as stopped:  # Typer would drop its text
        if leads:
            typer.secho(f"striate: {stopped or 'stopped before training began'}", err=True)
        raise typer.Exit(130) from None
    if leads:
        show(result, examples, out, as_json=as_json)


def _defaults(model: str, network: Network, optimizer: str | None) -> dict[str, Any]:
    """Return what is not asked for: the paper's way for the network of 1989."""
    if model == PAPERS:
        from striate.training.recipes import lenet_1989

        return lenet_1989.settings(network.graph)
    usual = {"epochs": 10, "batch_size": 32, "loss": "cross-entropy", "shuffle": True}
    if optimizer in (None, "sgd"):
        return {**usual, "learning_rate": 0.05, "momentum": 0.9}
    return {**usual, "learning_rate": 0.001}
