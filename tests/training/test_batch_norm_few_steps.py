"""Batch norm's statistics after a handful of steps."""

import pytest
import torch
from torch import nn

from netadapt.training.batch_norm_few_steps import agreed_share, statistics_of_few_steps


def network():
    return nn.Sequential(nn.Conv2d(32, 32, 1), nn.BatchNorm2d(32))


def settled(model, shift=0.0):
    """`model` with the statistics of 200 batches; then `shift` is added to what its norm reads."""
    torch.manual_seed(0)
    norm = model[1]
    norm.momentum = None  # the average of all batches
    model.train()
    with torch.no_grad():
        for _ in range(200):
            model(torch.randn(16, 32, 2, 2))
        model[0].bias += shift
    norm.momentum = 0.1
    return norm.running_mean.clone(), norm.running_var.clone()


def run(model, steps, seed=1):
    torch.manual_seed(seed)
    with statistics_of_few_steps(model, steps), torch.no_grad():
        for _ in range(steps):
            model(torch.randn(16, 32, 2, 2))


def distance(norm, mean, variance):
    return float(((norm.running_mean - mean).square() / variance).mean().sqrt())


@pytest.mark.slow
def test_where_nothing_has_shifted_the_old_statistics_are_nearly_kept():
    model = network()
    mean, variance = settled(model)
    kept, taken = [], []
    for seed in range(20):
        settled(model)
        run(model, 3, seed)
        kept.append(distance(model[1], mean, variance))
        taken.append(distance(batches_alone(model, 3, seed), mean, variance))
    assert sum(kept) < 0.6 * sum(taken)


def batches_alone(model, steps, seed):
    """A norm with the statistics of the batches that `run` takes, and nothing older."""
    norm = nn.BatchNorm2d(32, momentum=None)
    run(nn.Sequential(model[0], norm), steps, seed)
    return norm


@pytest.mark.parametrize("steps", [2, 3, 8])
def test_a_shift_that_the_batches_agree_on_is_followed(steps):
    model = network()
    mean, variance = settled(model, shift=2.0)
    run(model, steps)
    assert distance(model[1], mean + 2, variance) < 0.25
    assert distance(model[1], mean, variance) > 0.7 * 2 / float(variance.mean().sqrt())


def test_one_batch_is_followed_half_way():
    model = network()
    settled(model)
    model[1].running_mean.fill_(0.0)
    model[0].weight.data.zero_()
    model[0].bias.data.fill_(3.0)
    run(model, 1)
    torch.testing.assert_close(model[1].running_mean, torch.full((32,), 1.5))


def test_a_norm_that_follows_in_so_many_steps_keeps_to_its_momentum():
    one, other = network(), network()
    other.load_state_dict(one.state_dict())
    run(one, 40)
    torch.manual_seed(1)
    with torch.no_grad():
        for _ in range(40):
            other(torch.randn(16, 32, 2, 2))
    assert torch.equal(one[1].running_mean, other[1].running_mean)


def test_a_norm_is_given_back_as_it_was_after_an_error_too():
    model = network()
    with pytest.raises(RuntimeError), statistics_of_few_steps(model, 3):
        model(torch.randn(4, 5, 2, 2))  # it reads 32 channels
    assert model[1].momentum == 0.1
    assert not model[1]._forward_hooks


def test_norms_without_running_statistics_or_with_an_average_of_all_are_left_alone():
    plain = nn.Sequential(nn.Conv2d(32, 32, 1), nn.BatchNorm2d(32, track_running_stats=False))
    run(plain, 3)
    average = nn.Sequential(nn.Conv2d(32, 32, 1), nn.BatchNorm2d(32, momentum=None))
    run(average, 3)
    assert average[1].num_batches_tracked == 3


def test_the_share_is_none_where_all_is_chance_and_whole_where_nothing_is():
    old, variance = torch.zeros(4), torch.ones(4)
    assert agreed_share(torch.tensor([[1.0] * 4, [-1.0] * 4]), old, variance) == 0
    assert agreed_share(torch.ones(3, 4), old, variance) == 1
    assert agreed_share(torch.zeros(3, 4), old, variance) == 0
