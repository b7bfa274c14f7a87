"""Model folders: config.json beside model.safetensors; and what a path to weights may mean.

`save_model` and `load_model` are each other's inverse. A path may be a model folder, a run's
folder, a safetensors file inside one, or the name of a model that ships. No pickles are read
here: a network's family imports those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from netadapt.errors import ModelError, WeightsError, in_words
from netadapt.files import atomic_path, write_text
from netadapt.graph import LayerGraph
from netadapt.journal import CsvJournal
from netadapt.networks.build import as_config, build, built_for_use, describe
from netadapt.networks.config import FactoryConfig, ModelConfig, factory_config
from netadapt.networks.key_prefixes import fitted_to
from netadapt.networks.registry import config_from_json
from netadapt.networks.trusted_functions import name_functions_of_run, trusting_folders
from netadapt.networks.weight_files import weights_kind
from netadapt.outside import outside_json
from netadapt.remarks import remark
from netadapt.shipped import find_shipped
from netadapt.users_code import users_code

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
TRAJECTORY_NAME = "trajectory.csv"
FINAL_NAME = "final"

UNSUSPICIOUS_WIDTH = 2048
"""Of the widest layers of known CNNs: a network of such takes no more memory than there is."""

MOST_IN_HALF = 65504
"""The largest number of float16."""


def save_model(
    model_dir: Path | str,
    model: nn.Module,
    config: ModelConfig | Mapping[str, Any] | LayerGraph,
    *,
    half_precision: bool = False,
) -> ModelConfig:
    """Write `model` as a model folder; return the config as written.

    `config` may be the graph of the network, at the widths that `model` has: it is then built again
    by its class, which must take no arguments; that is tried, and ModelError raised where it gives
    another network. Where the config can read widths off the model, a
    cut network may be saved with the config of the network it was cut from.

    In half precision, convolution and linear weights are stored as float16 and all else stays
    float32: running variances can exceed float16's range. config.json is written last: a folder
    that has one is complete. Raises OutputError.
    """
    if isinstance(config, LayerGraph):
        config = _config_of_class(model, config)
    else:
        config = describe(model, as_config(config))
    folder = Path(model_dir)
    tensors = {}
    for key, value in state_of(model).items():
        tensor = value.detach().cpu()
        if half_precision and tensor.is_floating_point() and tensor.dim() > 1:
            tensor = tensor.half()
        # A copy of its own: safetensors refuses tensors that share memory.
        tensors[key] = tensor.clone(memory_format=torch.contiguous_format)
    with atomic_path(folder / WEIGHTS_NAME) as temporary:
        # Written by us, so that a full disk is the OSError it is.
        temporary.write_bytes(save(tensors, metadata={"format": "pt"}))
    write_text(folder / CONFIG_NAME, json.dumps(config.to_json(), indent=2) + "\n")
    return config


def _config_of_class(model: nn.Module, graph: LayerGraph) -> ModelConfig:
    """How the network's class builds it again at the widths of `graph`, once that was tried."""
    config = describe(model, factory_config(model, graph.input_shapes), graph)
    try:
        built = {key: value.shape for key, value in state_of(build(config)).items()}
    except ModelError as error:
        raise ModelError(
            f"{config.name} can't be built again by its class and this graph ({error}); give a "
            f"config instead: {{'factory': 'package.module:function', …}}"
        ) from error
    if built != {key: value.shape for key, value in state_of(model).items()}:
        raise ModelError(
            f"{config.name} has other weights than its class builds at the widths of this graph; "
            f"give the graph of this very network: netadapt.trace(model, example_input)"
        )
    return config


def refuse_existing(model_dir: Path | str) -> None:
    """Raise WeightsError when `model_dir` holds a model already."""
    folder = Path(model_dir)
    if folder.is_file() or any((folder / name).exists() for name in (CONFIG_NAME, WEIGHTS_NAME)):
        raise WeightsError(
            f"{folder} exists already and would be overwritten: choose another --out, or delete it"
        )


def load_model(
    path: Path | str, *, factory: str | None = None, trust_factory: bool = False
) -> nn.Module:
    """The network at `path` with its weights in float32, in evaluation mode.

    `path` is a model folder, a run's folder (its `final/`, or the iteration its trajectory ends
    with), or the name of a shipped model. A folder may name a function of whoever made it, which
    is run with `trust_factory`, or where this process has named it already; `factory`,
    'package.module:function', is run in its place. Raises WeightsError when there is no model or
    the weights don't fit, ModelError when the config can't be built or its function isn't trusted.
    """
    folder = find_model(path)
    config = read_config(folder)
    if factory is not None:
        if not isinstance(config, FactoryConfig):
            raise ModelError(
                f"{folder} says what its network is, {config.name}; leave out factory={factory!r}"
            )
        config = config.made_by(factory)
    with trusting_folders(trust_factory):
        model = built_for_use(config) if factory is not None else _built(config, folder)
    load_weights(model, folder / WEIGHTS_NAME)
    return model


def _built(config: ModelConfig, folder: Path) -> nn.Module:
    """The network of `config`, unless the weights beside it are far too few for it: a config.json
    of a hundred bytes may describe a network that takes all of the memory.

    A function's network is as large as its program makes it. Raises ModelError.
    """
    widest = max(config.widths.values(), default=0)
    if isinstance(config, FactoryConfig) or widest <= UNSUSPICIOUS_WIDTH:
        return built_for_use(config)
    try:
        stored = (folder / WEIGHTS_NAME).stat().st_size
    except OSError:
        return built_for_use(config)  # what is missing is told when it is loaded
    try:
        with torch.device("meta"):
            described = sum(weight.numel() for weight in build(config).parameters())
    except ModelError:  # it can't be built so; or not at all, which is told in earnest
        return built_for_use(config)
    if described > stored:  # a number takes two bytes at least
        raise ModelError(
            f"{folder / CONFIG_NAME} describes a network of {described:,} parameters, and "
            f"{WEIGHTS_NAME} beside it has {stored:,} bytes: they don't belong together"
        )
    return built_for_use(config)


def read_config(path: Path | str) -> ModelConfig:
    """The config of the model at `path`, which may be whatever `load_model` takes."""
    file = find_model(path) / CONFIG_NAME
    config = config_from_json(outside_json(file, ModelError), str(file))
    if not isinstance(config, FactoryConfig):
        return config
    name_functions_of_run(file.parent)
    return replace(config, asked_by=str(file))


def load_weights(model: nn.Module, file: Path) -> None:
    """Load a safetensors file into `model`. Raises WeightsError naming what doesn't fit."""
    fit_weights(model, read_tensors(file), str(file))


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, floating point ones as float32."""
    try:
        tensors = load_file(file)
    except FileNotFoundError as error:
        raise WeightsError(f"there is no {file}: the model folder is incomplete") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"cannot read {file}: {in_words(error)}; the file is damaged or cut short, "
            f"copy or train it again"
        ) from error
    return in_float32(tensors)


def in_float32(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The floating point ones of `tensors` as float32, the others as they are."""
    return {
        key: tensor.float() if tensor.is_floating_point() else tensor
        for key, tensor in tensors.items()
    }


def fit_weights(model: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Load `tensors` into `model`, all or nothing.

    A prefix that a wrapper put before every name is taken off, or put before it, and remarked.
    Raises WeightsError naming missing and unexpected keys and wrong shapes (the first few and
    how many), with `where` they come from.
    """
    own = state_of(model)
    tensors, done = fitted_to([key for key in own if not _is_counter(key)], tensors, where)
    # Checkpoints from before torch 0.4.1 don't count batches; the count changes nothing here.
    missing = [key for key in own if key not in tensors and not _is_counter(key)]
    unexpected = [key for key in tensors if key not in own]
    wrong = [
        f"{key} ({_shape_text(tensors[key].shape)}, expected {_shape_text(own[key].shape)})"
        for key in own
        if key in tensors and tensors[key].shape != own[key].shape
    ]
    faults = [
        _first_few(what, keys)
        for what, keys in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", wrong),
        )
        if keys
    ]
    if faults:
        raise WeightsError(
            f"the weights in {where} don't fit the network: {'; '.join(faults)}; check that they "
            f"belong to this network and these widths"
        )
    tensors = {k: _counted(v) if _is_counter(k) else v for k, v in tensors.items()}
    broken = [key for key, value in tensors.items() if not _is_finite(value)]
    if broken:
        raise WeightsError(
            f"the weights in {where} are not all finite: {_first_few('NaN or infinite', broken)}; "
            f"if it was saved in half precision, which ends at {MOST_IN_HALF}, save it in float32"
        )
    if done:
        remark(done)
    with users_code(f"loading the weights in {where} into {type(model).__name__}", WeightsError):
        model.load_state_dict(dict(tensors), strict=False)


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """What is kept of a network, by its keys: its `state_dict`, which a class may have rewritten.

    Raises ModelError where that fails or holds anything but tensors.
    """
    with users_code(f"the state_dict of {type(model).__name__}", ModelError):
        state = dict(model.state_dict())
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise ModelError(
                f"the state_dict of {type(model).__name__} holds {key}, a {type(value).__name__}, "
                f"which no model file keeps; keep it as an attribute that the class sets"
            )
    return state


def find_model(path: Path | str) -> Path:
    """The model folder that `path` means. Raises WeightsError saying what was looked for."""
    place = Path(path)
    try:
        place.stat()
    except FileNotFoundError:
        pass  # a shipped model's name, perhaps
    except OSError as error:
        raise WeightsError(f"cannot read {place}: {error.strerror}") from error
    if place.is_file():
        if place.name == WEIGHTS_NAME and (place.parent / CONFIG_NAME).is_file():
            return place.parent
        weights_kind(place)  # of a kind that can't be imported: says what to do instead
        raise WeightsError(
            f"{place} is a file, expected a model folder with {CONFIG_NAME} and {WEIGHTS_NAME}; "
            f"run: netadapt models import {place} --out models/NAME (of a network of your own with "
            f"--model package.module:function)"
        )
    if place.is_dir():
        if (place / CONFIG_NAME).is_file():
            return place
        if (place / FINAL_NAME / CONFIG_NAME).is_file():
            return place / FINAL_NAME
        if (place / TRAJECTORY_NAME).is_file():
            return _last_iteration(place)
        raise WeightsError(
            f"{place} holds no model: expected {CONFIG_NAME} and {WEIGHTS_NAME}, or a run's "
            f"{TRAJECTORY_NAME}"
        )
    if place.name == str(path):
        for models in find_shipped("models"):
            if (models / place.name / CONFIG_NAME).is_file():
                return models / place.name
    shipped = ", ".join(shipped_models()) or "none"
    raise WeightsError(f"there is no model at {path} (shipped models: {shipped})")


def shipped_models() -> list[str]:
    """Names of the models that `load_model` finds by name."""
    return sorted(
        {file.parent.name for root in find_shipped("models") for file in root.glob("*/config.json")}
    )


def _last_iteration(run: Path) -> Path:
    """The folder of the last iteration in the run's trajectory whose model is complete."""
    for row in reversed(CsvJournal.read(run / TRAJECTORY_NAME, WeightsError)):
        iteration = row.get("iteration") or ""
        names = [row.get("checkpoint") or ""]
        if re.fullmatch(r"\d{1,9}", iteration):
            names.append(f"iter_{int(iteration):03d}")
        for name in names:
            inside = bool(name) and Path(name).name == name  # no other folder of this machine
            if inside and (run / name / CONFIG_NAME).is_file():
                return run / name
    raise WeightsError(
        f"{run} has no finished iteration yet: none of the checkpoints in its {TRAJECTORY_NAME} "
        f"exists; continue the run with --resume"
    )


def _is_counter(key: str) -> bool:
    return key.endswith("num_batches_tracked")


def _counted(counter: Tensor) -> Tensor:
    """A counter of batches that overflowed in half precision, at the most that this holds."""
    return counter if _is_finite(counter) else torch.full_like(counter, MOST_IN_HALF)


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _shape_text(shape: Sequence[int]) -> str:
    return "×".join(str(size) for size in shape) or "one number"


def _first_few(what: str, items: Sequence[str], count: int = 3) -> str:
    text = f"{len(items)} {what}: {', '.join(items[:count])}"
    return text if len(items) <= count else f"{text}, …"
