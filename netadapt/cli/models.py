"""`netadapt models`: bring in weights from elsewhere, and look at model folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netadapt.cli.console import print_json, say
from netadapt.cli.options import (
    DataSetsOption,
    JsonOption,
    QuietOption,
    SeedOption,
    ShapeOption,
    parse_shapes,
)
from netadapt.large_numbers import in_three_digits

if TYPE_CHECKING:
    from torch import nn

    from netadapt.networks import ModelConfig

BATCH_SIZE = 16
"""Images at a time when batch norm is measured."""

app = typer.Typer(
    help="Models: a folder with config.json and model.safetensors each.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command("import")
def import_model(
    file: Annotated[
        Path,
        typer.Argument(
            help="An official FastDepth .pth.tar, its state dict, or folded weights (.npz); with "
            "--model, the state dict of that network."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The model folder to make.")],
    of: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Whose weights they are: package.module:function, or a network's name; what is "
            "known is recognised without.",
        ),
    ] = None,
    input_shapes: ShapeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn a checkpoint into a model folder, without running what is pickled in it.

    Example: netadapt models import mobilenet-nnconv5dw-skipadd.pth.tar --out models/official

    Example: netadapt models import net.pth --model mypackage.nets:net --out models/mine
    """
    from netadapt.networks.open_network import open_network
    from netadapt.networks.registry import import_checkpoint
    from netadapt.networks.store import refuse_existing, save_model

    refuse_existing(out)
    if of is None and input_shapes is not None:
        raise typer.BadParameter("--input-shape is of a network of your own; name it with --model")
    if of is None:
        model, config = import_checkpoint(file)
    else:
        model, config = open_network(of, str(file), input_shapes=parse_shapes(input_shapes))
    written = save_model(out, model, config)
    summary = _summary(model, written)
    if as_json:
        print_json({"model": str(out), **summary})
        return
    _print_summary(str(out), summary)
    if config.batch_norm == "folded":
        say(
            "batch norm is folded into these weights: they can be evaluated as they are, and get "
            "its statistics back from training frames before they are trained",
            quiet=quiet,
        )
    of_depth = of is None  # these alone are recognised; what another network is for isn't known
    say(f"next: netadapt {'evaluate' if of_depth else 'plan --model'} {out}", quiet=quiet)


@app.command()
def copy(
    model: Annotated[str, typer.Argument(help="A model, run or training folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The model folder to make.")],
    half: Annotated[
        bool, typer.Option("--half", help="Store weights as float16: half the size.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,  # as every command has; the result is all that this one says
) -> None:
    """Copy a network into a model folder of its own: config and weights, nothing else.

    Example: netadapt models copy runs/train --half --out models/mine
    """
    from netadapt.networks.store import load_model, read_config, refuse_existing, save_model

    refuse_existing(out)
    network = load_model(model)
    written = save_model(out, network, read_config(model), half_precision=half)
    summary = _summary(network, written)
    if as_json:
        print_json({"model": str(out), **summary})
    else:
        _print_summary(str(out), summary)


@app.command()
def average(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL…",
            help="Model, run or training folders of one network; one given twice counts twice.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The model folder to make.")],
    data: DataSetsOption = None,
    images: Annotated[
        int, typer.Option(min=2, help="Training images to measure batch norm on again.")
    ] = 1024,
    max_scale: Annotated[
        float,
        typer.Option(
            min=1,
            max=4,
            help="What the trainings enlarged their images by at most: batch norm is measured on "
            "such images.",
        ),
    ] = 1.0,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Average depth networks that were trained on apart from one start (a model soup).

    Evaluate it before you keep it: it may be better than each of them, or not.

    Example: netadapt models average runs/a runs/b --data nyudepthv2 --max-scale 1.1 --out models/ab
    """
    from dataclasses import replace
    from itertools import islice

    from netadapt.depth.data.transforms import ONLY_MIRRORED
    from netadapt.depth.training.task_data import data_folder, open_task
    from netadapt.networks.store import load_model, read_config, refuse_existing, save_model
    from netadapt.training.soup import average_networks

    if len(models) < 2:
        raise typer.BadParameter("give two networks or more to average")
    refuse_existing(out)
    networks = [load_model(model) for model in models]
    config = read_config(models[0])
    height, width = config.input_shapes[0][-2:]
    sets = data or ["rooms"]
    folders = [data_folder(name) for name in sets]
    seen = replace(ONLY_MIRRORED, max_scale=max_scale)
    task = open_task(folders, (height, width), augmentation=seen)
    batch_size = min(images, BATCH_SIZE)
    batches = islice(task.training_batches(batch_size, seed), max(1, images // batch_size))
    network = average_networks(networks, (inputs for inputs, _ in batches))
    summary = _summary(network, save_model(out, network, config))
    if as_json:
        print_json({"model": str(out), **summary})
        return
    _print_summary(str(out), summary)
    say(f"next: netadapt evaluate {out} --data {' --data '.join(sets)}", quiet=quiet)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="A model folder, a run folder, or a shipped name.")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,  # likewise
) -> None:
    """Show what a model folder holds: network, widths, parameters, GMACs.

    Example: netadapt models show fastdepth
    """
    from netadapt.networks.store import find_model, load_model, read_config

    folder = find_model(model)
    summary = _summary(load_model(folder), read_config(folder))
    if as_json:
        print_json({"model": str(folder), **summary})
    else:
        _print_summary(str(folder), summary)


def _summary(model: nn.Module, config: ModelConfig) -> dict[str, Any]:
    import torch

    from netadapt.graph import trace

    inputs = tuple(torch.zeros(shape) for shape in config.input_shapes)
    graph = trace(model, inputs, verify=False)
    return {
        "name": config.name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "macs": graph.macs,
        **config.to_json(),
    }


def _print_summary(place: str, summary: dict[str, Any]) -> None:
    print(
        f"{place}: {summary['name']}, {in_three_digits(summary['parameters'])} parameters, "
        f"{in_three_digits(summary['macs'], 'MACs')}"
    )
    widths = summary["widths"]
    if widths:
        print("widths: " + ", ".join(f"{name} {width}" for name, width in widths.items()))
