"""An option that would change nothing is refused, and the message names it."""

from __future__ import annotations

import pytest

from tests.conftest import Cli

SPACE = "[1..2]*2x[8..16:8]"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["count", "resnet10", "--by", "stage", "--json"], "--json does not go with --by"),
        (["count", "resnet10", "--by", "layer", "--memory"], "--memory does not go with --by"),
        (["count", "resnet10", "--by", "layer", "--as", "thop"], "--as does not go with --by"),
        (["count", "resnet10", "resnet12", "--by", "stage"], "--by is for one network"),
        (["count", "resnet10", "--optimizer", "adam"], "--optimizer goes with --memory"),
        (["count", "resnet10", "--batch", "1"], "--batch goes with --memory"),
        (["count", "resnet10", "--memory", "--as", "thop"], "--memory and --as do not go together"),
        (["count", "resnet10", "--memory", "--check"], "--memory and --check do not go together"),
        (["count", "resnet10", "--budget", "x.toml", "--memory"], "--budget and --memory do not go together"),
        (["enumerate", SPACE, "--seed", "1"], "--seed goes with --sample"),
        (["enumerate", SPACE, "--count", "--limit", "3"], "--limit does not go with --count"),
        (["enumerate", SPACE, "--count", "--sort", "macs"], "--sort does not go with --count"),
        (["enumerate", SPACE, "--count", "--output", "x.csv"], "--output does not go with --count"),
        (["enumerate", SPACE, "--count", "--sample", "3"], "--sample does not go with --count"),
        (["enumerate", SPACE, "--sample", "3", "--sort", "macs"], "--sort does not go with --sample"),
        (["enumerate", SPACE, "--json", "--output", "x.csv"], "--json and --output do not go together"),
        (["enumerate", SPACE, "--batch", "8"], "--batch goes with a limit on bytes of training memory"),
        (["enumerate", SPACE, "--peak-bits", "8"], "--peak-bits goes with a limit on bytes of peak memory"),
        (["solve", SPACE, "--max-macs", "9M", "--optimizer", "adam"], "--optimizer goes with a limit"),
        (["solve", SPACE, "--pareto", "params,+macs", "--by", "macs"], "--by does not go with --pareto"),
        (["solve", SPACE, "--pareto", "params,+macs", "--best", "3"], "--best does not go with --pareto"),
        (["report", "nowhere", "--format", "png"], "--format goes with --figures"),
        (["report", "nowhere", "--title", "x"], "--title goes with --html"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(cli: Cli, args: list[str], words: str) -> None:
    done = cli(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {words}")


@pytest.mark.parametrize(
    "args",
    [
        ["enumerate", SPACE, "--sort", "training-memory", "--batch", "8", "--limit", "1"],
        ["enumerate", SPACE, "--max-training-memory", "9M", "--optimizer", "adam", "--count"],
        ["solve", SPACE, "--pareto", "peak-memory,+macs", "--peak-bits", "8"],
        ["solve", SPACE, "--by", "least-training-memory", "--batch", "8", "--best", "1"],
    ],
)
def test_a_setting_that_means_something_is_taken(cli: Cli, args: list[str]) -> None:
    done = cli(*args)
    assert (done.returncode, done.stderr) == (0, "")
