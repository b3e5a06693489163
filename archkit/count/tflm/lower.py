"""`lower`: Plan -> the graph of a TensorFlow Lite file.

Norms and learned factors are folded into the conv before them, ReLU and ReLU6 into the operator before them.
A norm that stands alone, as in front of a pre-activation block, is a depthwise 1x1 conv. torch pads a conv or
a pool alike on both sides; where TensorFlow's `SAME` would pad otherwise, an operator of its own pads, or a
depthwise conv has a row and a column of zeros more, which costs less than a second copy of a wide map. The
body of a residual runs before its shortcut, as in `archkit.count.memory`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from archkit.blocks.sides import both, by_sides
from archkit.count.tflm.draft import Draft, Rest
from archkit.count.tflm.graph import Constant, Graph
from archkit.count.tflm.padding import explicit, fits_same, widened
from archkit.errors import ExportError
from archkit.plan import Gate, Layer, Node, Plan, Residual, Shape, layers_of

__all__ = ["NORMALISATION", "lower", "lower_chain"]

NORMALISATION: Final = "normalisation"
"""What a graph that takes pixels calls its first operator, which is no layer of the network."""

_ALONE: Final = {"relu": "RELU", "relu6": "RELU6", "hswish": "HARD_SWISH", "sigmoid": "LOGISTIC"}
_NONE: Final = {
    "group_norm": "group norm, whose mean and deviation are those of each image",
    "layer_norm": "layer norm, whose mean and deviation are those of each position",
    "rms_norm": "root mean square norm, whose divisor is that of each position",
    "simple_norm": "a norm whose deviation is that of each position",
    "response_norm": "global response normalisation",
    "gelu": "GELU",
    "gelu-tanh": "GELU",
    "std_conv": "convs whose weights are standardised",
    "mix_conv": "kernels side by side",
}
_JOINS: Final = ("add", "scale")  # drawn by the node that they end


def lower(plan: Plan, *, pixels: bool = False) -> Graph:
    """The graph of a network; where it takes `pixels`, its first operator normalises them.

    That is a depthwise 1x1 conv, a factor and a summand for each channel.

    Raises:
        ExportError: the network has a layer that TensorFlow Lite Micro has no operator for.
    """
    nodes = [node for _, part in plan.parts() for node in part]
    return lower_chain(nodes, plan.spec.input, pixels=pixels)


def lower_chain(nodes: Sequence[Node], entered: Shape, *, pixels: bool = False) -> Graph:
    """The graph of nodes alone, which a map of C x H x W enters, as pixels or normalised.

    Raises:
        ExportError: as `lower`.
    """
    for layer in layers_of(nodes):
        if layer.kind not in _DRAWN and layer.kind not in _JOINS:
            what = _NONE.get(layer.kind, layer.kind)
            raise ExportError(f"{layer.name}: TensorFlow Lite Micro has no operator for {what}")
        if layer.dilation > 1 or (layer.kind == "blur_pool" and not layer.padding):
            what = "dilated convs" if layer.dilation > 1 else "a blur between zeros"
            raise ExportError(f"{layer.name}: archkit writes no {what} for TensorFlow Lite yet")
    draft = _Lowering(entered)
    output = draft.chain(nodes, draft.factors(NORMALISATION, 0, Rest(())) if pixels else 0)
    return Graph(tuple(draft.tensors), tuple(draft.ops), output)


class _Lowering(Draft):
    """Draws the nodes of a plan."""

    def chain(self, nodes: Sequence[Node], x: int) -> int:
        """Draws a chain that reads tensor `x`, and returns the one that it leaves."""
        rest = Rest(nodes)
        while rest:
            node = rest.take()
            if isinstance(node, Layer):
                x = _DRAWN[node.kind](self, node, x, rest)
            elif isinstance(node, Gate):
                factors = self.chain(node.factors, x)
                x = self.op("MUL", (x, factors), self.shape(x), act=rest.fused(), layer=node.scale.name)
            else:
                x = self._residual(node, x, rest)
        return x

    def _residual(self, node: Residual, x: int, rest: Rest) -> int:
        out = self.chain(node.body, x)
        aside = self.chain(node.shortcut, x)
        return self.op("ADD", (out, aside), self.shape(out), act=rest.fused(), layer=node.add.name)

    def conv(self, layer: Layer, x: int, rest: Rest, *, same: bool = False) -> int:
        c_out, h, w = layer.out_shape
        c_in, kernel, stride = layer.in_shape[0], layer.kernel, layer.stride
        depthwise = layer.groups == c_in and layer.groups > 1
        if layer.padding:
            same = fits_same(layer)
            wider = widened(layer) if depthwise and not same else None
            if wider is not None:
                same, kernel = True, wider
            elif not same:
                x = self.padded(x, explicit(layer), layer=layer.name)
        more: dict[str, Any] = {"stride": stride, "same": same}
        out = (1, h, w, c_out)
        if depthwise:
            how = Constant("weight", layer.name, "depthwise")
            return self.weighted(
                "DEPTHWISE_CONV_2D",
                x,
                (1, *both(kernel), c_out),
                how=how,
                out=out,
                rest=rest,
                multiplier=c_out // c_in,
                **more,
            )
        how = Constant("weight", layer.name, "conv")
        return self.weighted(
            "CONV_2D", x, (c_out, *both(kernel), c_in // layer.groups), how=how, out=out, rest=rest, **more
        )

    def pad(self, layer: Layer, x: int, rest: Rest) -> int:
        """TensorFlow's padding, which the conv behind it can do itself."""
        conv = rest.layer(("conv",))
        if conv is None:
            raise ExportError(f"{layer.name} pads a map for no conv")
        return self.conv(conv, x, rest, same=True)

    def conv1d(self, layer: Layer, x: int, rest: Rest) -> int:
        """The channels stand in a row for it."""
        c, k = layer.in_shape[0], layer.kernel
        row = self.reshaped(x, (1, c, 1, 1), layer)
        how = Constant("weight", layer.name, "along")
        out = self.weighted("CONV_2D", row, (1, k, 1, 1), how=how, out=(1, c, 1, 1), rest=rest, same=True)
        return self.reshaped(out, (1, 1, 1, c), layer)

    def norm(self, layer: Layer, x: int, rest: Rest) -> int:
        """A norm, or a learned factor, that has no conv before it."""
        return self.factors(layer.name, x, rest)

    def factors(self, name: str, x: int, rest: Rest) -> int:
        """A factor and a summand for each channel."""
        shape = self.shape(x)
        how = Constant("weight", name, "factor")
        return self.weighted("DEPTHWISE_CONV_2D", x, (1, 1, 1, shape[-1]), how=how, out=shape, rest=rest)

    def alone(self, layer: Layer, x: int, _rest: Rest) -> int:
        """An activation that no operator before it takes in."""
        return self.op(_ALONE[layer.kind], (x,), self.shape(x), layer=layer.name)

    def silu(self, layer: Layer, x: int, _rest: Rest) -> int:
        factors = self.op("LOGISTIC", (x,), self.shape(x), layer=layer.name)
        return self.op("MUL", (x, factors), self.shape(x), layer=layer.name)

    def hsigmoid(self, layer: Layer, x: int, _rest: Rest) -> int:
        """ReLU6(x + 3) / 6."""
        three = self.constant((1,), Constant("number", numbers=(3.0,)))
        above = self.op("ADD", (x, three), self.shape(x), act="relu6", layer=layer.name)
        sixth = self.constant((1,), Constant("number", numbers=(1 / 6,)))
        return self.op("MUL", (above, sixth), self.shape(x), layer=layer.name)

    def max_pool(self, layer: Layer, x: int, rest: Rest) -> int:
        same = fits_same(layer) if layer.padding or layer.ceil else False
        if (layer.padding or layer.ceil) and not same:
            # What is padded must not win: 0 cannot where no value is below it.
            kind = "PAD" if x in self.not_negative else "PADV2"
            x = self.padded(x, explicit(layer), layer=layer.name, kind=kind)
        return self._pool("MAX_POOL_2D", layer, x, layer.window, same, rest)

    def avg_pool(self, layer: Layer, x: int, rest: Rest) -> int:
        # Windows that reach over the edge count what is inside, in both libraries, but `SAME` may begin
        # before the map.
        if layer.ceil and not fits_same(layer):
            (_, h, w), by = layer.in_shape, by_sides(layer.kernel)
            raise ExportError(
                f"{layer.name}: TensorFlow Lite has no average pooling of {h}x{w} by {by}, which"
                " cuts the last window short"
            )
        return self._pool("AVERAGE_POOL_2D", layer, x, layer.window, layer.ceil, rest)

    def whole_pool(self, layer: Layer, x: int, rest: Rest) -> int:
        """The mean over H and W: one window over all of the map."""
        window = (layer.in_shape[1], layer.in_shape[2])
        if window == (1, 1):
            return x
        return self._pool("AVERAGE_POOL_2D", layer, x, window, False, rest)

    def _pool(self, kind: str, layer: Layer, x: int, window: tuple[int, int], same: bool, rest: Rest) -> int:
        c, h, w = layer.out_shape
        act = rest.fused()
        out = self.op(
            kind,
            (x,),
            (1, h, w, c),
            like=x,
            stride=layer.stride,
            window=window,
            same=same,
            act=act,
            layer=layer.name,
        )
        if x in self.not_negative:
            self.not_negative.add(out)
        return out

    def blur_pool(self, layer: Layer, x: int, rest: Rest) -> int:
        """The map padded by reflection, and a depthwise conv whose filter is fixed."""
        c, h, w = layer.out_shape
        x = self.padded(x, (1, 1, 1, 1), layer=layer.name, kind="MIRROR_PAD")
        how = Constant("weight", layer.name, "blur")
        return self.weighted(
            "DEPTHWISE_CONV_2D", x, (1, 3, 3, c), how=how, out=(1, h, w, c), rest=rest, stride=2
        )

    def zero_pad(self, layer: Layer, x: int, _rest: Rest) -> int:
        """A pool of 1x1 takes every s-th row and column; the new channels are padded."""
        c, h, w = layer.out_shape
        c_in = layer.in_shape[0]
        if layer.stride > 1:
            x = self.op("MAX_POOL_2D", (x,), (1, h, w, c_in), like=x, stride=layer.stride, layer=layer.name)
        return self.padded(x, (0, 0, 0, 0), channels=c - c_in, layer=layer.name) if c > c_in else x

    def flatten(self, _layer: Layer, x: int, _rest: Rest) -> int:
        """A linear layer reads a map of any shape; its weights are laid out for the order of H x W x C."""
        return x

    def linear(self, layer: Layer, x: int, rest: Rest) -> int:
        shape = self.shape(x)
        entered = (shape[3], shape[1], shape[2]) if len(shape) == 4 else ()
        k, n = layer.out_shape[0], layer.in_shape[0]
        how = Constant("weight", layer.name, "linear", entered=entered)
        return self.weighted("FULLY_CONNECTED", x, (k, n), how=how, out=(1, k), rest=rest)


_Drawn = Callable[[_Lowering, Layer, int, Rest], int]

_DRAWN: Final[Mapping[str, _Drawn]] = {
    "conv": _Lowering.conv,
    "conv1d": _Lowering.conv1d,
    "batch_norm": _Lowering.norm,
    "layer_scale": _Lowering.norm,
    **dict.fromkeys(_ALONE, _Lowering.alone),
    "silu": _Lowering.silu,
    "hsigmoid": _Lowering.hsigmoid,
    "max_pool": _Lowering.max_pool,
    "avg_pool": _Lowering.avg_pool,
    "global_pool": _Lowering.whole_pool,
    "squeeze": _Lowering.whole_pool,
    "blur_pool": _Lowering.blur_pool,
    "zero_pad": _Lowering.zero_pad,
    "pad": _Lowering.pad,
    "flatten": _Lowering.flatten,
    "linear": _Lowering.linear,
}
"""How each kind of layer is drawn; what joins two maps is drawn by its node."""
