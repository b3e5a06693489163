"""Writes keras.csv: what Keras says of its own networks, and of twins of ours.

`python -m tests.count.keras_twins`, where Keras is installed (`pip install keras tensorflow-cpu`); the tests
need it only for the twins, which they build and ask again. A twin has a layer of Keras for each layer of a
plan, and its maps must have the plan's shapes. Keras has no layer scale: it is written as keras.applications
does it.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import keras
from keras import layers, ops

from archkit.plan import Gate, Layer, Node, layout
from archkit.spec import parse

TABLE = Path(__file__).with_name("keras.csv")

# Its networks, and the specs that are the same. Its ResNets have biases; what its EfficientNets do with the
# images before the first conv is not in the spec.
APPLICATIONS = {
    "VGG16": "vgg16",
    "VGG19": "vgg19",
    "ResNet50": "resnet50-v1 bias=yes",
    "ResNet101": "resnet101-v1 bias=yes",
    "ResNet152": "resnet152-v1 bias=yes",
    "MobileNet": "mobilenetv1_100",
    "MobileNetV2": "mobilenetv2_100",
    "MobileNetV3Small": "tf_mobilenetv3_small_100",
    "MobileNetV3Large": "tf_mobilenetv3_large_100",
    "EfficientNetB0": "efficientnet_b0",
    "EfficientNetB1": "efficientnet_b1",
    "EfficientNetB2": "efficientnet_b2",
    "EfficientNetB3": "efficientnet_b3",
    "EfficientNetB4": "efficientnet_b4",
    "EfficientNetB5": "efficientnet_b5",
    "EfficientNetB6": "efficientnet_b6",
    "EfficientNetB7": "efficientnet_b7",
    "EfficientNetV2B0": "tf_efficientnetv2_b0",
    "EfficientNetV2B1": "tf_efficientnetv2_b1",
    "EfficientNetV2B2": "tf_efficientnetv2_b2",
    "EfficientNetV2B3": "tf_efficientnetv2_b3",
    "EfficientNetV2S": "tf_efficientnetv2_s",
    "EfficientNetV2M": "tf_efficientnetv2_m",
    "EfficientNetV2L": "tf_efficientnetv2_l",
    "ConvNeXtTiny": "convnext_tiny",
    "ConvNeXtSmall": "convnext_small",
    "ConvNeXtBase": "convnext_base",
    "ConvNeXtLarge": "convnext_large",
    "ConvNeXtXLarge": "convnext_xlarge",
}
DS_CNN = "DS-CNN"  # of MLPerf Tiny
TWINS = [
    "[2,1,1,1]x[64,128,256,512]",
    "[1,1,1]x[16,32,64] bias=yes shortcut_norm=no",
    "[2,1]x[8,16] block=bottleneck groups=4 base_width=32 attn=se:4 shortcut=conv3",
    "[1,2]x[8,16] block=preact stride=[1,3] norm=batch-tf",
    "[2,2]x[8,16] block=preact-bottleneck bias=yes stem_norm=yes project=stage",
    "[2,1]x[16,32] norm=group:4 attn=eca shortcut=pad aa=avg stem=deep:8",
    "[1,2]x[16,24] block=mbconv act=relu6 stem=conv3s2:8 head_conv=32 padding=same norm=batch-tf",
    "[1,2]x[16,24] block=mbconv se=input kernel=5 mix=2 act=silu stem=conv3s2:8 head_conv=32 skip=no",
    "[1,2]x[16,24] block=fused-mbconv se=v3 act=hswish stem=conv5s2:8 head_conv=32 head_hidden=64",
    "[1,2]x[16,24] block=depthwise stem=conv3s2:8",
    "[1,2]x[16,24] block=depthwise stem=conv10x4s2:8 padding=same pool=10x3 input=1x49x10",
    "[1,2]x[16,24] block=depthwise stem=conv10x4s2:8 input=2x20x31",
    "[1,2]x[16,24] block=uib start=3 middle=5 stem=conv3s2:8 head_conv=32 head_hidden=64 head_bias=norm",
    "[1,2]x[16,24] block=regnet stride=[2,2] se=input group_width=8 stem=conv3s2:8",
    "[1,2]x[16,24] block=regnetv stride=[2,2] group_width=8 act=silu stem=conv3s2:8",
    "[1,2]x[16,24] block=regnetz group_width=8 act=silu stem=conv3s2:8",
    "[1,2]x[16,24] block=convnext stem=patch4:16",
    "[1,2]x[16,24] block=convnext stem=patch2:16 norm=rms layer_scale=no",
    "[2,1]x[8,16] block=plain stem=none bias=yes pool=max:2 head_hidden=32x32",
    "[1,2]x[16,24] block=[convnext,mbconv] norm=layer stem=patch2:16",
]


def ds_cnn() -> keras.Model:
    """MLPerf Tiny's network for keyword spotting, as its keras_model.py has it."""
    x = images = keras.Input((49, 10, 1))
    x = layers.Conv2D(64, (10, 4), strides=2, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for _ in range(4):
        x = layers.DepthwiseConv2D(3, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(64, 1, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.AveragePooling2D((49 // 2, 10 // 2))(layers.Dropout(0.4)(x))
    return keras.Model(images, layers.Dense(12)(layers.Flatten()(x)))


class LayerScale(layers.Layer):
    """A factor for each channel, which is learned."""

    def build(self, shape: Any) -> None:
        self.gamma = self.add_weight(shape=(shape[-1],), name="gamma")

    def call(self, x: Any) -> Any:
        return x * self.gamma


def twin(text: str) -> keras.Model:
    """The network of a spec in Keras."""
    plan = layout(parse(text))
    c, h, w = plan.spec.input
    x = images = keras.Input((h, w, c))
    for _, nodes in plan.parts():
        x = _chain(nodes, x)
    return keras.Model(images, x)


def _chain(nodes: Iterable[Node], x: Any) -> Any:
    for node in nodes:
        if isinstance(node, Layer):
            x = _layer(node, x)
        elif isinstance(node, Gate):
            x = layers.Multiply()([x, _chain(node.factors, x)])
        else:
            x = layers.Add()([_chain(node.body, x), _chain(node.shortcut, x)])
    return x


def _layer(layer: Layer, x: Any) -> Any:
    y = _OF[layer.kind](layer, x)
    c, *size = layer.out_shape
    assert tuple(y.shape[1:]) == (*size, c), layer
    return y


def _padded(layer: Layer, x: Any) -> Any:
    if layer.kind == "pad" and layer.kernel:
        rows, columns = (b - a for a, b in zip(layer.in_shape[1:], layer.out_shape[1:], strict=True))
        return layers.ZeroPadding2D(((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)))(
            x
        )
    return layers.ZeroPadding2D(layer.padding)(x) if layer.padding else x


def _conv(layer: Layer, x: Any) -> Any:
    how = {"strides": layer.stride, "dilation_rate": layer.dilation, "use_bias": layer.bias}
    if layer.groups == layer.in_shape[0] == layer.out_shape[0] != 1:
        return layers.DepthwiseConv2D(layer.kernel, **how)(_padded(layer, x))
    return layers.Conv2D(layer.out_shape[0], layer.kernel, groups=layer.groups, **how)(_padded(layer, x))


def _mix(layer: Layer, x: Any) -> Any:
    """Depthwise convs side by side; the first has the channels that are left over."""
    n, c = len(layer.kernels), layer.in_shape[0]
    parts, at = [], 0
    for i, kernel in enumerate(layer.kernels):
        width = c // n + (c % n if i == 0 else 0)
        part = layers.ZeroPadding2D(kernel // 2)(x[..., at : at + width])
        parts.append(layers.DepthwiseConv2D(kernel, strides=layer.stride, use_bias=False)(part))
        at += width
    return layers.Concatenate()(parts)


def _conv1d(layer: Layer, x: Any) -> Any:
    """Along the channels of a squeezed map."""
    along = layers.Reshape((layer.in_shape[0], 1))(x)
    along = layers.Conv1D(1, layer.kernel, padding="same", use_bias=False)(along)
    return layers.Reshape((1, 1, layer.in_shape[0]))(along)


def _zero_pad(layer: Layer, x: Any) -> Any:
    more = layer.out_shape[0] - layer.in_shape[0]
    return ops.pad(x[:, :: layer.stride, :: layer.stride], ((0, 0), (0, 0), (0, 0), (0, more)))


def _activation(name: str, _: Layer, x: Any) -> Any:
    return layers.Activation(name)(x)


_OF = {
    "conv": _conv,
    "mix_conv": _mix,
    "conv1d": _conv1d,
    "linear": lambda layer, x: layers.Dense(layer.out_shape[0], use_bias=layer.bias)(x),
    "batch_norm": lambda _, x: layers.BatchNormalization()(x),
    "group_norm": lambda layer, x: layers.GroupNormalization(layer.groups)(x),
    "layer_norm": lambda _, x: layers.LayerNormalization()(x),
    "rms_norm": lambda _, x: layers.RMSNormalization()(x),
    "layer_scale": lambda _, x: LayerScale()(x),
    "max_pool": lambda layer, x: layers.MaxPooling2D(layer.kernel, layer.stride)(_padded(layer, x)),
    "avg_pool": lambda layer, x: layers.AveragePooling2D(layer.kernel, layer.stride)(_padded(layer, x)),
    "global_pool": lambda _, x: layers.GlobalAveragePooling2D(keepdims=True)(x),
    "squeeze": lambda _, x: layers.GlobalAveragePooling2D(keepdims=True)(x),
    "flatten": lambda _, x: layers.Flatten()(x),
    "pad": _padded,
    "zero_pad": _zero_pad,
    "relu": partial(_activation, "relu"),
    "relu6": partial(_activation, "relu6"),
    "silu": partial(_activation, "silu"),
    "hswish": partial(_activation, "hard_swish"),
    "gelu": partial(_activation, "gelu"),
    "sigmoid": partial(_activation, "sigmoid"),
    "hsigmoid": partial(_activation, "hard_sigmoid"),
}


def figures(model: keras.Model) -> dict[str, int]:
    """What Keras says of a model."""
    trained, others = (
        sum(prod(weight.shape) for weight in weights)
        for weights in (model.trainable_weights, model.non_trainable_weights)
    )
    return {
        "total params": model.count_params(),
        "trainable params": trained,
        "non-trainable params": others,
    }


def main() -> None:
    """Writes the table."""
    with TABLE.open("w", newline="") as file:
        head = ["keras", "network", "spec", "total params", "trainable params", "non-trainable params"]
        rows = csv.DictWriter(file, head, lineterminator="\n")
        rows.writeheader()
        for network, spec in (*APPLICATIONS.items(), (DS_CNN, "ds-cnn"), *(("", text) for text in TWINS)):
            if network == DS_CNN:
                made = ds_cnn()
            else:
                made = getattr(keras.applications, network)(weights=None) if network else twin(spec)
            rows.writerow({"keras": keras.__version__, "network": network, "spec": spec, **figures(made)})
            sys.stderr.write(f"{network or spec}\n")
            keras.backend.clear_session()


if __name__ == "__main__":
    main()
