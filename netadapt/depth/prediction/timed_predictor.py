"""A predictor that counts how long its network takes; what else a picture costs is the caller's."""

from __future__ import annotations

import time

from torch import Tensor

from netadapt.depth.prediction.predictor import Predictor


class TimedPredictor:
    """`predictor`, with the pictures it was given and the seconds that it worked on them."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.pictures = 0
        self.seconds = 0.0

    @property
    def name(self) -> str:
        return self._predictor.name

    @property
    def size(self) -> tuple[int, int]:
        return self._predictor.size

    def __call__(self, images: Tensor) -> Tensor:
        begun = time.perf_counter()
        depth = self._predictor(images)
        self.seconds += time.perf_counter() - begun
        self.pictures += len(images)
        return depth

    @property
    def per_second(self) -> float:
        """Pictures a second in the network alone; 0 before there was one."""
        return self.pictures / self.seconds if self.seconds else 0.0
