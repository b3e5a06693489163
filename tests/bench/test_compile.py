"""Compiling: the same training, its time reported apart, and one line where it fails.

torch's own compiler takes a minute of a CPU for a network; the quick tests stand in for it with a backend
that runs the captured graphs as they are. Where there is a GPU, the long test records CUDA graphs.
"""

import functools
import time

import pytest
import torch
from torch._dynamo import config

from archkit.bench.recipe import override
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train.engine import train
from archkit.bench.train.trainer import Trainer
from archkit.errors import RunError
from archkit.spec import parse

CPU = torch.device("cpu")
SPEC = parse("[1]x[8] input=3x8x8 classes=3")
MODES = ["default", "reduce-overhead", "max-autotune"]


@pytest.fixture(autouse=True)
def from_scratch():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.fixture
def eager(monkeypatch):
    """Stands in for the compiler; the sizes of the batches that it was asked to compile."""
    sizes = []

    def backend(graph, inputs):
        sizes.append(next(x.shape[0] for x in inputs if x.ndim == 4 and x.shape[1:] == (3, 8, 8)))
        time.sleep(0.2)  # so that it is seen where the time goes
        return graph

    real = torch.compile
    modes = []

    def compile_(model, *, mode, dynamic):
        modes.append((mode, dynamic))
        return real(model, backend=backend, dynamic=dynamic)

    monkeypatch.setattr(torch, "compile", compile_)
    return sizes, modes


@pytest.mark.parametrize("mode", MODES)
def test_it_trains_to_the_same_weights_and_its_time_is_apart(tiny, brief, eager, mode):
    """48 images in batches of 20: two sizes, both compiled before the clock of the training starts."""
    sizes, modes = eager
    recipe = override(brief, [("batch_size", 20), ("compile", mode)])
    outcome = train(SPEC, tiny, recipe, seed=0, device=CPU)
    plain = train(SPEC, tiny, override(recipe, [("compile", "none")]), seed=0, device=CPU)
    assert modes == [(mode, False)]
    assert sorted(sizes) == [8, 20]
    assert outcome.compile_seconds > 0.4
    assert outcome.train_seconds < 0.4
    assert plain.compile_seconds is None
    assert [row.train_loss for row in outcome.epochs] == [row.train_loss for row in plain.epochs]
    assert all(torch.equal(outcome.weights[name], plain.weights[name]) for name in plain.weights)


def test_every_network_of_a_suite_is_compiled(tiny, brief, eager):
    """torch compiles one forward eight times and then runs it as it is: here for each of two sizes."""
    sizes, _ = eager
    recipe = override(brief, [("batch_size", 20), ("compile", "default"), ("epochs", 1)])
    for width in range(1, 10):
        train(parse(f"[1]x[{width}] input=3x8x8 classes=3"), tiny, recipe, seed=0, device=CPU)
    assert sorted(sizes) == [8] * 9 + [20] * 9


def test_what_torch_will_not_compile_is_an_error(tiny, brief, eager):
    del eager
    recipe = override(brief, [("batch_size", 20), ("compile", "default")])
    with (
        config.patch({"recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit": 1}),
        pytest.raises(RunError, match=r"torch\.compile failed"),
    ):
        train(SPEC, tiny, recipe, seed=0, device=CPU)


def test_the_result_says_how_long_it_took(tiny, brief, tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda model, **_options: model)
    recipe = override(brief, [("compile", "default")])
    result = run_spec(SPEC, tiny, recipe, device=CPU, out=tmp_path / "run").result
    assert result.compile_seconds > 0
    assert run_spec(SPEC, tiny, brief, device=CPU, out=tmp_path / "other").result.compile_seconds is None


@pytest.mark.parametrize(("mode", "taken"), [("none", 1), ("default", 1), ("reduce-overhead", 3)])
def test_graphs_are_recorded_before_the_training(tiny, brief, monkeypatch, mode, taken):
    """A graph is recorded in the second step of a size and first replayed in the third."""
    monkeypatch.setattr(torch, "compile", lambda model, **_options: model)
    from archkit.bench.train.device_data import DeviceData

    recipe = override(brief, [("batch_size", 20), ("compile", mode)])
    trainer = Trainer(SPEC, DeviceData.of(tiny, recipe, CPU), recipe, seed=0, device=CPU)
    sizes = []
    step = trainer.step
    monkeypatch.setattr(trainer, "step", lambda index: (sizes.append(len(index)), step(index))[1])
    trainer.warm_up()
    assert sizes == [8] * taken + [20] * taken


def test_a_compiler_that_fails_is_one_line(tiny, brief, monkeypatch):
    def backend(_graph, _inputs):
        raise ValueError("no C++ compiler here\nand a page more")

    monkeypatch.setattr(torch, "compile", functools.partial(_with, torch.compile, backend))
    with pytest.raises(RunError, match=r"torch\.compile failed .*--set compile=none does without") as caught:
        train(SPEC, tiny, override(brief, [("compile", "default")]), seed=0, device=CPU)
    assert "\n" not in str(caught.value)


def _with(real, backend, model, *, mode, dynamic):
    del mode
    return real(model, backend=backend, dynamic=dynamic)


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES[:2])
@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")),
    ],
)
def test_torchs_compiler_trains_the_network(tiny, brief, device, mode):
    """Fused sums differ in their last bits, so that the first epoch's loss is near and not the same."""
    recipe = override(brief, [("compile", mode)])
    outcome = train(SPEC, tiny, recipe, seed=0, device=torch.device(device))
    plain = train(SPEC, tiny, brief, seed=0, device=torch.device(device))
    assert outcome.epochs[0].train_loss == pytest.approx(plain.epochs[0].train_loss, rel=1e-3)
    assert outcome.compile_seconds > outcome.train_seconds
