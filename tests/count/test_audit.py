"""Tables of networks, checked: figures that others published, and what explains them."""

from __future__ import annotations

from pathlib import Path

import pytest

from archkit.count.audit import Audited, audit, read_tables
from archkit.errors import DataError
from tests.conftest import Cli

ROOT = Path(__file__).parents[2]
SLIP = "by a slip of the decimal point"


def audited(tmp_path: Path, text: str, name: str = "t.md") -> list[Audited]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return list(audit(read_tables(path)))


def verdicts(found: list[Audited]) -> list[tuple[str, str, str]]:
    return [(one.cell.text, one.verdict, one.reason) for one in found]


def test_the_papers_networks_are_as_written() -> None:
    """Those of the paper's own table, and those of each table of runs that the page has."""
    found = list(audit(read_tables(ROOT / "docs" / "paper.md")))
    assert [one.cell.text for one in found][:5] == [
        "4,980,234",
        "195,738",
        "3,152,410",
        "4,130,458",
        "11,178,762",
    ]
    runs = [("resnet10", "4,980,234", "328,930,304"), *[("resnet12", "195,738", "28,754,560")] * 3]
    assert [(one.cell.name, one.cell.text) for one in found[5:]] == [
        (name, figure) for name, *figures in runs for figure in figures
    ]
    assert {one.verdict for one in found} == {"as written"}


def test_torchvisions_gflops_are_macs(tmp_path: Path) -> None:
    """Rows of torchvision's page on classification; the unit stands in the cell, and in the head."""
    found = audited(
        tmp_path,
        "| **Weight** | **Acc@1** | **Params** | **GFLOPS** |\n| --- | --- | --- | --- |\n"
        "| [ResNet50_Weights.IMAGENET1K_V1](https://x.org/a) | 76.13 | 25.6M | 4.09 |\n"
        "| `ResNeXt101_32X8D_Weights.IMAGENET1K_V1` | 79.312 | 88.8M | 16.41 |\n"
        "| VGG16_Weights.IMAGENET1K_V1 | 71.592 | 138.4M | 15.47 |\n",
    )
    assert verdicts(found) == [
        ("25.6M", "as written", ""),
        ("4.09", "explained", "counts MACs"),
        ("88.8M", "as written", ""),
        ("16.41", "explained", "counts MACs"),
        ("138.4M", "as written", ""),
        ("15.47", "explained", "counts MACs"),
    ]


def test_timms_results_are_millions_and_say_so_nowhere(tmp_path: Path) -> None:
    """Rows of timm's results/results-imagenet.csv."""
    found = audited(
        tmp_path,
        "model,top1,param_count,img_size\nregnety_160.swag_ft_in1k,86.010,83.59,384\n"
        'eva_giant_patch14_560.m30m_ft_in22k_in1k,89.786,"1,014.45",560\n'
        "convnext_base.fb_in22k_ft_in1k,86.274,88.59,288\nregnety_1280.swag_ft_in1k,88.230,644.81,384\n",
        "results.csv",
    )
    assert [one.verdict for one in found] == ["as written", "not known", "as written", "as written"]
    assert [one.cell.line for one in found] == [2, 3, 4, 5]
    assert [one.cell.figure for one in found][:2] == ["83.59M", "1,014.45M"]


def test_pytorchcvs_names(tmp_path: Path) -> None:
    """Rows of pytorchcv's README; its ResNet-10 is ImageNet's, and no network that has a name here."""
    found = audited(
        tmp_path,
        "Model | Params\n--- | ---:\nVGG-16 | 138,357,544\nResNeXt-101 (32x4d) | 44,177,704\n"
        "SE-ResNet-50 | 28,088,024\nResNet-10 | 5,418,792\nAlexNet | 61,100,840\n",
    )
    assert [one.verdict for one in found] == [*["as written"] * 3, "not explained", "not known"]
    assert found[3].reason == "as written it has 4,980,234"


@pytest.mark.parametrize(
    ("name", "column", "figure", "verdict", "reason"),
    [
        ("[2,2,2,1]x[16,32,64,512]", "Params", "3.15M", "explained", "shortcut=conv3"),
        ("resnet50", "Params", "25,636,712", "explained", "bias=yes, by keras"),
        ("resnet50", "MACs", "4,133,742,592", "explained", "by thop"),
        ("resnet50", "GMACs", "3.8", "explained", "stride_at=first"),
        ("resnet50", "FLOPs", "8.2G", "as written", ""),
        ("resnet50", "FLOPs/2 (G)", "4.09", "as written", ""),
        ("resnet50", "Parameters [M]", "25.7", "not explained", "as written it has 25,557,032"),
        (
            "resnet34",
            "#Params",
            "2.18M",
            "not explained",
            "counts parameters, by a slip of the decimal point",
        ),
        ("resnet50", "Params", "12,34", "not known", "the figure cannot be read"),
        ("resnet50 &amp; co", "Params", "12M", "not known", "the network is not known"),
    ],
)
def test_verdicts(tmp_path: Path, name: str, column: str, figure: str, verdict: str, reason: str) -> None:
    (one,) = audited(tmp_path, f"| Network | {column} |\n|:--|--:|\n| **{name}** | {figure} |\n")
    assert (one.verdict, one.reason) == (verdict, reason)


def test_what_is_no_table_is_passed_over(tmp_path: Path) -> None:
    text = (
        "a | b\n\n| Model | Params |\n\n| x |\n|---|---|\n| Model | Note |\n|---|---|\n| resnet50 | 25M |\n"
    )
    assert audited(tmp_path, text) == []
    assert audited(tmp_path, "Model | Params\n---|---\nresnet50 | -\nresnet50\n\nresnet50 | 1\n") == []
    assert audited(tmp_path, "", "empty.csv") == []


def test_files_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*: No such file"):
        read_tables(tmp_path / "no.md")
    (tmp_path / "t.txt").write_text("x")
    with pytest.raises(DataError, match=r"tables are read from .md and .csv"):
        read_tables(tmp_path / "t.txt")
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="is not UTF-8"):
        read_tables(tmp_path / "t.csv")


def test_the_command_and_its_exit_codes(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("model,params\nresnet50,25.6M\nnothing,1M\n")
    (tmp_path / "bad.csv").write_text("model,params\nresnet50,25.7M\n")
    (tmp_path / "none.csv").write_text("model,params\nnothing,25.7M\n")
    done = cli("audit", "good.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "2 figures: 1 as written, 1 not known.\n")
    done = cli("audit", "good.csv", "--all", cwd=tmp_path)
    assert "the network is not known" in done.stdout
    done = cli("audit", "bad.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert "not explained   as written it has 25,557,032" in done.stdout
    done = cli("audit", "bad.csv", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert '"verdict": "not explained"' in done.stdout
    assert '"own": 25557032' in done.stdout
    done = cli("audit", "none.csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "error: none.csv has no table with figures of networks that are known\n",
    )
