"""`FairSample`: what a fair sample was drawn from, and how many networks a claim about the best of it takes.

The best of n fair samples lies in the top share q of all that fit unless all n miss that share, which happens
with a probability of at most (1 - q)^n. Nothing is assumed of what "best" means.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, Final

from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate
from archkit.budget.within import count_within, sample
from archkit.errors import BudgetError
from archkit.spec import SearchSpace, parse_space
from archkit.toml_values import MappingError, read

__all__ = ["FairSample", "read_share", "samples_needed"]

_DIGITS: Final = 60  # so that (1 - 0.1)^2 is 0.81 to the digit


def read_share(text: str, *, option: str) -> Decimal:
    """A share of more than 0 and less than 1, from a text such as `1%` or `0.01`.

    >>> read_share("1%", option="--top")
    Decimal('0.01')

    Raises:
        BudgetError: it is no such share; the message names the option.
    """
    try:
        share = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation:
        share = Decimal(0)
    share = share / 100 if text.strip().endswith("%") else share
    if not share.is_finite() or not Decimal("1e-9") <= share <= 1 - Decimal("1e-9"):
        raise BudgetError(f"{option} must be a share such as 5% or 0.05, not {text!r}")
    return share


def samples_needed(top: Decimal, confidence: Decimal) -> int:
    """How many fair samples there must be for the best of them to lie in the top share: the fewest.

    >>> samples_needed(Decimal("0.01"), Decimal("0.95"))
    299
    """
    with localcontext(prec=_DIGITS):
        n = max(1, math.floor((1 - confidence).ln() / (1 - top).ln()))
        while n > 1 and (1 - top) ** (n - 1) <= 1 - confidence:
            n -= 1
        while (1 - top) ** n > 1 - confidence:
            n += 1
    return n


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    """The fields of `[certificate]` in a suite, without its limits."""

    space: str
    seed: int
    top: str
    confidence: str
    fit: str
    archkit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FairSample:
    """What a fair sample is drawn from, and what it is meant to prove.

    Attributes:
        space: the space.
        budget: the limits.
        seed: of the sample.
        top: the share of all that fit in which the best of the sample is to lie.
        confidence: the probability with which it does.
        fit: how many networks fit.
        archkit: the version that drew it.
    """

    space: SearchSpace
    budget: Budget
    seed: int
    top: Decimal
    confidence: Decimal
    fit: int
    archkit: str

    @classmethod
    def plan(
        cls, space: SearchSpace, budget: Budget, *, seed: int, top: Decimal, confidence: Decimal
    ) -> FairSample:
        """The sample that proves so much of a space and a budget; the networks that fit are counted.

        Raises:
            BudgetError: as `archkit.budget.count_within`.
        """
        from archkit import __version__

        fit = count_within(space, budget)
        return cls(
            space=space,
            budget=budget,
            seed=seed,
            top=top,
            confidence=confidence,
            fit=fit,
            archkit=__version__,
        )

    @property
    def draws(self) -> int:
        """How many networks are drawn, the same one perhaps more than once."""
        return samples_needed(self.top, self.confidence)

    def networks(self) -> tuple[Candidate, ...]:
        """The networks, in the order in which they are drawn.

        Raises:
            BudgetError: as `archkit.budget.sample`.
        """
        return sample(self.space, self.budget, self.draws, seed=self.seed)

    def to_toml(self) -> str:
        """The tables `[certificate]` and `[certificate.limits]` of a suite; `from_mapping` is the inverse."""
        usual = Budget()
        settings = ("batch", "optimizer", "peak_bits", "values")
        lines = [
            "[certificate]",
            f"space = {json.dumps(str(self.space))}",
            f"seed = {self.seed}",
            f'top = "{self.top}"',
            f'confidence = "{self.confidence}"',
            f'fit = "{self.fit}"',
            f"archkit = {json.dumps(self.archkit)}",
            "",
            "[certificate.limits]",
            *(f"{'max' if end.upper else 'min'}_{end.figure} = {end.value}" for end in self.budget.ends()),
            *(
                f"{key} = {json.dumps(getattr(self.budget, key))}"
                for key in settings
                if getattr(self.budget, key) != getattr(usual, key)
            ),
        ]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> FairSample:
        """The sample that `[certificate]` describes.

        Raises:
            MappingError: a key is unknown or missing, or a value is of the wrong type.
            BudgetError: a limit or a share is wrong.
            SpecError: the space is not one.
        """
        limits = table.get("limits", {})
        if not isinstance(limits, Mapping):
            raise MappingError(f"certificate.limits must be a table, not {limits!r}")
        rest = {key: value for key, value in table.items() if key != "limits"}
        found = read(_Table, rest, prefix="certificate.")
        if not (found.fit.isascii() and found.fit.isdigit() and len(found.fit) < 4_000):
            raise MappingError(f"certificate.fit must be a whole number in quotes, not {found.fit[:60]!r}")
        return cls(
            space=parse_space(found.space),
            budget=Budget.read({key: str(value) for key, value in limits.items()}),
            seed=found.seed,
            top=read_share(found.top, option="certificate.top"),
            confidence=read_share(found.confidence, option="certificate.confidence"),
            fit=int(found.fit),
            archkit=found.archkit,
        )
