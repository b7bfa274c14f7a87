"""Several training processes under torchrun, or one: the rest of training doesn't care which."""

from __future__ import annotations

import gc
import os
import warnings
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Processes:
    """This process's place among all: `rank` from 0 of `world_size`."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process evaluates, writes and talks."""
        return self.rank == 0

    def replicate(self, model: nn.Module) -> nn.Module:
        """`model`, wrapped so that its gradients are averaged over all processes."""
        if self.world_size == 1:
            return model
        # A depthwise weight [C, 1, K, K] has two names for one layout, and torch warns of it.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        on_processor = next(model.parameters()).device.type == "cpu"
        return torch.nn.parallel.DistributedDataParallel(
            model,
            gradient_as_bucket_view=True,
            # Sending while the backward pass goes on gains nothing when both use the same cores.
            bucket_cap_mb=1000 if on_processor else 25,
        )

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.world_size > 1:
            torch.distributed.barrier()


def join_processes(compute: torch.device) -> Processes:
    """Join the processes that torchrun started (it sets RANK and WORLD_SIZE), if it did.

    GPUs talk through NCCL, processors through gloo.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        return Processes()
    torch.distributed.init_process_group("nccl" if compute.type == "cuda" else "gloo")
    return Processes(torch.distributed.get_rank(), world_size)


def leave_processes(processes: Processes) -> None:
    """End what `join_processes` began."""
    if processes.world_size > 1:
        processes.wait()  # one that leaves early breaks the connections of the others
        gc.collect()  # a wrapped network that lies about holds the group; its threads abort at exit
        torch.distributed.destroy_process_group()
