"""What the importances that look at more than a norm of weights come to."""

from __future__ import annotations

import pytest
import tiny
import torch
from torch import nn

from netadapt.errors import InputError
from netadapt.graph import trace
from netadapt.pruning.importance.base import require_scores
from netadapt.pruning.importance.norm_scale import norm_scale
from netadapt.pruning.importance.registry import IMPORTANCES
from netadapt.pruning.importance.taylor import Taylor
from netadapt.pruning.limits import limited
from netadapt.training.modes import evaluation_mode

GRAPH = trace(tiny.network(), tiny.EXAMPLE)


def stirred(model: nn.Module) -> nn.Module:
    """With biases and gains that count."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.rand_like(parameter))
    return model


def test_taylor_is_what_a_unit_gives_times_its_gradient_of_each_image():
    model, task = stirred(tiny.network()), tiny.task()
    scores = Taylor(images=32, batch_size=16)(model, GRAPH, task, seed=3)
    expected = torch.zeros(24, dtype=torch.float64)
    batches = task.training_batches(16, 3)
    with evaluation_mode(model):
        for _ in range(2):
            images, labels = next(batches)
            inner = model.inner(model.first(images).relu())
            inner.retain_grad()
            features = model.first(images).relu() + model.outer(inner.relu())
            task.loss(model.head(features.mean((2, 3))), labels).backward()
            expected += (inner * inner.grad).sum((2, 3)).detach().double().square().sum(0)
    torch.testing.assert_close(scores["inner"], expected, rtol=1e-4, atol=1e-12)


class Residual(nn.Module):
    """A residual block, which adds its shortcut in place as torchvision's do, or not."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place
        self.first = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Hardswish(in_place))
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.first(image)
        y = self.second(x)
        if self.in_place:
            y += x
        else:
            y = y + x
        return self.head(y.relu().mean((2, 3)))


def test_taylor_reads_what_a_unit_gave_before_others_changed_it_in_place():
    scores = []
    for in_place in (False, True):
        torch.manual_seed(0)
        model = Residual(in_place).eval()
        graph = trace(model, tiny.EXAMPLE)
        scores.append(Taylor(images=8)(model, graph, tiny.task(), seed=0))
    assert scores[0].keys() == scores[1].keys()
    for name, expected in scores[0].items():
        torch.testing.assert_close(scores[1][name], expected)


class Functional(nn.Module):
    """A network whose layers aren't modules."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.rand(8, 3, 3, 3) - 0.5)
        self.matrix = nn.Parameter(torch.rand(3, 8) - 0.5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = nn.functional.conv2d(image, self.kernel).relu().mean((2, 3))
        return nn.functional.linear(features, self.matrix)


def test_without_modules_taylor_reads_the_weights():
    model, task = Functional(), tiny.task()
    graph = trace(model, tiny.EXAMPLE)
    (group,) = (group for group in graph.groups if not group.frozen)
    scores = Taylor(images=16, batch_size=16)(model, graph, task, seed=3)
    images, labels = next(task.training_batches(16, 3))
    task.loss(model(images), labels).backward()
    expected = (model.kernel * model.kernel.grad).flatten(1).sum(1).detach().double().square()
    torch.testing.assert_close(scores[group.name], expected, rtol=1e-4, atol=1e-12)


def test_taylor_sees_every_free_group_of_other_kinds_of_networks():
    """Transposed and grouped convolutions, linear layers of tokens, a norm that is called twice."""
    twice = nn.BatchNorm2d(8)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), twice, nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), twice, nn.ConvTranspose2d(8, 16, 2, 2),
        nn.Flatten(2), nn.Linear(256, 12), nn.GELU(), nn.Linear(12, 4),
        nn.AdaptiveAvgPool2d((1, 3)), nn.Flatten(),
    ).eval()  # fmt: skip
    graph = trace(model, tiny.EXAMPLE)
    task = tiny.task()
    scores = Taylor(images=8)(stirred(model), graph, task, seed=0)
    free = [group for group in graph.groups if not group.frozen]
    assert free
    for group in free:
        assert (scores[group.name] > 0).any(), group.name


def test_taylor_leaves_the_network_as_it_was():
    model = tiny.network().train()
    model.first[1].eval()
    model.outer.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    scores = Taylor(images=8)(model, GRAPH, tiny.task(), seed=0)
    assert scores["first"].min() >= 0 < scores["first"].max()
    assert [model.training, model.first[1].training] == [True, False]
    assert [model.outer.weight.requires_grad, model.first[0].weight.requires_grad] == [False, True]
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


class Tokens(nn.Module):
    """Takes whole numbers, which have no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.head = nn.Linear(1, 16), nn.Linear(16, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        wide = self.wide(tokens.float().unsqueeze(-1))
        return self.head(nn.functional.gelu(wide).mul_(2).mean(1))


class TokenTask:
    """What comes after four tokens; as much of the protocol as an importance asks for."""

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(output, target)

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0):
        generator = torch.Generator().manual_seed(seed)
        while True:
            tokens = torch.randint(5, (batch_size, 4), generator=generator)
            yield tokens, tokens.sum(1) % 3


def test_taylor_takes_inputs_that_have_no_gradient():
    model, task = stirred(Tokens().eval()), TokenTask()
    graph = trace(model, torch.zeros(1, 4, dtype=torch.long))
    (group,) = (group for group in graph.groups if not group.frozen)
    scores = Taylor(images=8)(model, graph, task, seed=3)[group.name]
    tokens, labels = next(task.training_batches(8, 3))
    wide = model.wide(tokens.float().unsqueeze(-1))
    wide.retain_grad()
    task.loss(model.head(nn.functional.gelu(wide).mul(2).mean(1)), labels).backward()
    expected = (wide * wide.grad).sum(1).detach().double().square().sum(0)
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-12)


def test_taylor_takes_no_gradient_of_weights(monkeypatch):
    model = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 5, padding=2, groups=8), nn.Conv2d(8, 3, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    ).eval()  # fmt: skip
    graph = trace(model, tiny.EXAMPLE)
    before = Taylor(images=8)(model, graph, tiny.task(), seed=0)
    unwanted = "netadapt.training.convolutions._depthwise_weight_gradient"
    monkeypatch.setattr(unwanted, lambda *given: pytest.fail("nobody asked for it"))
    after = Taylor(images=8)(model, graph, tiny.task(), seed=0)
    assert {name: scores.tolist() for name, scores in after.items()} == {
        name: scores.tolist() for name, scores in before.items()
    }


def test_bn_scale_is_the_gain_of_the_norms():
    model = tiny.network()
    with torch.no_grad():
        model.inner[1].weight.copy_(torch.linspace(-1, 1, 24))
    scores = IMPORTANCES["bn-scale"](model, GRAPH, tiny.task(), 0)
    torch.testing.assert_close(scores["inner"], torch.linspace(-1, 1, 24).abs().double())


def test_bn_scale_knows_instance_norms_and_norms_over_whole_images():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.InstanceNorm2d(8, affine=True), nn.ReLU(),
        nn.Conv2d(8, 4, 3, padding=1),
    ).eval()  # fmt: skip
    model[1].weight.data = torch.linspace(-1, 1, 8)
    scores = norm_scale(model, trace(model, tiny.EXAMPLE), tiny.task(), 0)
    torch.testing.assert_close(scores["0"], torch.linspace(-1, 1, 8).abs().double())
    model[1] = nn.LayerNorm([8, 8, 8])
    graph = trace(model.eval(), tiny.EXAMPLE)
    assert (norm_scale(model, graph, tiny.task(), 0)["0"] == 64).all()


def test_complex_scores_are_refused():
    scores = {group.name: torch.ones(group.width) * 1j for group in GRAPH.groups}
    with pytest.raises(InputError, match="gave group first complex scores"):
        require_scores(scores, GRAPH, "it")


def test_bn_scale_names_a_group_that_has_no_norm():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3)).eval()
    with pytest.raises(InputError, match="group 0 has no norm with gains"):
        norm_scale(model, trace(model, torch.zeros(1, 3, 8, 8)), tiny.task(), 0)


@pytest.mark.parametrize("name", ["l2", "l1", "taylor", "bn-scale"])
def test_where_nothing_can_be_cut_there_is_nothing_to_score(name):
    frozen = limited(GRAPH, ("*",), {})
    assert not IMPORTANCES[name](tiny.network(), frozen, tiny.task(), 0)
