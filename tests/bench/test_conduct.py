"""One run carried out: whatever ends it is its own line, and nothing of it stays in memory."""

import weakref

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.trainer import Trainer
from archkit.errors import DataError, RunError
from archkit.spec import parse
from tests.bench.test_at_once import Seen

CPU = torch.device("cpu")

# Made when they are raised: an error that is kept keeps the frames that it came through.
ERRORS = {
    "cudnn": lambda: RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED\nsecond line"),
    "overflow": lambda: OverflowError("value cannot be converted to type float without overflow"),
    "memory": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    "python": lambda: KeyError("a bug"),
}
LINES = {
    "cudnn": "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED (archkit/bench/train/trainer.py, ",
    "overflow": "OverflowError: value cannot be converted to type float without overflow (archkit/bench/",
    "memory": "the device is out of memory at batches of 16; a smaller --batch-size may fit",
    "python": "KeyError: 'a bug' (archkit/bench/train/trainer.py, line ",
}


def suite(recipe, *texts):
    return [Run(label=text, spec=parse(text), recipe=recipe, seed=0) for text in texts]


def breaks_after(steps, error, monkeypatch):
    """Lets every second trainer fail after so many steps; returns weak references to all trainers."""
    step, made = Trainer.step, []

    def broken(self, index, pixels=None):
        if not made or made[-1][0]() is not self:
            made.append([weakref.ref(self), 0])
        made[-1][1] += 1
        if len(made) % 2 and made[-1][1] > steps:
            raise error()
        return step(self, index, pixels)

    monkeypatch.setattr(Trainer, "step", broken)
    return made


@pytest.mark.parametrize("kind", ERRORS)
def test_any_error_is_the_runs_own_line_and_the_rest_go_on(tiny, brief, tmp_path, monkeypatch, kind):
    made = breaks_after(9, ERRORS[kind], monkeypatch)
    runs = suite(brief, "[1]x[4]", "[1]x[8]", "[1]x[6]", "[1]x[2]")
    ended = []
    for one in run_suite(runs, tiny, device=CPU, root=tmp_path, watch=Seen()):
        ended.append(one)
        assert made[-1][0]() is None  # the trainer of the run that has just ended, with its memory
    assert [one.done is not None for one in ended] == [False, True, False, True]
    assert all(
        isinstance(one.error, RunError) and str(one.error).startswith(LINES[kind]) for one in ended[::2]
    )
    assert all("\n" not in str(one.error) for one in ended[::2])


def test_an_error_of_ours_stays_what_it_is_and_holds_no_frames(tiny, brief, tmp_path):
    far = override(brief, [("optimizer.lr", 1e30)])
    few = override(brief, [("protocol.validation", 0.001)])
    runs = suite(far, "[1]x[4]") + suite(few, "[1]x[4]")
    ended = list(run_suite(runs, tiny, device=CPU, root=tmp_path, watch=Seen()))
    assert "the loss is not finite" in str(ended[0].error)
    assert isinstance(ended[1].error, DataError)
    for one in ended:
        assert one.error.__traceback__ is one.error.__context__ is one.error.__cause__ is None


def test_who_watches_and_has_gone_ends_all(tiny, brief, tmp_path):
    def gone(_number, _event):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        list(run_suite(suite(brief, "[1]x[4]", "[1]x[8]"), tiny, device=CPU, root=tmp_path, watch=Seen(gone)))
