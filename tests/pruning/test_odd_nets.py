"""Several inputs, outputs of every form, heads of training: from the command line to ONNX."""

from __future__ import annotations

import json
from pathlib import Path

import onnxruntime
import pytest
import torch

import netadapt
from netadapt.errors import BudgetError, InputError, ModelError
from netadapt.training.settings import FineTuning
from tests.pruning import odd_nets

SHORT = FineTuning(steps=2, batch_size=8, learning_rate=0.01)


@pytest.fixture(autouse=True)
def _beside_the_networks(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def prune(network: str, task: str, budget: float, out: Path) -> tuple[object, ...]:
    words = ("prune", "--model", f"odd_nets:{network}", "--task", f"odd_nets:{task}", "--out", out)
    options = ("--device", "macs", "--budget-ms", budget, "--finetune-steps", 2)
    return (*words, *options, "--first-reduction", 0.2, "--decay", 1, "--quiet")


@pytest.mark.parametrize(
    ("network", "task", "inputs", "outputs"),
    [
        ("Plain", "task", ["input"], ["output"]),
        ("Flat", "task", ["input"], ["output"]),
        ("DictOutput", "task", ["input"], ["hidden", "logits"]),
        ("DataclassOutput", "task", ["input"], ["logits"]),
        ("TupleOutput", "task", ["input"], ["output_0", "output_1.0"]),
        ("AuxiliaryHead", "task", ["input"], ["output"]),
        ("CountsInTraining", "task", ["input"], ["output"]),
        ("Sixteens", "task", ["input"], ["output"]),
        ("half", "task", ["input"], ["output"]),
        ("TwoInputs", "task_of_pairs", ["image", "depth"], ["output"]),
        ("TwoInputs", "task_of_dicts", ["image", "depth"], ["output"]),
    ],
)
def test_a_run_to_a_budget_then_an_onnx_file(command, tmp_path, network, task, inputs, outputs):
    run, file = tmp_path / "run", tmp_path / "net.onnx"
    code, _, err = command(*prune(network, task, 500_000, run))
    assert code == 0, err
    pruned = netadapt.load_model(run)
    shapes = [odd_nets.SHAPE] * len(inputs)
    assert netadapt.trace(pruned, tuple(map(torch.zeros, shapes))).macs <= 500_000
    code, out, err = command("export", run, "--out", file, "--json")
    assert code == 0, err
    assert json.loads(out)["outputs"] == outputs
    session = onnxruntime.InferenceSession(file)
    assert [node.name for node in session.get_inputs()] == inputs
    assert [node.name for node in session.get_outputs()] == outputs


def test_what_training_reads_alone_is_cut_with_the_rest() -> None:
    network = odd_nets.AuxiliaryHead()
    graph = netadapt.trace(network, torch.zeros(odd_nets.SHAPE))
    cut = netadapt.cut(network, graph, {"first": range(8)}).train()
    scores, auxiliary = cut(torch.rand(2, *odd_nets.SHAPE[1:]))
    assert (scores.shape, auxiliary.shape) == ((2, 3), (2, 3))
    assert cut.auxiliary.weight.equal(network.auxiliary.weight[:, :8])
    assert not network.first[1].num_batches_tracked  # it was followed in training, and unchanged


def test_a_width_that_training_counts_on_is_kept(tmp_path) -> None:
    options = {"task": odd_nets.task(), "budget": {"macs": 500_000}, "short_term": SHORT}
    example = torch.zeros(odd_nets.SHAPE)
    with netadapt.search(odd_nets.CountsInTraining(), example, **options) as search:
        assert {proposal.groups for proposal in search.propose()} == {("second",)}
        (first,) = (group for group in search.step.graph.groups if group.name == "first")
    assert "the network's code counts on all of them in training: " in first.reason
    assert "in forward: AssertionError: 32 in training" in first.reason


@pytest.mark.parametrize(
    ("network", "task", "said"),
    [
        ("Leaves", "task", "in forward: SystemExit: enough; mend it"),
        ("Plain", "task_of_pairs", "TypeError: Plain.forward() takes 2 positional arguments but"),
        ("TwoInputs", "task", "missing 1 required positional argument: 'depth'"),
        ("nothing", "task", "has no function 'nothing'"),
    ],
)
def test_what_cannot_work_is_one_line_before_anything_is_written(
    command, tmp_path, network, task, said
):
    code, out, err = command(*prune(network, task, 500_000, tmp_path / "run"))
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_a_network_of_which_nothing_can_be_cut_says_why() -> None:
    options = {"task": odd_nets.task(), "budget": {"macs": 500_000}, "short_term": SHORT}
    with pytest.raises(BudgetError, match=r"no channel group .* draws random numbers"):
        netadapt.search(odd_nets.Noisy(), torch.zeros(odd_nets.SHAPE), **options)


def test_an_operator_that_onnx_lacks_is_named_with_its_line(command, tmp_path) -> None:
    run = tmp_path / "run"
    assert command(*prune("Inverts", "task", 500_000, run))[0] == 0
    code, _, err = command("export", run, "--out", tmp_path / "net.onnx", "--quiet")
    assert code == 2
    assert "odd_nets.py" in err
    assert "in forward: ONNX has no operator for linalg_inv_ex" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "net.onnx").exists()


def test_a_search_in_python_takes_inputs_by_name(tmp_path) -> None:
    x = torch.zeros(odd_nets.SHAPE)
    result = netadapt.prune(
        odd_nets.TwoInputs(),
        {"depth": x, "image": x},
        task=odd_nets.task_of_dicts(),
        budget={"macs": 500_000},
        short_term=SHORT,
        first_reduction=0.4,
        out=tmp_path / "run",
    )
    image, depth = torch.rand(2, 4, *odd_nets.SHAPE[1:])
    again = netadapt.load_model(tmp_path / "run")
    assert again(image, depth).equal(result.model.eval()(image=image, depth=depth))
    with pytest.raises(ModelError, match="takes image before depth"):
        netadapt.search(
            odd_nets.TwoInputs(), {"depth": x}, task=odd_nets.task(), budget={"macs": 1e5}
        )


def test_a_batch_of_something_else_is_named() -> None:
    broken = odd_nets.task_of_dicts()
    broken.training_batches = lambda *given: iter([("pictures", 0)])
    with pytest.raises(InputError, match="training_batches of the task TaskOfDicts gave inputs of"):
        netadapt.fine_tune(odd_nets.Plain(), broken, SHORT, seed=0)
