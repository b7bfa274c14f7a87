"""`netadapt train`: train FastDepth, or one of its variants, from the start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netadapt.cli.console import print_json, say
from netadapt.cli.options import (
    AutocastOption,
    ComputeOption,
    DataSetsOption,
    JsonOption,
    MaxScaleOption,
    OutOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    SizeOption,
    TensorboardOption,
    ThreadsOption,
    TrustOption,
    parse_size,
)
from netadapt.cli.training_bar import training_bar

if TYPE_CHECKING:
    import torch
    from torch import nn

    from netadapt.networks import ModelConfig

TEACHER_SHARE = 0.5


def train(
    model: Annotated[
        str, typer.Option(help="fastdepth, or a variant such as resnet18-upproj.")
    ] = "fastdepth",
    input_size: SizeOption = None,
    data: DataSetsOption = None,
    out: OutOption = Path("runs/train"),
    recipe: Annotated[
        str, typer.Option(help="default, or fastdepth: the published recipe.")
    ] = "default",
    epochs: Annotated[int | None, typer.Option(help="Epochs, if not the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest learning rate.")] = None,
    loss: Annotated[
        str | None, typer.Option(help="l1, berhu, log-l1, log-l1-gradient or si-log.")
    ] = None,
    stages: Annotated[
        str | None,
        typer.Option(
            help="Smaller images that come first, by their height, and their shares of the epochs: "
            "64=0.4,128=0.2; none: full size from the start."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Train these on: a model folder, a shipped model, .pth.tar or .npz. The recipe's "
            "small images, meant for a start from nothing, are left out unless --stages names some."
        ),
    ] = None,
    encoder_weights: Annotated[
        Path | None,
        typer.Option(help="ImageNet weights of the encoder: the official model_best.pth.tar."),
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="sgd, adamw, or muon for pointwise convolutions.")
    ] = None,
    max_scale: MaxScaleOption = None,
    max_angle_deg: Annotated[
        float | None, typer.Option(help="Training images are rotated by up to this: 5.")
    ] = None,
    jitter: Annotated[
        float | None,
        typer.Option(
            help="Brightness, contrast and saturation of training images are multiplied by 1 ± up "
            "to this: 0.4."
        ),
    ] = None,
    tint: Annotated[
        float | None,
        typer.Option(
            help="Red, green and blue of training images are each multiplied by 1 ± up to this: 0."
        ),
    ] = None,
    cut_depth: Annotated[
        float | None,
        typer.Option(
            help="The share of training images of which a rectangle shows its depth in place of "
            "its colours (CutDepth): 0."
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="A trained depth network to learn from beside the labels: a model folder, a "
            "shipped model, .pth.tar or .npz."
        ),
    ] = None,
    teacher_share: Annotated[
        float | None,
        typer.Option(
            help=f"The teacher's share of the loss; default {TEACHER_SHARE} with --teacher."
        ),
    ] = None,
    autocast: AutocastOption = False,
    holdout_images: Annotated[
        int, typer.Option(help="Images evaluated after each epoch, spread over the holdout.")
    ] = 200,
    tensorboard: TensorboardOption = False,
    compute: ComputeOption = None,
    threads: ThreadsOption = None,
    resume: ResumeOption = False,
    seed: SeedOption = 0,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a depth network; leaves a model folder with its history and sample predictions.

    Several GPUs: torchrun --nproc-per-node 2 -m netadapt train …; on processors, with
    OMP_NUM_THREADS=1, one process a core.

    Example: netadapt train --data nyudepthv2 --recipe fastdepth --out runs/fastdepth
    """
    import torch

    from netadapt.depth.fastdepth.checkpoint import load_encoder_weights
    from netadapt.depth.training.long_training import train as run_training
    from netadapt.depth.training.recipe import parse_stages, recipe_named
    from netadapt.depth.training.task_data import data_folder, open_task
    from netadapt.training.allocator import keep_freed_memory
    from netadapt.training.batch_norm_restoring import ready_to_train
    from netadapt.training.compute import compute_device, use_threads
    from netadapt.training.event_log import EventLog
    from netadapt.training.processes import join_processes, leave_processes

    if stages is None and weights is not None:
        stages = "none"
    chosen = recipe_named(
        recipe,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        loss=loss,
        optimizer=optimizer,
        max_scale=max_scale,
        max_angle_deg=max_angle_deg,
        jitter=jitter,
        tint=tint,
        cut_depth=cut_depth,
        teacher_share=TEACHER_SHARE
        if teacher_share is None and teacher is not None
        else teacher_share,
        autocast=autocast or None,
        stages=None if stages is None else parse_stages(stages),
    )
    keep_freed_memory()
    use_threads(threads)
    device = compute_device(compute)
    processes = join_processes(device)
    quiet = quiet or as_json or not processes.is_first
    torch.manual_seed(seed)
    network, config = _network(model, weights, parse_size(input_size))
    height, width = config.input_shapes[0][-2:]
    chosen = chosen.for_input((height, width))
    if encoder_weights is not None:
        count = load_encoder_weights(network, encoder_weights)
        say(f"encoder: {count} tensors from {encoder_weights}", quiet=quiet)
    sets = data or ["rooms"]
    task = open_task(
        [data_folder(name) for name in sets],
        chosen.size,
        loss=chosen.loss,
        augmentation=chosen.augmentation,
        holdout_images=holdout_images,
        compute=device,
        processes=processes,
    )
    network.to(device)
    config = ready_to_train(network, config, task, seed, lambda text: say(text, quiet=quiet))
    event_log = EventLog(out) if tensorboard else None
    with training_bar(quiet, event_log) as (after_step, after_epoch, rows):
        run_training(
            network,
            task,
            chosen,
            out,
            config.to_json(),
            seed=seed,
            resume=resume,
            data=_origin(sets, weights, teacher),
            teacher=None if teacher is None else _teacher(teacher, device),
            processes=processes,
            after_step=after_step,
            after_epoch=after_epoch,
        )
    leave_processes(processes)
    if as_json and processes.is_first:
        print_json({"model": str(out), "history": rows})
    else:
        named = " --data ".join(sets)
        say(f"the network is in {out}; next: netadapt evaluate {out} --data {named}", quiet=quiet)


def _network(
    model: str, weights: str | None, size: tuple[int, int] | None
) -> tuple[nn.Module, ModelConfig]:
    """The network to train: with fresh weights, unless some are given."""
    from netadapt.networks.build import build
    from netadapt.networks.open_network import open_network, with_inputs
    from netadapt.networks.registry import named_config

    if weights is not None:
        return open_network(model, weights, size)
    config = with_inputs(named_config(model).complete(), size)
    return build(config), config


def _teacher(weights: str, device: torch.device) -> nn.Module:
    """The network that teaches, on its device."""
    from netadapt.networks.open_network import open_network

    network, _ = open_network("fastdepth", weights, None)
    return network.to(device)


def _origin(sets: list[str], weights: str | None, teacher: str | None) -> str:
    """What a training's files say of where its network comes from."""
    parts = [" + ".join(sets)]
    if weights is not None:
        parts.append(f"from {weights}")
    if teacher is not None:
        parts.append(f"taught by {teacher}")
    return ", ".join(parts)
