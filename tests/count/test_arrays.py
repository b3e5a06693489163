from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings

from archkit.count import arrays, totals
from archkit.count.arrays import count_arrays
from archkit.errors import BudgetError, SpecError
from archkit.spec import ArchSpec, parse
from tests.strategies import share, specs

SETTINGS = [
    "",
    "bias=yes shortcut=conv3",
    "block=bottleneck stem=conv7 input=3x224x224 classes=1000",
    "block=bottleneck groups=4 base_width=32 attn=se",
    "block=preact stem=16 project=stage",
    "stem=deep:16 shortcut=avg attn=eca stride=[1,2,1,2]",
    "block=[basic,bottleneck,basic,bottleneck] kernel=[3,5,3,1] norm=none",
    "stem_attn=se-plain aa=blur stem_pool=max pool=2",
]


def random_networks(text: str, n: int, step: int, seed: int) -> tuple[ArchSpec, np.ndarray, np.ndarray]:
    draw = random.Random(seed)  # noqa: S311 - a test's dice
    blocks = [[draw.randint(1, 60) for _ in range(4)] for _ in range(n)]
    channels = [[draw.randint(1, 40) * step for _ in range(4)] for _ in range(n)]
    return parse(f"[1,1,1,1]x[8,8,8,8] {text}"), np.array(blocks), np.array(channels)


@pytest.mark.parametrize("by_numpy", [False, True])
@pytest.mark.parametrize("text", SETTINGS)
def test_equal_to_the_scalar_counter(text: str, by_numpy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 networks in all: 625 for each setting and each of the two ways."""
    if by_numpy:
        monkeypatch.setattr(arrays, "find_spec", lambda _: None)
    like, blocks, channels = random_networks(text, 625, 12, seed=len(text))
    params, macs = count_arrays(like, blocks, channels)
    for i in range(len(blocks)):
        cost = totals(like.replace(blocks=tuple(blocks[i].tolist()), channels=tuple(channels[i].tolist())))
        assert (params[i], macs[i]) == (cost.params, cost.macs)


@given(specs())
@settings(max_examples=share(0.5))
def test_one_network_of_any_kind(spec: ArchSpec) -> None:
    params, macs = count_arrays(spec, np.array([spec.blocks]), np.array([spec.channels]))
    cost = totals(spec)
    assert (params.tolist(), macs.tolist()) == ([cost.params], [cost.macs])


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.int64])
def test_any_integers(dtype: type) -> None:
    blocks, channels = np.array([[2, 1, 1, 1]], dtype), np.array([[64, 128, 256, 512]], dtype)
    assert count_arrays(parse("[1,1,1,1]x[8,8,8,8]"), blocks, channels)[0].tolist() == [4_977_226]


def test_none_at_all() -> None:
    empty = np.zeros((0, 2), dtype=np.int64)
    params, macs = count_arrays(parse("[1,1]x[8,8]"), empty, empty)
    assert len(params) == len(macs) == 0


def test_figures_past_64_bits_are_refused() -> None:
    like = parse("[1,1]x[8,8] input=3x16384x16384")
    with pytest.raises(BudgetError, match="64 bits"):
        count_arrays(like, np.full((3, 2), 100_000), np.full((3, 2), 65_536))


@pytest.mark.parametrize(
    ("blocks", "channels", "words"),
    [
        (np.ones((2, 3), int), np.ones((2, 3), int), "must be N x 2"),
        (np.ones((2, 2), int), np.ones((3, 2), int), "must be N x 2"),
        (np.ones((2, 2)), np.ones((2, 2), int), "must be integers"),
        (np.zeros((2, 2), int), np.ones((2, 2), int), "blocks must be 1 to"),
        (np.ones((2, 2), int), np.full((2, 2), 10**6), "channels must be 1 to"),
    ],
)
def test_mistakes(blocks: np.ndarray, channels: np.ndarray, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        count_arrays(parse("[1,1]x[8,8]"), blocks, channels)
