"""What the tools answer: values with types, from which their schemas are made.

A number that may have more than 53 bits, which is all that JavaScript holds, is given as a text too. There
are no slots: the SDK takes them for defaults that no schema can hold.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counted", "Enumerated", "Explained", "Network", "Part", "Reading", "Solved", "Winner"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network and what it costs for one image: parameters, MACs, activations, layers of depth."""

    spec: str
    params: int
    macs: int
    activations: int
    depth: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """The stem, a stage or the head, and what it costs."""

    name: str
    params: int
    macs: int
    activations: int


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A network's account. MACs are those of convs and linear layers for one image; FLOPs are twice that."""

    spec: str
    params: int
    macs: int
    activations: int
    depth: int
    training_memory_bytes: int
    peak_memory_bytes: int
    parts: list[Part]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A variant of a network that prints as a published figure, and what the figure counts.

    `fit` says whether the number is the printed one exactly, rounded or cut off; `near`, that this is another
    network, near by; `slip`, that the figure would have to be misprinted.
    """

    spec: str
    params: int
    macs: int
    reading: str
    number: int
    changes: list[str]
    fit: str
    near: bool
    slip: bool


@dataclass(frozen=True, kw_only=True)
class Explained:
    """The readings of a published figure, the simplest first; none if nothing explains it."""

    spec: str
    figure: str
    found: int
    readings: list[Reading]


@dataclass(frozen=True, kw_only=True)
class Enumerated:
    """How many networks of a space fit, and some of them.

    `fit` is exact where `exact` is true. Otherwise it is the lower end of an interval and `fit_at_most` the
    upper one; the interval misses the count for one seed in a thousand.
    """

    space: str
    fit: int
    fit_text: str
    exact: bool
    fit_at_most: int
    networks: list[Network]


@dataclass(frozen=True, kw_only=True)
class Winner:
    """One of the best networks, what it costs, and its objective.

    `unlike_published` names the measures in which its shape lies outside all published networks: there the
    objective guesses.
    """

    spec: str
    params: int
    macs: int
    activations: int
    depth: int
    value: float
    unlike_published: list[str]


@dataclass(frozen=True, kw_only=True)
class Solved:
    """The best networks, best first, and what proves that no other is better; or the gap that is left."""

    space: str
    by: str
    exact: bool
    proof: str
    left_out: str | None
    networks: list[Winner]
