"""Regions of a network's code that run under a setting, put back among the calls around them.

An export keeps what lies in `with torch.autocast(…)`, in a gradient switch or in a checkpoint as a
graph of its own, called by one operator. Channels and costs are the same inside as outside.
"""

from __future__ import annotations

from torch import fx

REGIONS = frozenset(
    ("wrap_with_autocast", "wrap_with_set_grad_enabled", "tag_activation_checkpoint", "wrap")
)
"""Operators that call one graph with what stands behind it. Others (a branch, a loop) decide
something, and stay what they are: operators without a rule."""


def inline_regions(module: fx.GraphModule) -> None:
    """Replace every call of a region by its calls, those of regions within it too."""
    while regions := [node for node in module.graph.nodes if _is_region(module, node)]:
        for node in regions:
            _inline(module, node)


def _is_region(module: fx.GraphModule, node: fx.Node) -> bool:
    return (
        node.op == "call_function"
        and getattr(node.target, "__name__", "") in REGIONS
        and _place(module, node) is not None
    )


def _place(module: fx.GraphModule, node: fx.Node) -> int | None:
    """Where among the node's arguments the region's graph stands."""
    for place, argument in enumerate(node.args):
        if isinstance(argument, fx.Node) and argument.op == "get_attr":
            return place if isinstance(_graph(module, argument), fx.GraphModule) else None
    return None


def _graph(module: fx.GraphModule, node: fx.Node) -> object:
    found: object = module
    for part in str(node.target).split("."):
        found = getattr(found, part, None)
    return found


def _inline(module: fx.GraphModule, node: fx.Node) -> None:
    place = _place(module, node)
    assert place is not None
    named = node.args[place]
    assert isinstance(named, fx.Node)
    inner = _graph(module, named)
    assert isinstance(inner, fx.GraphModule)
    module.add_submodule(f"_inlined_{named.name}", inner)
    operands = iter(node.args[place + 1 :])
    known: dict[fx.Node, fx.Node] = {}
    outputs: tuple[fx.Node, ...] = ()
    with module.graph.inserting_before(node):
        for step in inner.graph.nodes:
            if step.op == "placeholder":
                known[step] = next(operands)  # type: ignore[assignment]
            elif step.op == "output":
                outputs = tuple(known[given] for given in step.args[0])
            else:
                known[step] = module.graph.node_copy(step, known.__getitem__)
                if step.op == "get_attr":
                    known[step].target = f"_inlined_{named.name}.{step.target}"
    for user in list(node.users):  # each takes one of the region's results
        user.replace_all_uses_with(outputs[user.args[1]])  # type: ignore[index]
        module.graph.erase_node(user)
    module.graph.erase_node(node)
    if not named.users:
        module.graph.erase_node(named)
