"""`Pen`: what a network is drawn with, whatever the drawing is for.

A stem, a block and a head are functions that draw with a pen. The plan's pen writes every layer down,
the counter's adds up what the layers cost, a third one writes the closed form as code, and the language's
checks that the widths are possible. So a block is drawn once, and none of them can differ from another.

A pen stands at a map of `c` channels, `h` rows and `w` columns. They are integers, integer arrays of one
shape, or the symbols of the closed form; a drawing treats them alike and so uses only `+ - * //` on them,
and `archkit.blocks.lifted` for any other function of a width.

Legend: C channels, H and W height and width, K kernel size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from archkit.blocks.lifted import at_least
from archkit.blocks.sides import Sides, alike, both

__all__ = ["Draw", "Pen", "windows"]

Draw: TypeAlias = "Callable[[Pen], None]"
"""Draws from where the pen stands."""


def windows(size: Any, kernel: int, stride: int, padding: int, *, ceil: bool = False) -> Any:
    """How many windows of a conv or a pool fit: `(size + 2 padding - kernel) // stride + 1`.

    Args:
        size: rows or columns.
        kernel: of the window.
        stride: between two windows.
        padding: rows added on each side.
        ceil: whether a last, incomplete window counts too.
    """
    more = 2 * padding - kernel + (stride - 1 if ceil else 0)
    if stride == 1:
        return size + (more + 1)
    return (size + more) // stride + 1


class Pen:
    """The verbs of a drawing.

    A pen for a purpose says what it does with a layer (`put`), and where it must know more than that, with
    what is drawn along the way (`part`), beside it (`beside`), and with a gate or a residual as a whole
    (`gated`, `added`).

    Attributes:
        c: channels of the map that the pen stands at; its elements once it is flattened.
        h: rows.
        w: columns.
        flat: whether the map has been flattened.
    """

    __slots__ = ("c", "flat", "h", "w")

    def __init__(self, c: Any, h: Any, w: Any) -> None:
        self.c, self.h, self.w, self.flat = c, h, w, False

    @property
    def shape(self) -> tuple[Any, ...]:
        """(C, H, W) of the map, or (C,) once it is flattened."""
        return (self.c,) if self.flat else (self.c, self.h, self.w)

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """One layer, from where the pen stands to `out`; the other arguments are those of `Layer`."""
        raise NotImplementedError

    def gate(self, name: str, draw: Draw) -> None:
        """A branch that ends in a factor for each channel, by which the map is multiplied."""
        entered = self.shape
        factors = self.beside(name, draw, where=True)
        self.moved(entered)
        self.gated(name, factors)

    def residual(
        self,
        body: Draw,
        shortcut: Draw | None = None,
        *,
        always: bool = False,
        before: Draw | None = None,
        after_before: bool = True,
    ) -> None:
        """The sum of a body and of what its shortcut makes of the same map.

        Args:
            body: the branch with the layers.
            shortcut: what stands on the shortcut where the map changes. Elsewhere the identity does; and
                where the map changes and there is none, the body stands alone.
            always: whether the map counts as changed although as many channels leave as enter: where it
                is strided, say.
            before: what comes before the body (the norm and activation of pre-activation).
            after_before: whether a shortcut that is drawn reads what `before` puts out; the identity
                never does.
        """
        x = self.shape
        ahead = None if before is None else self.part(before)
        entered = self.shape
        inside = self.part(body)
        out = self.shape
        changed = True if always else self.differ(x[0], out[0])
        aside = None
        if shortcut is not None and changed is not False:
            self.moved(entered if after_before else x)
            aside = self.beside("shortcut", shortcut, where=changed)
            self.meet(out, self.shape)
        self.moved(out)
        # Without a shortcut a changed map has nothing to be added to it.
        alone = shortcut is None and changed is True
        if aside is None and not alone:
            self.meet(out, x)
        self.added(ahead, inside, aside, alone=alone, shared=after_before and aside is not None)

    def part(self, draw: Draw) -> Any:
        """Draws a part of the main path, and returns what `added` needs to know of it."""
        draw(self)

    def beside(self, name: str, draw: Draw, *, where: Any) -> Any:
        """Draws a branch beside the main path, and returns what `gated` or `added` needs to know of it.

        Args:
            name: of the branch.
            draw: draws it.
            where: whether it stands there: True, or for each width where widths are arrays or symbols.
        """
        draw(self)

    def meet(self, out: tuple[Any, ...], aside: tuple[Any, ...]) -> None:
        """Says which maps a body and its shortcut leave; the plan's pen sees whether they can be added."""

    def gated(self, name: str, factors: Any) -> None:
        """Ends a gate, with what `beside` returned of its branch."""

    def added(self, ahead: Any, inside: Any, aside: Any, *, alone: bool, shared: bool) -> None:
        """Ends a residual.

        Args:
            ahead: what `part` returned of the part before the body, None where there is none.
            inside: what it returned of the body.
            aside: what `beside` returned of the shortcut, None where the shortcut is the identity.
            alone: whether the body stands alone, with nothing added to it.
            shared: whether the shortcut reads what the part before the body puts out.
        """

    def differ(self, c: Any, other: Any) -> Any:
        """Whether two numbers of channels differ: True or False, or for each width."""
        if c is other:
            return False
        found = c != other
        # One number of numpy's is True or False too, but not the same object.
        return bool(found) if getattr(found, "ndim", None) == 0 else found

    def need(self, condition: Any, reason: str, option: str, **values: Any) -> None:
        """Says what a drawing needs of the widths and sizes. Only the pens that check a spec ask.

        Args:
            condition: whether it is so.
            reason: what is wrong where it is not, as `str.format` takes it: with `values` and `stage`.
            option: of the language, that is to be pointed at.
            values: for the reason.
        """

    def moved(self, out: tuple[Any, ...]) -> None:
        """Stands the pen at another map."""
        if len(out) == 3:
            self.c, self.h, self.w = out
        else:
            (self.c,) = out
            self.h = self.w = 1
            self.flat = True

    def conv(
        self,
        name: str,
        kernel: Sides,
        c_out: Any,
        *,
        stride: int = 1,
        groups: Any = 1,
        bias: bool = False,
        padding: Sides | None = None,
        dilation: int = 1,
        standardised: bool = False,
    ) -> None:
        """A convolution of KxK, or of the rows and columns that `kernel` has.

        It is padded by half of what its kernel spans unless `padding` says otherwise.
        Where it is standardised, its weights are normalised filter by filter before they are used.
        """
        k, j = both(kernel)
        rows, columns = dilation * (k - 1) + 1, dilation * (j - 1) + 1
        above, left = (rows // 2, columns // 2) if padding is None else both(padding)
        out = (c_out, windows(self.h, rows, stride, above), windows(self.w, columns, stride, left))
        kind, more = ("std_conv", {"eps": 8}) if standardised else ("conv", {})
        p = alike(above, left)
        geometry = {"kernel": kernel, "stride": stride, "padding": p, "dilation": dilation, **more}
        self.put(name, kind, out, groups=groups, bias=bias, **geometry)

    def mix(
        self,
        name: str,
        kernels: tuple[int, ...],
        c_out: Any,
        *,
        stride: int = 1,
        groups: Any = 1,
        padding: int | None = None,
    ) -> None:
        """Convs side by side, each of its own kernel and with its share of the channels (MixConv).

        The map is padded for the widest kernel. `groups` is 1, or the channels that enter: depthwise.
        """
        for channels in (self.c, c_out):
            reason = "stage {stage} has {channels} channels for {kernels} kernels side by side"
            enough = channels >= len(kernels)
            self.need(enough, reason, "channels", channels=channels, kernels=len(kernels))
        widest = max(kernels)
        p = widest // 2 if padding is None else padding
        out = (c_out, windows(self.h, widest, stride, p), windows(self.w, widest, stride, p))
        geometry = {"stride": stride, "padding": p, "groups": groups, "kernels": kernels}
        self.put(name, "mix_conv", out, kernel=widest, **geometry)

    def norm(self, name: str, kind: str, groups: int = 1, *, eps: int = 5) -> None:
        """A normalisation of the map: `batch_norm`, `group_norm`, `layer_norm`, ..."""
        self.put(name, kind, self.shape, groups=groups, eps=eps)

    def act(self, name: str, kind: str = "relu") -> None:
        """An activation, element by element."""
        self.put(name, kind, self.shape)

    def pool(
        self, name: str, kind: str, kernel: Sides, stride: int, padding: int = 0, *, ceil: bool = False
    ) -> None:
        """`max_pool`, `avg_pool` or `blur_pool`."""
        h, w = (
            windows(size, k, stride, padding, ceil=ceil)
            for size, k in zip((self.h, self.w), both(kernel), strict=True)
        )
        self.put(name, kind, (self.c, h, w), kernel=kernel, stride=stride, padding=padding, ceil=ceil)

    def layer_scale(self, name: str) -> None:
        """A factor for each channel, which is learned."""
        self.put(name, "layer_scale", self.shape)

    def response_norm(self, name: str) -> None:
        """Global response normalisation: each channel by how strongly it responds to the whole map."""
        self.put(name, "response_norm", self.shape)

    def pad(self, name: str, kernel: Sides, stride: int) -> None:
        """Zeros around the map, as TensorFlow's `SAME` padding puts them for a conv that follows."""
        h, w = (
            size + at_least(0, k - 1 - (size - 1) % stride)
            for size, k in zip((self.h, self.w), both(kernel), strict=True)
        )
        self.put(name, "pad", (self.c, h, w), kernel=kernel, stride=stride)

    def zeros(self, name: str, sides: int) -> None:
        """So many rows and columns of zeros on every side of the map."""
        self.put(name, "pad", (self.c, self.h + 2 * sides, self.w + 2 * sides), padding=sides)

    def squeeze(self, name: str) -> None:
        """The mean over H and W, inside a gate."""
        self.put(name, "squeeze", (self.c, 1, 1))

    def conv1d(self, name: str, kernel: Any) -> None:
        """A convolution along the channels of a squeezed map."""
        self.put(name, "conv1d", self.shape, kernel=kernel, padding=kernel // 2)

    def zero_pad(self, name: str, c_out: Any, stride: int) -> None:
        """Every s-th row and column, and zeros for the channels that are new."""
        out = (c_out, windows(self.h, 1, stride, 0), windows(self.w, 1, stride, 0))
        self.put(name, "zero_pad", out, stride=stride)

    def global_pool(self, name: str) -> None:
        """The mean over H and W, in the head."""
        self.put(name, "global_pool", (self.c, 1, 1))

    def flatten(self, name: str) -> None:
        """The map as one row."""
        self.put(name, "flatten", (self.c * self.h * self.w,))

    def linear(self, name: str, outputs: Any, *, bias: bool = True) -> None:
        """A linear layer on a flattened map."""
        self.put(name, "linear", (outputs,), bias=bias)
