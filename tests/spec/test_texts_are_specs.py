"""Wherever a spec is taken its text may be given, and what is neither is refused in one sentence."""

import pytest

import archkit
from archkit.budget import Budget, entropy, headroom, rho
from archkit.count import count, count_arrays
from archkit.errors import SpecError
from archkit.plan import outline
from archkit.spec import parse

TEXT = "[1,1,1]x[16,32,64] shortcut=pad"


def in_arrays(spec):
    params, macs = count_arrays(spec, [[2, 1, 1]], [[16, 32, 64]])
    return int(params[0]), int(macs[0])


TAKE_A_SPEC = (
    archkit.layout,
    archkit.totals,
    count,
    entropy,
    rho,
    lambda spec: headroom(spec, Budget.read({"max_params": "100k"})),
    in_arrays,
    lambda spec: outline(spec).stem,
)


@pytest.mark.parametrize("function", TAKE_A_SPEC)
def test_a_text_is_the_spec_that_it_says(function):
    assert function(TEXT) == function(parse(TEXT))


@pytest.mark.parametrize("function", [*TAKE_A_SPEC, parse])
@pytest.mark.parametrize("wrong", [None, 5, b"resnet10", ["resnet10"], object()])
def test_what_is_neither_is_refused(function, wrong):
    with pytest.raises(SpecError, match=r"^a network is an ArchSpec or a text such as 'resnet18', not \w+$"):
        function(wrong)
