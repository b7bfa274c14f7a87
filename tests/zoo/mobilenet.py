"""MobileNetV1 (Howard et al., 2017), V2 (Sandler et al., 2018), V3 (Howard et al., 2019) and
EfficientNet-B0 (Tan and Le, 2019).
"""

from __future__ import annotations

from torch import Tensor, nn

from tests.zoo.blocks import ConvNorm, Head, SqueezeExcite, StochasticDepth, scaled


class MobileNetV1(nn.Module):
    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
        plan += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
        entering = scaled(32, width)
        layers: list[nn.Module] = [ConvNorm(3, entering, 3, 2)]
        for channels, stride in plan:
            leaving = scaled(channels, width)
            layers.append(ConvNorm(entering, entering, 3, stride, groups=entering))
            layers.append(ConvNorm(entering, leaving, 1))
            entering = leaving
        self.features = nn.Sequential(*layers)
        self.head = Head(entering)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class InvertedResidual(nn.Module):
    """Expand, depthwise, perhaps squeeze-and-excite, project; added to the input if it fits."""

    def __init__(
        self,
        entering: int,
        expanded: int,
        leaving: int,
        kernel: int,
        stride: int,
        activation: type[nn.Module],
        se: SqueezeExcite | None = None,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if expanded != entering:
            layers.append(ConvNorm(entering, expanded, 1, activation=activation))
        layers.append(ConvNorm(expanded, expanded, kernel, stride, expanded, activation=activation))
        if se is not None:
            layers.append(se)
        layers.append(ConvNorm(expanded, leaving, 1, activation=None))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and entering == leaving
        self.drop = StochasticDepth(0.1)

    def forward(self, x: Tensor) -> Tensor:
        if self.residual:
            return x + self.drop(self.layers(x))
        return self.layers(x)


class MobileNetV2(nn.Module):
    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        plan = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1)]
        plan += [(6, 160, 3, 2), (6, 320, 1, 1)]
        entering = scaled(32, width)
        layers: list[nn.Module] = [ConvNorm(3, entering, 3, 2, activation=nn.ReLU6)]
        for factor, channels, repeats, stride in plan:
            leaving = scaled(channels, width)
            for index in range(repeats):
                step = stride if index == 0 else 1
                layers.append(
                    InvertedResidual(entering, entering * factor, leaving, 3, step, nn.ReLU6)
                )
                entering = leaving
        last = scaled(1280, max(1.0, width)) if width >= 0.5 else 64
        layers.append(ConvNorm(entering, last, 1, activation=nn.ReLU6))
        self.features = nn.Sequential(*layers)
        self.head = Head(last)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class MobileNetV3(nn.Module):
    """MobileNetV3-Small."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        plan = [
            (3, 16, 16, True, nn.ReLU, 2),
            (3, 72, 24, False, nn.ReLU, 2),
            (3, 88, 24, False, nn.ReLU, 1),
            (5, 96, 40, True, nn.Hardswish, 2),
            (5, 240, 40, True, nn.Hardswish, 1),
            (5, 240, 40, True, nn.Hardswish, 1),
            (5, 120, 48, True, nn.Hardswish, 1),
            (5, 144, 48, True, nn.Hardswish, 1),
            (5, 288, 96, True, nn.Hardswish, 2),
            (5, 576, 96, True, nn.Hardswish, 1),
            (5, 576, 96, True, nn.Hardswish, 1),
        ]
        entering = scaled(16, width)
        layers: list[nn.Module] = [ConvNorm(3, entering, 3, 2, activation=nn.Hardswish)]
        for kernel, middle, channels, gated, activation, stride in plan:
            expanded, leaving = scaled(middle, width), scaled(channels, width)
            se = None
            if gated:
                se = SqueezeExcite(expanded, scaled(expanded, 0.25), nn.ReLU, nn.Hardsigmoid)
            layers.append(
                InvertedResidual(entering, expanded, leaving, kernel, stride, activation, se)
            )
            entering = leaving
        last = scaled(576, width)
        layers.append(ConvNorm(entering, last, 1, activation=nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(last, scaled(1024, width)),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(scaled(1024, width), 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.pool(self.features(x)).flatten(1))


class EfficientNetB0(nn.Module):
    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        plan = [(1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2)]
        plan += [(6, 112, 3, 5, 1), (6, 192, 4, 5, 2), (6, 320, 1, 3, 1)]
        entering = scaled(32, width)
        layers: list[nn.Module] = [ConvNorm(3, entering, 3, 2, activation=nn.SiLU)]
        for factor, channels, repeats, kernel, stride in plan:
            leaving = scaled(channels, width)
            for index in range(max(1, round(repeats * depth))):
                expanded = entering * factor
                se = SqueezeExcite(expanded, max(1, entering // 4), nn.SiLU, nn.Sigmoid)
                step = stride if index == 0 else 1
                layers.append(
                    InvertedResidual(entering, expanded, leaving, kernel, step, nn.SiLU, se)
                )
                entering = leaving
        last = scaled(1280, width)
        layers.append(ConvNorm(entering, last, 1, activation=nn.SiLU))
        self.features = nn.Sequential(*layers)
        self.head = Head(last)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))
