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
    feeds = [_feed(made, example) for example in examples]
    metric = task.metrics[0]
    with precision.converting(made.content, feeds, path) as convert:
        trials = _Trials(convert, made, layer_nodes(made.content), examples[:COMPARED_IMAGES], path)
        losses: dict[tuple[str, ...], float] = {}
        for left in trials.in_turn(say):
            content, module = trials.leaving(left)
            after = evaluated(module, task)
            losses[left] = before[metric] - after[metric]
            say(
                f"{metric} is {after[metric]:.4g}, {before[metric]:.4g} in float32, with "
                f"{len(left)} of {len(trials.layers)} layers in float32"
            )
            if losses[left] <= max_loss:
                compared = trials.differences(module)
                count = len(trials.layers)
                return Judged(content, left, count, before, after, compared, len(examples))
    left, loss = min(losses.items(), key=lambda item: item[1])
    raise ModelError(
        f"{path} loses {loss:.3g} of {metric} in this precision even with {len(left)} of "
        f"{len(trials.layers)} layers left in float32, and {max_loss:.3g} is allowed; allow more "
        f"with --max-loss, or take a precision of more bits"
    )


@dataclass(frozen=True)
class _Trials:
    """The model converted with some of its layers left in float32, on a few real inputs."""

    convert: Convert
    made: OnnxModel
    layers: dict[str, tuple[str, ...]]
    examples: Sequence[Example]
    path: str

    def leaving(self, left: tuple[str, ...]) -> tuple[bytes, OnnxModule]:
        """The model in which these layers are in float32."""
        return self._converted([node for layer in left for node in self.layers[layer]])

    def in_turn(self, say: Say) -> Iterator[tuple[str, ...]]:
        """Layers to leave in float32: none, then the 1, 2, 4, … that hurt most."""
        yield ()
        most = len(self.layers) // MOST_LEFT
        if not most:
            return
        say(f"converting each of {len(self.layers)} layers alone, to find those that hurt")
        ranked = self._worst_first()
        count = 1
        while count < most:
            yield tuple(ranked[:count])
            count *= 2
        yield tuple(ranked[:most])

    def differences(self, module: OnnxModule) -> Compared:
        """The largest difference from torch, of several outputs that of the worst for its size."""
        pairs = [apart(*pair) for pair in self._pairs(module)]
        return max(pairs, key=lambda pair: pair.difference / max(pair.largest, 1e-12))

    def _worst_first(self) -> list[str]:
        every = node_names(self.made.content)

        def error(layer: str) -> float:
            alone = self._converted([node for node in every if node not in self.layers[layer]])
            return sum(_squared(*pair) for pair in self._pairs(alone[1]))

        return sorted(self.layers, key=error, reverse=True)

    def _converted(self, nodes: list[str]) -> tuple[bytes, OnnxModule]:
        content = self.convert(nodes)
        return content, OnnxModule(content, self.made.network, self.path)

    def _pairs(self, module: OnnxModule) -> Iterator[tuple[Tensor, Tensor]]:
        """Each output of torch on the examples, and the module's."""
        for example in self.examples:
            with torch.inference_mode():
                expected = [tensor for _, tensor in named_outputs(self.made.network(*example))]
            yield from zip(expected, module.run(example), strict=True)


def _feed(made: OnnxModel, example: Example) -> Feed:
    return {name: x.numpy() for name, x in zip(made.inputs, example, strict=True)}


def _squared(ours: Tensor, theirs: Tensor) -> float:
    """The mean squared difference, as a share of what `ours` have."""
    one, other = ours.double().nan_to_num(), theirs.double().nan_to_num()
    return float((one - other).square().mean() / one.square().mean().clamp_min(1e-12))
