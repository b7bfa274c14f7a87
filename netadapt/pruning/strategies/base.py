"""How an iteration chooses: the protocol of strategies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from netadapt.pruning.candidates import Candidate
from netadapt.pruning.proposals import Proposal

if TYPE_CHECKING:
    from netadapt.pruning.iteration import Iteration


class Strategy(Protocol):
    """Takes a search one iteration further, in two calls.

    `propose` says what to choose from; no weight is touched. It is called again where a device
    measured a layer that it proposed, since the new row may change what it would propose.
    `choose` then decides, with the tools of the `Iteration`: `judge` has proposals cut, fine-tuned,
    evaluated and recorded. Everything must follow from the iteration, nothing from the strategy's
    own past: a run that was killed starts its iteration again. A strategy may have
    `defaults`, what goes with it where the user doesn't say otherwise: `importance`, the name of
    one, `first_reduction` and `decay`. Without, they are NetAdapt's.

    >>> class Cheapest:
    ...     name = "cheapest"
    ...     def propose(self, iteration):
    ...         return iteration.widest_cuts()
    ...     def choose(self, iteration, proposals):
    ...         cheapest = min(proposals, key=lambda proposal: proposal.cost)
    ...         (candidate,) = iteration.judge([cheapest])
    ...         return candidate
    """

    @property
    def name(self) -> str:
        """For run.json; a run is resumed by the strategy that began it."""
        ...

    def propose(self, iteration: Iteration) -> list[Proposal]:
        """The proposals of an iteration; none where no cut makes the network cheaper."""
        ...

    def choose(self, iteration: Iteration, proposals: Sequence[Proposal]) -> Candidate:
        """The candidate that is kept, of at least one proposal.

        It must make the network cheaper, and its network must have the widths that it proposes:
        the search ends, naming the strategy, at any other.
        """
        ...
