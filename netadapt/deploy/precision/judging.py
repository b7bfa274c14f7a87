"""What a precision costs the task, and the few layers that are left in float32 for it.

Float's metrics are torch's on the task's holdout; a sample of the images seen there calibrates the
converted model. If its first metric falls too far, each layer is converted alone: the one that
takes the outputs farthest from float's hurts most. Of these 1, 2, 4, … are left out, in float32,
until the metric is near enough. So a wide range between two layers is found at both. Source: Wu et
al., Integer Quantization for Deep Learning Inference (arXiv 2004.09602), partial quantization.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netadapt.deploy.comparison import Compared, apart
from netadapt.deploy.onnx_file import OnnxModel
from netadapt.deploy.precision.base import Convert, Feed, Precision
from netadapt.deploy.precision.holdout_inputs import Example, seen_by
from netadapt.deploy.precision.layer_nodes import layer_nodes, node_names
from netadapt.deploy.precision.onnx_module import OnnxModule
from netadapt.errors import ModelError
from netadapt.networks.network_outputs import named_outputs
from netadapt.training.task import Task, evaluated, of_task

CALIBRATION_IMAGES = 32
COMPARED_IMAGES = 4
"""Of them: what the layers are ranked by, and the differences told."""

MAX_LOSS = 0.01
"""How far the task's first metric may fall below float32's, where the user says nothing: of a share
such as delta1 or accuracy a hundredth."""

MOST_LEFT = 4
"""One layer of so many may be left in float32; with more it is no network of fewer bits."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """A model in a precision, and what it is worth beside the network in torch.

    `left` are the layers in float32, of `layers`. `compared` is of outputs on real inputs. Metrics
    are those of the task on its holdout.
    """

    content: bytes
    left: tuple[str, ...]
    layers: int
    before: dict[str, float]
    after: dict[str, float]
    compared: Compared
    images: int


def judged(
    precision: Precision, made: OnnxModel, task: Task, max_loss: float, path: str, say: Say
) -> Judged:
    """`made` in a precision, as few layers in float32 as the task's first metric allows.

    Raises ModelError where that falls by more than `max_loss` with a quarter of the layers left.
    """
    with seen_by(made.network, CALIBRATION_IMAGES) as examples:
        before = evaluated(made.network, task)
    if not examples:
        raise ModelError(
            f"{of_task(task, 'evaluate')} didn't call the network that it was given, so that there "
            f"are no images to calibrate with"
        )
    layers = layer_nodes(made.content)
    feeds = [_feed(made, example) for example in examples]
    metric = task.metrics[0]
    with precision.converting(made.content, feeds, path) as convert:
        found: dict[tuple[str, ...], float] = {}
        for left in _tried(convert, layers, made, examples[:COMPARED_IMAGES], path, say):
            content = convert([node for layer in left for node in layers[layer]])
            module = OnnxModule(content, made.network, path)
            after = evaluated(module, task)
            found[left] = before[metric] - after[metric]
            say(
                f"{metric} is {after[metric]:.4g}, {before[metric]:.4g} in float32, with "
                f"{len(left)} of {len(layers)} layers in float32"
            )
            if found[left] <= max_loss:
                compared = _differences(made, module, examples[:COMPARED_IMAGES])
                return Judged(content, left, len(layers), before, after, compared, len(examples))
    left, loss = min(found.items(), key=lambda item: item[1])
    raise ModelError(
        f"{path} loses {loss:.3g} of {metric} in this precision even with {len(left)} of "
        f"{len(layers)} layers left in float32, and {max_loss:.3g} is allowed; allow more with "
        f"--max-loss, or take a precision of more bits"
    )


def _tried(
    convert: Convert,
    layers: dict[str, tuple[str, ...]],
    made: OnnxModel,
    examples: Sequence[Example],
    path: str,
    say: Say,
) -> Iterator[tuple[str, ...]]:
    """Layers to leave in float32: none, then the 1, 2, 4, … that hurt most."""
    yield ()
    most = len(layers) // MOST_LEFT
    if not most:
        return
    say(f"converting each of {len(layers)} layers alone, to find those that hurt")
    in_float = [_torch_outputs(made, example) for example in examples]

    every = node_names(made.content)

    def error(layer: str) -> float:
        others = [node for node in every if node not in layers[layer]]
        module = OnnxModule(convert(others), made.network, path)
        return sum(
            _squared(ours, theirs)
            for example, expected in zip(examples, in_float, strict=True)
            for ours, theirs in zip(expected, module.run(example), strict=True)
        )

    ranked = sorted(layers, key=error, reverse=True)
    count = 1
    while count < most:
        yield tuple(ranked[:count])
        count *= 2
    yield tuple(ranked[:most])


def _feed(made: OnnxModel, example: Example) -> Feed:
    return {name: x.numpy() for name, x in zip(made.inputs, example, strict=True)}


def _squared(ours: Tensor, theirs: Tensor) -> float:
    """The mean squared difference, as a share of what `ours` have."""
    one, other = ours.double().nan_to_num(), theirs.double().nan_to_num()
    return float((one - other).square().mean() / one.square().mean().clamp_min(1e-12))


def _differences(made: OnnxModel, module: OnnxModule, examples: Sequence[Example]) -> Compared:
    """The largest difference on real inputs, of several outputs that of the worst for its size."""
    pairs: list[Compared] = []
    for example in examples:
        expected = _torch_outputs(made, example)
        pairs += [apart(*pair) for pair in zip(expected, module.run(example), strict=True)]
    return max(pairs, key=lambda pair: pair.difference / max(pair.largest, 1e-12))


@torch.inference_mode()
def _torch_outputs(made: OnnxModel, example: Example) -> list[Tensor]:
    return [tensor for _, tensor in named_outputs(made.network(*example))]
