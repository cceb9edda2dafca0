"""Small backbones and a few task models of keras-hub, with random weights: nothing is downloaded."""

from collections.abc import Callable
from typing import NamedTuple

from keras_hub import models as hub

SIZE = 64


class Backbone(NamedTuple):
    """A model of keras-hub, and numbers of its poolings.

    `own` counts the poolings that its layers make themselves: these are replaced only with `in_place`.
    `hidden` counts the poolings that exist only in a layer's `call`, and `said` those of them that the report
    names.
    """

    make: Callable
    own: int = 0
    hidden: int = 0
    said: int = 0


def resnet(block="basic_block", stem=(64,), filters=(64, 16, 16), **kwargs):
    return hub.ResNetBackbone(
        input_conv_filters=[*stem],
        input_conv_kernel_sizes=[7, 3, 3][: len(stem)],
        stackwise_num_filters=[*filters],
        stackwise_num_blocks=[2] * len(filters),
        stackwise_num_strides=[1, *[2] * (len(filters) - 1)],
        block_type=block,
        **kwargs,
    )


def vgg():
    return hub.VGGBackbone([2, 1, 1], [8, 8, 16], image_shape=(SIZE, SIZE, 3))


def cspnet(block, stage, **kwargs):
    return hub.CSPNetBackbone(
        stem_filters=[8, 8],
        stem_kernel_size=3,
        stem_strides=4,
        stackwise_depth=[1, 2],
        stackwise_strides=[1, 2],
        stackwise_num_filters=[16, 32],
        block_type=block,
        stage_type=stage,
        avg_down=True,
        **kwargs,
    )


def efficientnet(*blocks):
    return hub.EfficientNetBackbone(
        stackwise_kernel_sizes=[3, 3, 5],
        stackwise_num_repeats=[1, 2, 1],
        stackwise_input_filters=[8, 8, 16],
        stackwise_output_filters=[8, 16, 16],
        stackwise_expansion_ratios=[1, 4, 4],
        stackwise_squeeze_and_excite_ratios=[0.25] * 3,
        stackwise_strides=[1, 2, 2],
        stackwise_block_types=[*blocks],
        stackwise_width_coefficients=[1.0] * 3,
        stackwise_depth_coefficients=[1.0] * 3,
        stackwise_force_input_filters=[0] * 3,
        stackwise_nores_option=[False] * 3,
        num_features=32,
    )


def mobilenet():
    return hub.MobileNetBackbone(
        stackwise_expansion=[[16, 24], [24, 32]],
        stackwise_num_blocks=[2, 2],
        stackwise_num_filters=[[8, 8], [16, 16]],
        stackwise_kernel_size=[[3, 3], [5, 5]],
        stackwise_num_strides=[[2, 1], [2, 1]],
        stackwise_se_ratio=[[None, None], [0.25, 0.25]],
        stackwise_activation=[["relu", "relu"], ["hard_swish", "hard_swish"]],
        stackwise_padding=[[1, 1], [2, 2]],
        output_num_filters=32,
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        last_layer_filter=32,
        squeeze_and_excite=0.5,
        image_shape=(SIZE, SIZE, 3),
    )


def mobilenetv5():
    """Makes a model with a block of convolutions, one with an inverted bottleneck, and one of attention."""
    return hub.MobileNetV5Backbone(
        stackwise_block_types=[["er"], ["uir", "mqa"]],
        stackwise_num_blocks=[1, 2],
        stackwise_num_filters=[[8], [16, 16]],
        stackwise_strides=[[2], [2, 1]],
        stackwise_act_layers=[["relu"], ["relu", "relu"]],
        stackwise_exp_ratios=[[4.0], [4.0, 1.0]],
        stackwise_se_ratios=[[0.0], [0.0, 0.0]],
        stackwise_dw_kernel_sizes=[[0], [5, 3]],
        stackwise_dw_start_kernel_sizes=[[0], [0, 0]],
        stackwise_dw_end_kernel_sizes=[[0], [0, 0]],
        stackwise_exp_kernel_sizes=[[3], [0, 0]],
        stackwise_pw_kernel_sizes=[[1], [0, 0]],
        stackwise_num_heads=[[0], [0, 2]],
        stackwise_key_dims=[[0], [0, 8]],
        stackwise_value_dims=[[0], [0, 8]],
        stackwise_kv_strides=[[0], [0, 2]],
        stackwise_use_cpe=[[False], [False, False]],
        use_msfa=False,
        num_features=32,
        image_shape=(SIZE, SIZE, 3),
    )


def hgnet():
    return hub.HGNetV2Backbone(
        depths=[1, 2],
        embedding_size=8,
        hidden_sizes=[16, 32],
        stem_channels=[3, 8, 8],
        hidden_act="relu",
        use_learnable_affine_block=True,
        stackwise_stage_filters=[(8, 8, 16, 1, 2, 3), (16, 8, 32, 2, 2, 3)],
        apply_downsample=[False, True],
        use_lightweight_conv_block=[False, True],
        image_shape=(SIZE, SIZE, 3),
    )


def mit():
    return hub.MiTBackbone([1, 1], 2, [1, 2], [2, 1], 0.1, [7, 3], [4, 2], (SIZE, SIZE, 3), [8, 16])


def deeplab():
    encoder = resnet(image_shape=(None, None, 3))
    return hub.DeepLabV3Backbone(encoder, "P4", 4, [2, 3], "P2", 8, image_shape=(SIZE, SIZE, 3))


def retinanet():
    return hub.RetinaNetBackbone(resnet(filters=(64, 8, 16, 16)), 3, 6, False, image_shape=(SIZE, SIZE, 3))


def basnet():
    """Makes the one model that is not small: nothing can reduce its decoder's 99 million parameters."""
    return hub.BASNetBackbone(resnet(filters=(64, 128, 256, 512)), 1, image_shape=(SIZE, SIZE, 3))


BACKBONES = {
    "ResNet": Backbone(resnet),
    "ResNetV2": Backbone(lambda: resnet("bottleneck_block", use_pre_activation=True)),
    "ResNet-vd": Backbone(lambda: resnet("bottleneck_block_vd", (8, 8, 64))),
    "VGG": Backbone(vgg),
    "DenseNet": Backbone(lambda: hub.DenseNetBackbone([2, 3, 2], growth_rate=8)),
    "CSPNet": Backbone(lambda: cspnet("edge_block", "csp", stem_pooling="max", expand_ratio=[2.0])),
    "CSPDarkNet": Backbone(lambda: cspnet("dark_block", "dark")),
    # Blocks other than "v1" make a new pooling layer in every call.
    "EfficientNet": Backbone(lambda: efficientnet("v1", "v1", "v1")),
    "EfficientNetV2": Backbone(lambda: efficientnet("fused", "unfused", "v1"), hidden=3, said=3),
    # MobileNet's squeeze and excitation uses `keras.ops.mean`.
    "MobileNet": Backbone(mobilenet, hidden=3),
    "MobileNetV5": Backbone(mobilenetv5),
    "Xception": Backbone(lambda: hub.XceptionBackbone([[8, 16], [32, 32], [32, 64]], [True, True, False])),
    "HGNetV2": Backbone(hgnet, own=1),
    "DeepLabV3": Backbone(deeplab, own=1),
    "RetinaNet": Backbone(retinanet),
    "BASNet": Backbone(basnet),
    "ImageClassifier": Backbone(lambda: hub.ImageClassifier(resnet(), num_classes=3)),
    "ResNetImageClassifier": Backbone(lambda: hub.ResNetImageClassifier(resnet(), 3, pooling="max")),
    "VGGImageClassifier": Backbone(lambda: hub.VGGImageClassifier(vgg(), 3)),
    "HGNetV2ImageClassifier": Backbone(lambda: hub.HGNetV2ImageClassifier(hgnet(), None, 3), own=1),
    "MobileNetImageClassifier": Backbone(lambda: hub.MobileNetImageClassifier(mobilenet(), 3), hidden=3),
}
