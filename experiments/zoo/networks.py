"""The zoo: networks of well-known packages by name, with random weights and small inputs.

A name is `package:network`. Every network is built by its package from that package's own
definition, at a small or medium size; nothing is downloaded. How it is judged is `check.py`'s
affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

Options = dict[str, Any]


@dataclass(frozen=True)
class Network:
    """One animal of the zoo."""

    name: str
    family: str
    build: Callable[[], nn.Module] = field(repr=False)
    """A partial of a function of this module."""
    shapes: tuple[tuple[int, ...], ...]
    """Of the inputs, all of them real numbers."""

    @property
    def definition(self) -> str:
        """All that decides what it is."""
        arguments = (getattr(self.build, "args", ()), getattr(self.build, "keywords", {}))
        return repr((self.name, arguments, self.shapes))

    def inputs(self, seed: int = 0) -> tuple[torch.Tensor, ...]:
        """Example inputs in 0 … 1."""
        generator = torch.Generator().manual_seed(seed)
        return tuple(torch.rand(shape, generator=generator) for shape in self.shapes)


def zoo() -> dict[str, Network]:
    """All networks, by name."""
    found = [*_timm(), *_torchvision(), *_segmentation(), *_monai(), *_ultralytics(), *_hf()]
    return {network.name: network for network in found}


def _images(size: int, *, channels: int = 3, axes: int = 2) -> tuple[tuple[int, ...], ...]:
    return ((1, channels, *[size] * axes),)


# timm: by family, (network, size of the input's side, options of create_model).

WINDOWED = {"img_size": 64, "window_size": 4}

TIMM: dict[str, list[tuple[str, int, Options]]] = {
    "ResNet": [("resnet18", 64, {}), ("resnet50d", 64, {}), ("resnetv2_50", 64, {}),
               ("resnetaa50", 64, {}), ("resnetblur18", 64, {}), ("resnet50_gn", 64, {}),
               ("resnetv2_50x1_bit", 64, {}), ("gcresnet33ts", 64, {}), ("resnetrs50", 64, {})],
    "ResNeXt": [("resnext26ts", 64, {}), ("resnext50_32x4d", 64, {})],
    "SE, SK, ECA": [("seresnet18", 64, {}), ("skresnet18", 64, {}), ("ecaresnet26t", 64, {}),
                    ("legacy_seresnet18", 64, {}),
                    ("resnest14d", 64, {}), ("seresnext26ts", 64, {})],
    "CSP": [("cspresnet50", 64, {}), ("cspdarknet53", 64, {}), ("cs3darknet_s", 64, {}),
            ("darknet17", 64, {})],
    "Res2Net, SelecSLS, VoVNet": [("res2net50_26w_4s", 64, {}), ("selecsls42b", 64, {}),
                                  ("ese_vovnet19b_dw", 64, {}), ("vovnet39a", 64, {})],
    "normaliser-free": [("nf_resnet26", 64, {}), ("nf_regnet_b0", 64, {}),
                        ("eca_nfnet_l0", 64, {})],
    "RegNet": [("regnetx_002", 64, {}), ("regnety_002", 64, {}), ("regnetz_005", 64, {}),
               ("regnetv_040", 64, {})],
    "DenseNet, DPN": [("densenet121", 64, {}), ("dpn48b", 64, {}), ("rdnet_tiny", 64, {})],
    "DLA, HRNet": [("dla34", 64, {}), ("dla46x_c", 64, {}), ("hrnet_w18_small", 64, {})],
    "VGG": [("vgg11_bn", 64, {"features_only": True}), ("repvgg_a0", 64, {}), ("gernet_s", 64, {})],
    "Inception, Xception": [("inception_v3", 96, {"aux_logits": False}), ("inception_v4", 96, {}),
                            ("xception41", 64, {}), ("inception_next_atto", 64, {})],
    "MobileNet": [("mobilenetv1_100", 64, {}), ("mobilenetv2_050", 64, {}),
                  ("mobilenetv3_small_050", 64, {}), ("mobilenetv3_large_100", 64, {}),
                  ("mobilenetv4_conv_small", 64, {}), ("mobilenetv4_hybrid_medium_075", 64, {}),
                  ("mobileone_s0", 64, {}), ("lcnet_050", 64, {}), ("mnasnet_small", 64, {}),
                  ("semnasnet_075", 64, {}), ("fbnetc_100", 64, {}), ("fbnetv3_b", 64, {}),
                  ("hardcorenas_a", 64, {}), ("spnasnet_100", 64, {}), ("tinynet_e", 64, {})],
    "EfficientNet": [("efficientnet_b0", 64, {}), ("efficientnet_lite0", 64, {}),
                     ("efficientnetv2_rw_t", 64, {}), ("efficientnet_es", 64, {}),
                     ("tf_efficientnetv2_b0", 64, {}), ("mixnet_s", 64, {}), ("rexnet_100", 64, {}),
                     ("efficientvit_b0", 64, {}), ("efficientvit_m0", 224, {})],
    "GhostNet": [("ghostnet_050", 64, {}), ("ghostnetv2_100", 64, {}), ("repghostnet_050", 64, {})],
    "ConvNeXt": [("convnext_atto", 64, {}), ("convnextv2_atto", 64, {}),
                 ("convnext_zepto_rms", 64, {}),
                 ("fasternet_t0", 64, {}), ("starnet_s1", 64, {}), ("mambaout_femto", 64, {})],
    "EdgeNeXt, MobileViT": [("edgenext_xx_small", 64, {}), ("mobilevit_xxs", 64, {}),
                            ("mobilevitv2_050", 64, {}), ("repvit_m0_9", 64, {}),
                            ("fastvit_t8", 64, {}), ("efficientformer_l1", 224, {}),
                            ("efficientformerv2_s0", 224, {}), ("swiftformer_xs", 64, {}),
                            ("shvit_s1", 64, {})],
    "PoolFormer": [("poolformer_s12", 64, {}), ("poolformerv2_s12", 64, {}),
                   ("caformer_s18", 64, {}), ("convformer_s18", 64, {})],
    "ViT": [("vit_tiny_patch16_224", 64, {"img_size": 64}),
            ("deit_tiny_distilled_patch16_224", 64, {"img_size": 64}),
            ("deit3_small_patch16_224", 64, {"img_size": 64, "depth": 4}),
            ("vit_small_patch14_dinov2", 56, {"img_size": 56, "depth": 4}),
            ("vit_tiny_r_s16_p8_224", 64, {"img_size": 64}),
            ("cait_xxs24_224", 64, {"img_size": 64, "depth": 4}),
            ("xcit_nano_12_p16_224", 64, {"img_size": 64})],
    "Swin": [("swin_tiny_patch4_window7_224", 64, {**WINDOWED, "embed_dim": 48}),
             ("swinv2_tiny_window8_256", 64, {**WINDOWED, "embed_dim": 48}),
             ("twins_svt_small", 64, {"img_size": 64}),
             ("maxvit_pico_rw_256", 128, {"img_size": 128})],
    "PVT, CoAt": [("pvt_v2_b0", 64, {}), ("coat_lite_tiny", 64, {"img_size": 64}),
                  ("coatnet_nano_rw_224", 64, {"img_size": 64}), ("levit_128s", 224, {}),
                  ("tiny_vit_5m_224", 224, {}), ("crossvit_9_240", 240, {}),
                  ("nextvit_small", 64, {})],
    "MLP": [("mixer_s32_224", 64, {"img_size": 64}), ("resmlp_12_224", 64, {"img_size": 64}),
            ("gmlp_ti16_224", 64, {"img_size": 64}), ("convmixer_768_32", 56, {})],
}  # fmt: skip


def _timm() -> Iterator[Network]:
    for family, members in TIMM.items():
        for name, size, options in members:
            build = partial(_build_timm, name, options)
            yield Network(f"timm:{name}", family, build, _images(size))


def _build_timm(name: str, options: Options) -> nn.Module:
    import timm

    return timm.create_model(name, pretrained=False, **options)  # type: ignore[no-any-return]


# torchvision

TORCHVISION: list[tuple[str, str, int, Options]] = [
    ("squeezenet1_1", "VGG", 64, {}),
    ("googlenet", "Inception, Xception", 64, {"aux_logits": True, "init_weights": False}),
    ("resnet34", "ResNet", 64, {}),
    ("resnet50", "ResNet", 64, {}),
    ("resnext50_32x4d", "ResNeXt", 64, {}),
    ("regnet_x_400mf", "RegNet", 64, {}),
    ("regnet_y_400mf", "RegNet", 64, {}),
    ("densenet121", "DenseNet, DPN", 64, {}),
    ("mobilenet_v2", "MobileNet", 64, {}),
    ("mobilenet_v3_small", "MobileNet", 64, {}),
    ("mnasnet0_5", "MobileNet", 64, {}),
    ("shufflenet_v2_x0_5", "ShuffleNet", 64, {}),
    ("shufflenet_v2_x1_0", "ShuffleNet", 64, {}),
    ("efficientnet_b0", "EfficientNet", 64, {}),
    ("efficientnet_v2_s", "EfficientNet", 64, {}),
    ("convnext_tiny", "ConvNeXt", 64, {}),
    ("swin_t", "Swin", 56, {}),
    ("lraspp_mobilenet_v3_large", "MobileNet", 64, {}),
    ("deeplabv3_mobilenet_v3_large", "dense prediction", 64, {}),
    ("fcn_resnet50", "dense prediction", 64, {"aux_loss": True}),
]


def _torchvision() -> Iterator[Network]:
    for name, family, size, options in TORCHVISION:
        build = partial(_build_torchvision, name, options)
        yield Network(f"torchvision:{name}", family, build, _images(size))
    vit = partial(_build_torchvision_vit, image_size=64, patch_size=16)
    yield Network("torchvision:vit", "ViT", vit, _images(64))


def _build_torchvision(name: str, options: Options) -> nn.Module:
    from torchvision.models import get_model

    segments = name.startswith(("lraspp", "deeplab", "fcn"))
    more = {"weights_backbone": None} if segments else {}
    return get_model(name, weights=None, **more, **options)  # type: ignore[no-any-return]


def _build_torchvision_vit(**options: int) -> nn.Module:
    from torchvision.models import VisionTransformer

    return VisionTransformer(
        num_layers=4, num_heads=4, hidden_dim=192, mlp_dim=384, num_classes=100, **options
    )


# segmentation_models_pytorch: (architecture, encoder, size, options)

SEGMENTATION: list[tuple[str, str, int, Options]] = [
    ("Unet", "resnet18", 64, {}),
    ("Unet", "mobilenet_v2", 64, {"decoder_attention_type": "scse"}),
    ("UnetPlusPlus", "resnet18", 64, {}),
    ("MAnet", "resnet18", 64, {}),
    ("Linknet", "resnet18", 64, {}),
    ("FPN", "resnet18", 64, {}),
    ("FPN", "efficientnet-b0", 64, {}),
    ("PSPNet", "resnet18", 64, {}),
    ("PAN", "resnet18", 128, {}),
    ("DeepLabV3", "resnet18", 64, {}),
    ("DeepLabV3Plus", "mobilenet_v2", 64, {}),
    ("UPerNet", "resnet18", 64, {}),
    ("Segformer", "mit_b0", 64, {}),
    ("Unet", "mit_b0", 64, {}),
]


def _segmentation() -> Iterator[Network]:
    for name, encoder, size, options in SEGMENTATION:
        build = partial(_build_segmentation, name, encoder, options)
        yield Network(f"smp:{name}-{encoder}", "dense prediction", build, _images(size))


def _build_segmentation(name: str, encoder: str, options: Options) -> nn.Module:
    import segmentation_models_pytorch as smp

    return getattr(smp, name)(encoder, encoder_weights=None, **options)  # type: ignore[no-any-return]


# MONAI: (class, axes of an image, size, channels of the input, options)

MONAI: list[tuple[str, int, int, int, Options]] = [
    ("UNet", 2, 32, 1, {"spatial_dims": 2, "in_channels": 1, "out_channels": 2,
                        "channels": (16, 32, 64), "strides": (2, 2), "num_res_units": 2}),
    ("UNet", 3, 16, 1, {"spatial_dims": 3, "in_channels": 1, "out_channels": 2,
                        "channels": (8, 16, 32), "strides": (2, 2), "num_res_units": 1}),
    ("BasicUNet", 2, 64, 1, {"spatial_dims": 2}),
    ("BasicUNetPlusPlus", 2, 64, 1, {"spatial_dims": 2}),
    ("SegResNet", 2, 32, 1, {"spatial_dims": 2, "init_filters": 16}),
    ("SegResNet", 3, 16, 1, {"spatial_dims": 3, "init_filters": 8}),
    ("AttentionUnet", 2, 32, 1, {"spatial_dims": 2, "in_channels": 1, "out_channels": 2,
                                 "channels": (16, 32, 64), "strides": (2, 2)}),
    ("DynUNet", 2, 32, 1, {"spatial_dims": 2, "in_channels": 1, "out_channels": 2,
                           "kernel_size": [3, 3, 3], "strides": [1, 2, 2],
                           "upsample_kernel_size": [2, 2], "res_block": True}),
    ("VNet", 2, 32, 1, {"spatial_dims": 2, "bias": True}),
    ("HighResNet", 2, 32, 1, {"spatial_dims": 2, "in_channels": 1, "out_channels": 2}),
    ("AutoEncoder", 2, 32, 1, {"spatial_dims": 2, "in_channels": 1, "out_channels": 2,
                               "channels": (16, 32, 64), "strides": (2, 2, 2)}),
    ("DenseNet121", 2, 32, 1, {"spatial_dims": 2, "in_channels": 1, "out_channels": 2}),
    ("ResNet", 3, 32, 1, {"block": "basic", "layers": [1, 1, 1, 1],
                          "block_inplanes": [16, 32, 64, 128], "n_input_channels": 1,
                          "num_classes": 4}),
    ("SEResNet50", 2, 32, 1, {"spatial_dims": 2, "in_channels": 1}),
    ("EfficientNetBN", 2, 64, 3, {"model_name": "efficientnet-b0", "pretrained": False}),
    ("FlexibleUNet", 2, 64, 3, {"in_channels": 3, "out_channels": 2,
                                 "backbone": "efficientnet-b0"}),
    ("UNETR", 2, 32, 1, {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "img_size": 32,
                         "feature_size": 8, "hidden_size": 96, "mlp_dim": 192, "num_heads": 4}),
    ("SwinUNETR", 2, 64, 1, {"spatial_dims": 2, "in_channels": 1, "out_channels": 2,
                             "feature_size": 12}),
]  # fmt: skip


def _monai() -> Iterator[Network]:
    for name, axes, size, channels, options in MONAI:
        title = f"monai:{name}" + ("-3d" if axes == 3 else "")
        build = partial(_build_monai, name, options)
        yield Network(title, "medical", build, _images(size, channels=channels, axes=axes))


def _build_monai(name: str, options: Options) -> nn.Module:
    from monai.networks import nets

    return getattr(nets, name)(**options)  # type: ignore[no-any-return]


# ultralytics: by the names of its definitions

ULTRALYTICS = [
    *("yolov3-tiny", "yolov5n", "yolov6n", "yolov8n", "yolov9t", "yolov10n", "yolo11n", "yolo12n"),
    *("yolov8n-seg", "yolov8n-pose", "yolo11n-cls", "yolov8n-p2"),
]


def _ultralytics() -> Iterator[Network]:
    for name in ULTRALYTICS:
        build = partial(_build_ultralytics, name)
        yield Network(f"ultralytics:{name}", "YOLO", build, _images(64))


def _build_ultralytics(name: str) -> nn.Module:
    from ultralytics.nn import tasks

    kinds = {"seg": "SegmentationModel", "pose": "PoseModel", "cls": "ClassificationModel"}
    kind = kinds.get(name.rpartition("-")[2], "DetectionModel")
    return getattr(tasks, kind)(f"{name}.yaml", verbose=False)  # type: ignore[no-any-return]


# Hugging Face: (class, its config's class, family, size, options of the config)

_STAGES = ["stage1", "stage2", "stage3", "stage4"]
_DINO = {"hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 3, "image_size": 56,
         "patch_size": 14}  # fmt: skip
_SMALL_VIT = {"hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 3,
              "intermediate_size": 384, "image_size": 64, "patch_size": 16}  # fmt: skip

HUGGING_FACE: list[tuple[str, str, str, int, Options]] = [
    ("SegformerForSemanticSegmentation", "SegformerConfig", "dense prediction", 64, {}),
    ("GLPNForDepthEstimation", "GLPNConfig", "depth", 64, {}),
    ("DPTForDepthEstimation", "DPTConfig", "depth", 64,
     {**_SMALL_VIT, "backbone_out_indices": [0, 1, 2, 3], "neck_hidden_sizes": [32, 48, 64, 64],
      "fusion_hidden_size": 32}),
    ("DepthAnythingForDepthEstimation", "DepthAnythingConfig", "depth", 56,
     {"backbone": ("Dinov2Config", {**_DINO, "out_features": _STAGES,
                                    "reshape_hidden_states": False}),
      "reassemble_hidden_size": 96, "neck_hidden_sizes": [24, 32, 48, 64],
      "fusion_hidden_size": 32}),
    ("UperNetForSemanticSegmentation", "UperNetConfig", "dense prediction", 64,
     {"backbone": ("ConvNextConfig", {"hidden_sizes": [32, 48, 64, 96], "depths": [1, 1, 2, 1],
                                      "out_features": _STAGES}),
      "hidden_size": 64, "auxiliary_in_channels": 64, "auxiliary_channels": 32}),
    ("MobileNetV1ForImageClassification", "MobileNetV1Config", "MobileNet", 64, {}),
    ("MobileNetV2ForImageClassification", "MobileNetV2Config", "MobileNet", 64, {}),
    ("MobileNetV2ForSemanticSegmentation", "MobileNetV2Config", "dense prediction", 64, {}),
    ("MobileViTForImageClassification", "MobileViTConfig", "EdgeNeXt, MobileViT", 64,
     {"image_size": 64}),
    ("MobileViTV2ForImageClassification", "MobileViTV2Config", "EdgeNeXt, MobileViT", 64,
     {"image_size": 64, "width_multiplier": 0.5}),
    ("ResNetForImageClassification", "ResNetConfig", "ResNet", 64, {"depths": [2, 2, 2, 2]}),
    ("BitForImageClassification", "BitConfig", "ResNet", 64,
     {"depths": [1, 2, 2, 1], "embedding_size": 64, "hidden_sizes": [128, 128, 256, 512]}),
    ("RegNetForImageClassification", "RegNetConfig", "RegNet", 64, {"depths": [1, 2, 2, 1]}),
    ("EfficientNetForImageClassification", "EfficientNetConfig", "EfficientNet", 64,
     {"width_coefficient": 1.0, "depth_coefficient": 1.0, "hidden_dim": 1280}),
    ("ConvNextForImageClassification", "ConvNextConfig", "ConvNeXt", 64, {"depths": [2, 2, 4, 2]}),
    ("ConvNextV2ForImageClassification", "ConvNextV2Config", "ConvNeXt", 64,
     {"depths": [2, 2, 4, 2]}),
    ("PoolFormerForImageClassification", "PoolFormerConfig", "PoolFormer", 64, {}),
    ("PvtForImageClassification", "PvtConfig", "PVT, CoAt", 64, {"image_size": 64}),
    ("PvtV2ForImageClassification", "PvtV2Config", "PVT, CoAt", 64, {"image_size": 64}),
    ("CvtForImageClassification", "CvtConfig", "PVT, CoAt", 64, {"depth": [1, 2, 4]}),
    ("SwinForImageClassification", "SwinConfig", "Swin", 64,
     {"image_size": 64, "embed_dim": 48, "window_size": 2}),
    ("Swinv2ForImageClassification", "Swinv2Config", "Swin", 64,
     {"image_size": 64, "embed_dim": 48, "window_size": 4}),
    ("Swin2SRForImageSuperResolution", "Swin2SRConfig", "dense prediction", 32,
     {"image_size": 32, "embed_dim": 48, "depths": [2, 2], "num_heads": [3, 3]}),
    ("ViTForImageClassification", "ViTConfig", "ViT", 64, _SMALL_VIT),
    ("DeiTForImageClassification", "DeiTConfig", "ViT", 64, _SMALL_VIT),
    ("Dinov2ForImageClassification", "Dinov2Config", "ViT", 56, _DINO),
    ("BeitForImageClassification", "BeitConfig", "ViT", 64,
     {**_SMALL_VIT, "use_relative_position_bias": True}),
    ("FocalNetForImageClassification", "FocalNetConfig", "ConvNeXt", 64,
     {"image_size": 64, "embed_dim": 48}),
    ("LevitForImageClassification", "LevitConfig", "PVT, CoAt", 64, {"image_size": 64}),
    ("HGNetV2ForImageClassification", "HGNetV2Config", "VGG", 64, {}),
]  # fmt: skip


def _hf() -> Iterator[Network]:
    for name, config, family, size, options in HUGGING_FACE:
        build = partial(_build_hf, name, config, options)
        title = name.replace("ForImageClassification", "")
        yield Network(f"hf:{title}", family, build, _images(size))


def _build_hf(name: str, config: str, options: Options) -> nn.Module:
    import transformers

    options = dict(options)
    backbone = options.pop("backbone", None)
    if backbone is not None:
        options["backbone_config"] = getattr(transformers, backbone[0])(**backbone[1])
    made = getattr(transformers, config)(**options)
    return getattr(transformers, name)(made)  # type: ignore[no-any-return]
