"""The layers that torch has no module for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

__all__ = [
    "BlurPool",
    "ChannelNorm",
    "LayerScale",
    "MixConv",
    "ResponseNorm",
    "RmsNorm",
    "SamePad",
    "ScaledNorm",
    "SimpleNorm",
    "Squeeze",
    "StdConv2d",
    "ZeroPad",
    "gelu_tanh",
    "shares",
]


def gelu_tanh(x: Tensor) -> Tensor:
    """GELU by the hyperbolic tangent, of any shape."""
    return F.gelu(x, approximate="tanh")


class ZeroPad(nn.Module):
    """Option A of He et al. 2016a: every s-th row and column, and zeros for the channels that are new.

    Attributes:
        before: how many of the new channels stand before the old ones. None here; others put half of them
            there, and `infer` tries both.
    """

    def __init__(self, stride: int, c_in: int, c_out: int) -> None:
        super().__init__()
        self.stride = stride
        self.new = c_out - c_in
        self.before = 0

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x (C + new) x ceil(H / s) x ceil(W / s)."""
        channels = (self.before, self.new - self.before)
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, *channels))


class BlurPool(nn.Module):
    """Every second row and column of the map blurred by the binomial 3x3 filter (Zhang 2019)."""

    filter: Tensor

    def __init__(self, channels: int, *, padding: int = 1) -> None:
        super().__init__()
        self.padding = padding  # by which the map is reflected at its edges
        # Neither learned nor saved, since the number of channels is all that it depends on.
        self.register_buffer("filter", torch.empty(channels, 1, 3, 3), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fills the filter. torch calls this by its name, for a network that was made on `meta`."""
        row = torch.tensor([1.0, 2.0, 1.0], device=self.filter.device) / 4
        self.filter.copy_(row[:, None] * row[None, :])

    def beside(self, weight: Tensor) -> None:
        """Fills the filter; from `meta` it first moves to where a weight of the network lies."""
        if self.filter.is_meta and not weight.is_meta:
            self.filter = torch.empty(self.filter.shape, device=weight.device, dtype=weight.dtype)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x C x ceil(H / 2) x ceil(W / 2)."""
        padded = F.pad(x, (self.padding,) * 4, mode="reflect") if self.padding else x
        return F.conv2d(padded, self.filter, stride=2, groups=x.shape[1])


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each position of a map (Liu et al. 2022)."""

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> the same; or B x C -> the same."""
        if x.ndim == 2:
            return super().forward(x)
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ScaledNorm(nn.Module):
    """The channels of each position over how much they spread, times a learned factor for each."""

    def __init__(self, channels: int, *, eps: float) -> None:
        super().__init__()
        self.normalized_shape = (channels,)
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets the factors. torch calls this by its name, for a network that was made on `meta`."""
        nn.init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> the same."""
        # Written out, not by torch's function, so that every version of torch keeps the same tensors.
        return x * torch.rsqrt(self.spread(x) + self.eps) * self.weight[:, None, None]

    def spread(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x 1 x H x W: the square of what the channels are divided by."""
        raise NotImplementedError


class RmsNorm(ScaledNorm):
    """Root mean square norm over the channels of each position (Zhang and Sennrich 2019)."""

    def spread(self, x: Tensor) -> Tensor:
        """The mean of the squares."""
        squares: Tensor = x.pow(2).mean(1, keepdim=True)
        return squares


class SimpleNorm(ScaledNorm):
    """The same by the standard deviation, with one less in its divisor: timm's SimpleNorm."""

    def spread(self, x: Tensor) -> Tensor:
        """The variance."""
        return x.var(1, keepdim=True)


class ResponseNorm(nn.Module):
    """Global response normalisation (Woo et al. 2023), which at first changes nothing.

    A channel is scaled by its L2 norm over the map, as a share of the mean norm of all channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.eps = 1e-6
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets both to 0. torch calls this by its name, for a network that was made on `meta`."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> the same."""
        response: Tensor = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True)
        share = response / (response.mean(1, keepdim=True) + self.eps)
        # x + (weight * x * share + bias), with one product of the size of the map in place of two.
        return x * (self.weight[:, None, None] * share + 1) + self.bias[:, None, None]


class LayerScale(nn.Module):
    """A learned factor for each channel (Touvron et al. 2021), small at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets the factors. torch calls this by its name, for a network that was made on `meta`."""
        nn.init.constant_(self.weight, 1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> the same."""
        return x * self.weight[:, None, None]


def shares(channels: int, n: int) -> list[int]:
    """The channels of each of so many convs side by side; the first has what is over."""
    return [channels // n + (channels % n if i == 0 else 0) for i in range(n)]


class MixConv(nn.Module):
    """Convs side by side, each with its kernel and its share of the channels (MixConv, Tan and Le 2019).

    `padding` is that of the widest kernel. The others have less of it; if it is 0, they do not see the edges.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernels: tuple[int, ...],
        *,
        stride: int,
        padding: int,
        depthwise: bool,
    ) -> None:
        super().__init__()
        self.shares = shares(c_in, len(kernels))
        widest = max(kernels)
        self.crops = tuple(max(0, (widest - kernel) // 2 - padding) for kernel in kernels)
        sides = [max(0, padding - (widest - kernel) // 2) for kernel in kernels]
        for i, (enter, leave) in enumerate(zip(self.shares, shares(c_out, len(kernels)), strict=True)):
            groups = enter if depthwise else 1
            conv = nn.Conv2d(enter, leave, kernels[i], stride, sides[i], groups=groups, bias=False)
            self.add_module(str(i), conv)

    @property
    def parts(self) -> tuple[object, ...]:
        """What each conv is, in all that matters."""
        return tuple((type(conv), *map(str, (conv, self.shares, self.crops))) for conv in self.children())

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x C' x H' x W'."""
        h, w = x.shape[2], x.shape[3]
        each = zip(self.children(), torch.split(x, self.shares, 1), self.crops, strict=True)
        return torch.cat([conv(part[:, :, a : h - a, a : w - a] if a else part) for conv, part, a in each], 1)


class SamePad(nn.Module):
    """The zeros that TensorFlow's `SAME` padding puts around a map for a strided conv behind it.

    As many as the last window needs; of an odd number the last row and column get one more.
    """

    def __init__(self, kernel_size: int | tuple[int, int], stride: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x C x H + p x W + q."""
        rows, columns = self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size,) * 2
        sides = ((columns, x.shape[3]), (rows, x.shape[2]))
        more = [max(0, k - 1 - (size - 1) % self.stride) for k, size in sides]
        return F.pad(x, [side for n in more for side in (n // 2, n - n // 2)])


class Squeeze(nn.Module):
    """The mean over H and W."""

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x C x 1 x 1."""
        return x.mean((2, 3), keepdim=True)


class StdConv2d(nn.Conv2d):
    """A conv whose weights are standardised (Qiao et al. 2019): each filter has mean 0 and variance 1."""

    eps = 1e-8  # as in timm's BiT

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x C' x H' x W'."""
        filters = self.weight.reshape(1, self.out_channels, -1)
        # Batch norm without statistics of its own: torch keeps less of it than of the formula written out.
        weight = F.batch_norm(filters, None, None, training=True, momentum=0.0, eps=self.eps)
        out: Tensor = self._conv_forward(x, weight.reshape_as(self.weight), self.bias)
        return out
