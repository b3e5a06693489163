from __future__ import annotations

import pytest
from hypothesis import given

from archkit.count import count, equation1, totals
from archkit.plan import layout
from archkit.spec import ArchSpec, parse
from tests.strategies import specs

# From the paper's own tables and the authors' published code: (parameters, what the paper prints).
PAPER = {
    "resnet10": 4_980_234,
    "resnet12": 195_738,
    "resnet14-4": 3_152_410,
    "resnet14-5": 4_130_458,
    "paper-resnet18": 11_178_762,
}


@pytest.mark.parametrize(("name", "params"), PAPER.items())
def test_the_papers_networks(name: str, params: int) -> None:
    assert totals(parse(name)).params == params
    assert count(parse(name)).params == params


def test_the_plain_resnet10_by_hand() -> None:
    account = count(parse("[2,1,1,1]x[64,128,256,512]"))
    conv = {
        "stem": (27 * 64, 1024),
        "stage1": (4 * 9 * 64 * 64, 1024),
        "stage2": (9 * 64 * 128 + 9 * 128 * 128 + 64 * 128, 256),
        "stage3": (9 * 128 * 256 + 9 * 256 * 256 + 128 * 256, 64),
        "stage4": (9 * 256 * 512 + 9 * 512 * 512 + 256 * 512, 16),
    }
    norm = {"stem": 64, "stage1": 4 * 64, "stage2": 3 * 128, "stage3": 3 * 256, "stage4": 3 * 512}
    for part in account.parts[:-1]:
        weights, area = conv[part.name]
        assert part.params == weights + 2 * norm[part.name]
        assert part.macs == weights * area
        assert part.activations == norm[part.name] * area
    assert account.parts[-1].params == 5130
    assert account.params == 4_977_226
    assert account.macs == 328_930_304
    # Equation 1 counts a bias where there is none, and no norm: the gap is one norm channel each.
    assert account.params - account.params_equation1 == sum(norm.values()) == 3008


def test_one_squeeze_excite_after_the_stem() -> None:
    """A published network under 5M: 4,697,742 parameters, 580 of them in one squeeze-and-excitation."""
    plain = totals(parse("[4,4,3]x[64,128,256]")).params
    attended = totals(parse("[4,4,3]x[64,128,256] stem_attn=se-plain")).params
    assert attended - plain == 64 * 4 + 4 + 4 * 64 + 64 == 580
    assert attended == 4_697_742


# Printed in He et al. 2016a, table 6, in millions.
HE_TABLE_6 = {
    "resnet20": "0.27",
    "resnet32": "0.46",
    "resnet44": "0.66",
    "resnet56": "0.85",
    "resnet110": "1.7",
    "resnet1202": "19.4",
}
# Zagoruyko and Komodakis 2016, tables 4 and 5, in millions.
WRN_TABLE = {
    "wrn-40-1": "0.6",
    "wrn-40-2": "2.2",
    "wrn-40-4": "8.9",
    "wrn-16-8": "11.0",
    "wrn-22-8": "17.2",
    "wrn-28-10": "36.5",
}


@pytest.mark.parametrize(("name", "printed"), [*HE_TABLE_6.items(), *WRN_TABLE.items()])
def test_published_tables(name: str, printed: str) -> None:
    params = totals(parse(name)).params
    assert f"{params / 1e6:.{len(printed.partition('.')[2])}f}" == printed


def test_equation_1_is_a_conv_with_bias() -> None:
    assert equation1(3, 3, 64, 128) == 9 * 64 * 128 + 128


# torchvision documents these counts with its weights (resnet18: 11,689,512 parameters, ...).
TORCHVISION = [
    ("[2,2,2,2]x[64,128,256,512] stem=conv7", 11_689_512),
    ("[3,4,6,3]x[64,128,256,512] stem=conv7", 21_797_672),
    ("[3,4,6,3]x[64,128,256,512] block=bottleneck stem=conv7", 25_557_032),
    ("[3,4,6,3]x[64,128,256,512] block=bottleneck stem=conv7 groups=32 base_width=4", 25_028_904),
    ("[3,4,6,3]x[64,128,256,512] block=bottleneck stem=conv7 base_width=128", 68_883_240),
]


@pytest.mark.parametrize(("text", "params"), TORCHVISION)
def test_published_counts(text: str, params: int) -> None:
    assert totals(parse(f"{text} input=3x224x224 classes=1000")).params == params


@given(specs())
def test_the_closed_form_is_the_sum_over_the_plan(spec: ArchSpec) -> None:
    account = count(spec)
    cost = totals(spec)
    assert (cost.params, cost.macs, cost.activations) == (account.params, account.macs, account.activations)
    main_path = [
        layer
        for layer in layout(spec)
        if layer.kind in ("conv", "std_conv", "mix_conv", "linear")
        and not {"shortcut", "attn", "se"} & set(layer.name.split("."))
    ]
    assert cost.depth == len(main_path)


@given(specs())
def test_parts_add_up(spec: ArchSpec) -> None:
    account = count(spec)
    assert [part.name for part in account.parts] == [
        "stem",
        *(f"stage{i + 1}" for i in range(len(spec.blocks))),
        "head",
    ]
    for figure in ("params", "macs", "activations"):
        assert sum(getattr(part, figure) for part in account.parts) == getattr(account, figure)
        assert sum(getattr(layer, figure) for layer in account.layers) == getattr(account, figure)


def test_deep_networks_are_counted_without_being_laid_out() -> None:
    cost = totals(parse("[100000,100000]x[512,512]"))
    other = 2 * 9 * 512 * 512 + 4 * 512
    first = other + 512 * 512 + 2 * 512
    assert cost.params == 27 * 512 + 1024 + other * 199_999 + first + 5130


@given(specs())
def test_equation_1_and_its_terms_make_the_truth(spec: ArchSpec) -> None:
    account = count(spec)
    assert account.params_equation1 + sum(n for _, n in account.equation1_terms()) == account.params


@given(specs())
def test_operators_add_up(spec: ArchSpec) -> None:
    account = count(spec)
    kinds = account.by_operator()
    assert sum(kind.params for kind in kinds) == account.params
    assert sum(kind.macs for kind in kinds) == account.macs
    assert sum(len(kind.layers) for kind in kinds) == len(account.layers)


def test_what_a_padding_sees_is_not_counted_twice() -> None:
    """A 3x3 stem of stride 2 sees 3 rows, and the conv of the block, whose rows are 2 apart, 2 x 2 more."""
    for padding in ("symmetric", "same"):
        assert count(parse(f"[1]x[8] block=depthwise stem=conv3s2 padding={padding}")).receptive_field == 7
