"""Published figures that hide what they count, or a convention that the notation does not show."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

import archkit
from archkit.count import count, totals
from archkit.count.reconcile import reconcile
from archkit.count.reconcile.variants import Variants
from archkit.errors import BudgetError, SpecError
from archkit.plan import layout
from archkit.spec import ArchSpec, parse
from tests.conftest import Cli
from tests.strategies import share, specs

IMAGENET = "input=3x224x224 classes=1000"
PREACT18 = f"[2,2,2,2]x[64,128,256,512] block=preact stem=conv7 {IMAGENET}"
PREACT50 = f"[3,4,6,3]x[64,128,256,512] block=preact-bottleneck stem=conv7 {IMAGENET}"
STATISTICS = "total params as keras counts it"
FLOPS = "FLOPs = 2 x MACs"
BINARY = "parameters, M = 2^20"
OLDER = "macs as an older ptflops counts it"

# spec, figure, changes, what the figure is: as each was published.
PUBLISHED = [
    # He et al. 2016a, table 1: v1.
    ("resnet50", "3.8e9", {"stride_at=first"}, "MACs"),
    ("resnet101", "7.6e9", {"stride_at=first"}, "MACs"),
    ("resnet152", "11.3e9", {"stride_at=first"}, "MACs"),
    # The ECA-Net paper's table.
    ("resnet50", "24.37M", set(), BINARY),
    ("resnet101", "42.49M", set(), BINARY),
    ("resnet152", "57.40M", set(), BINARY),
    ("resnet50", "8.2e9", set(), FLOPS),
    ("resnet50", "8.2 GFLOPs", set(), FLOPS),
    ("resnet50", "4.1 GFLOPs", set(), "MACs"),  # as many papers write
    ("resnet50", "25,636,712", {"bias=yes"}, STATISTICS),  # Keras
    ("[1,1,1]x[16,32,64]", "78,666", {"shortcut_norm=no", "bias=yes"}, STATISTICS),  # MLPerf Tiny
    (PREACT18, "11,687,848", {"stem_norm=yes"}, "parameters"),  # osmr/imgclsmob
    (PREACT50, "25,549,480", {"stem_norm=yes"}, "parameters"),
    # What tools print for torchvision's modules, and for one with its stride moved.
    ("resnet50", "4,133,742,592", set(), "macs as thop counts it"),
    ("resnet50", "4,111,512,576", set(), "flops as fvcore counts it"),
    ("resnet50", "3,900,424,192", {"stride_at=first"}, "macs as thop counts it"),
    # The README of ptflops, when it looked at modules alone.
    ("resnet50", "4.12 GMac", set(), OLDER),
    ("resnet101", "7.85 GMac", set(), OLDER),
    ("resnet152", "11.58 GMac", set(), OLDER),
    ("resnet50", "4.09G", set(), "MACs"),
    # 4,089,184,256 / 1,024^3 = 3.808.
    ("resnet50", "3.81G", set(), "MACs, G = 2^30"),
    # torchvision's ResNet-18, from its blocks and widths alone.
    (f"[2,2,2,2]x[64,128,256,512] {IMAGENET}", "11.69M", {"stem=conv7"}, "parameters"),
    ("[4,4,3]x[64,128,256]", "4,697,742", {"stem_attn=se-plain"}, "parameters"),
    ("[9,9,9]x[16,32,64]", "862,889", {"attn=se-plain"}, "parameters"),
    ("[5,5,5]x[160,320,640] stem=16", "45,901,914", {"shortcut=pad"}, "parameters"),
    ("resnet50", "22,803,176", {"shortcut=pad", "bias=yes"}, "parameters"),
    ("resnet34", "21,810,472", {"project=stage", "bias=yes"}, "parameters"),
]


@pytest.mark.parametrize(("text", "figure", "changes", "reading"), PUBLISHED)
def test_the_first_answer(text: str, figure: str, changes: set[str], reading: str) -> None:
    first = reconcile(text, figure)[0]
    assert (set(first.changes), first.reading) == (changes, reading)
    assert (first.fit == "exact") == figure.replace(",", "").isdigit()
    assert not first.near
    assert (first.params, first.macs) == totals(first.spec)[:2]


def test_what_the_reading_comes_to() -> None:
    assert reconcile("resnet50", "8.2e9")[0].number == 2 * 4_089_184_256
    assert reconcile("resnet50", "24.37M")[0].number == 25_557_032
    assert reconcile("[1,1,1]x[16,32,64]", 78_666)[0].params == 78_186
    # The rule of modules alone, by hand for ResNet-50: batch norm twice the 11,113,984 elements, the bias of
    # the head, and once what ReLU puts out and the pools take in, 10,511,872.
    older = reconcile("resnet50", "4.12 GMac")[0].number
    assert older == 4_089_184_256 + 1000 + 2 * 11_113_984 + 10_511_872


class TestWhatTheFigureCounts:
    def test_a_figure_is_taken_for_what_it_is_nearer_to(self) -> None:
        assert reconcile("resnet50", "4.09G")[0].macs == 4_089_184_256
        assert reconcile("resnet50", "25.6M")[0].reading == "parameters"
        assert reconcile("resnet20", "41M")[0].reading == "MACs"

    def test_who_says_what_it_counts_gets_that(self) -> None:
        assert reconcile("resnet50", "4.09G", quantity="params") == ()
        assert reconcile("resnet50", "25.6M params")[0].reading == "parameters"
        assert reconcile("resnet50", "25.6M", quantity="macs") == ()

    def test_the_other_quantity_where_nothing_explains_the_nearer(self) -> None:
        spec = parse("[1,1]x[64,128] input=3x8x8")
        kernels = totals(spec.replace(kernel=7)).params
        assert kernels / totals(spec).params > totals(spec).macs / kernels  # as ratios, nearer to the MACs
        assert reconcile(spec, kernels)[0].changes == ("kernel=7",)
        assert reconcile(spec, kernels)[0].reading == "parameters"

    def test_statistics_that_the_digits_do_not_show(self) -> None:
        """53,120 of them are less than the last digit of 25.6M, and as it is written it prints so."""
        assert all(one.reading == "parameters" for one in reconcile("resnet50", "25.6M"))

    def test_a_slip_of_the_decimal_point_is_said_last(self) -> None:
        slip = reconcile("resnet34", "2.18M")[-1]
        assert slip.slip
        assert slip.reading == "parameters, by a slip of the decimal point"
        assert (slip.changes, slip.number) == ((), 21_797_672)
        assert not any(one.slip for one in reconcile("resnet34", "21.8M"))
        assert [one.slip for one in reconcile("resnet18", "1.2M")] == [False, False, True]

    def test_numbers(self) -> None:
        assert archkit.reconcile is reconcile
        assert reconcile("resnet50", 3.8e9)[0].changes == ("stride_at=first",)
        assert reconcile("resnet50", 25_557_032)[0].changes == ()
        assert reconcile("resnet50", 25_600_000) == ()  # every digit of an integer counts
        for wrong in ("five", -1, float("nan"), float("inf"), True, None):
            with pytest.raises(BudgetError):
                reconcile("resnet50", wrong)  # type: ignore[arg-type]  # what is tested
        with pytest.raises(SpecError):
            reconcile("resnet51", "25.6M")


class TestNearby:
    def test_a_block_more(self) -> None:
        """ResNet-18 and one block more of 512 channels: 2 x (9 x 512^2 + 2 x 512)."""
        found = reconcile("resnet18", 11_689_512 + 2 * (9 * 512 * 512 + 1024))
        assert [one.changes for one in found] == [("[2,2,2,3] instead of [2,2,2,2]",)]
        assert (found[0].near, found[0].params, found[0].fit) == (True, 16_410_152, "exact")
        assert found[0].spec == parse("resnet18").replace(blocks=(2, 2, 2, 3))

    def test_other_widths(self) -> None:
        found = reconcile("[2,2,2]x[16,32,64] stem=16", totals("[2,2,2]x[16,32,72] stem=16").params)
        assert found[0].changes == ("[16,32,72] instead of [16,32,64]",)
        twice = reconcile("[3,3,3]x[16,32,64]", totals("[3,3,3]x[32,64,128]").params)
        assert twice[0].changes == ("[32,64,128] instead of [16,32,64]",)

    def test_with_a_convention(self) -> None:
        found = reconcile("[3,3,3]x[16,32,64]", totals("[3,3,4]x[16,32,64] shortcut=pad").params)
        assert found[0].changes == ("[3,3,4] instead of [3,3,3]", "shortcut=pad")

    def test_a_name(self) -> None:
        """torchvision's documentation: 68,883,240 parameters."""
        found = reconcile("resnet50", "68,883,240")
        assert [(one.changes, one.near) for one in found] == [(("wide_resnet50_2",), True)]

    def test_a_figure_of_few_digits_would_fit_some_network_whatever_it_is(self) -> None:
        assert reconcile("resnet18", "900M") == ()
        assert reconcile("resnet18", "68.9M") == ()


@settings(max_examples=share(0.4))
@given(specs(max_stages=3, max_blocks=3, max_size=33))
def test_a_variant_is_counted_as_the_network_is(spec: ArchSpec) -> None:
    """The search has a sum of its own; the oracle is the plan's, and the statistics of the plan's norms."""
    search = Variants(spec)
    some = [list(search.combined(n, lambda tally: tally.macs)) for n in range(4)]
    for changes in [*some[0], *some[1], *some[2][::9], *some[3][::97]]:
        variant = search.make(changes)
        if variant is None:
            continue
        account = count(variant)
        norms = sum(2 * layer.out_shape[0] for layer in layout(variant) if layer.kind == "batch_norm")
        assert search.tally(changes) == (account.params, account.macs, norms)


class TestCommand:
    def test_what_it_prints(self, cli: Cli) -> None:
        done = cli("reconcile", "resnet50", "4,133,742,592").stdout
        assert "macs as thop counts it: 4,133,742,592" in done
        first = json.loads(cli("reconcile", "--json", "resnet50", "3.8e9").stdout.splitlines()[0])
        assert first["changes"] == ["stride_at=first"]
        assert (first["reading"], first["number"], first["near"], first["slip"]) == (
            "MACs",
            3_857_973_248,
            False,
            False,
        )

    def test_a_variant_that_has_a_name(self, cli: Cli) -> None:
        assert "stride_at=first (resnet50-v1) " in cli("reconcile", "resnet50", "3.8e9").stdout
        lines = cli("reconcile", "--json", "resnet50", "4.09G").stdout.splitlines()
        assert [json.loads(line)["name"] for line in lines[:2]] == ["resnet50", None]

    def test_a_slip_is_shown_whatever_the_limit(self, cli: Cli) -> None:
        lines = cli("reconcile", "--json", "--limit", "2", "resnet18", "1.2M").stdout.splitlines()
        assert len(reconcile("resnet18", "1.2M")) > 2
        assert [json.loads(line)["slip"] for line in lines] == [False, True]

    def test_a_hint_where_the_other_was_meant(self, cli: Cli) -> None:
        done = cli("reconcile", "--params", "resnet50", "4.09G").stdout
        assert "It is nearer to the MACs (--macs)." in done
        assert "nearer" not in cli("reconcile", "resnet18", "900G").stdout

    def test_near_by(self, cli: Cli) -> None:
        done = cli("reconcile", "resnet18", "16,410,152").stdout
        assert "prints as 16,410,152; near by:" in done
        assert "[2,2,2,3] instead of [2,2,2,2]" in done
