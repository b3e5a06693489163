"""Every error that archkit raises on purpose. Each derives from `ArchkitError`.

The library raises them; only the command line turns them into a message and an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ArchkitError",
    "BudgetError",
    "DataError",
    "DownloadError",
    "ExportError",
    "InferError",
    "NothingFitsError",
    "OutputError",
    "RunError",
    "SpecError",
    "ToolError",
    "WeightsError",
    "first_line",
    "likely",
    "nearest",
    "ran_out_of_memory",
    "unknown",
]


class ArchkitError(Exception):
    """Base of every error that archkit raises on purpose."""


class SpecError(ArchkitError):
    """A text is not a spec, or its values do not make a network that can be laid out.

    Attributes:
        reason: one sentence that says what was expected and what came.
        text: the whole text that was read, or None if the error is about a value.
        span: `(start, end)`, the offsets of the offending token in `text`.
        hint: the likely mistake, or None.
        field: the field whose value is wrong, and the index in it if it is a list; a parser makes a
            span of them.
    """

    def __init__(
        self,
        reason: str,
        *,
        text: str | None = None,
        span: tuple[int, int] | None = None,
        hint: str | None = None,
        field: tuple[str, int | None] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text
        self.span = span
        self.hint = hint
        self.field = field

    def __str__(self) -> str:
        """The reason, then the text with a caret under the offending token, then the hint."""
        lines = [self.reason if self.hint is None else f"{self.reason} ({self.hint})"]
        if self.text is not None and self.span is not None:
            lines.extend(_point_at(self.text, self.span))
        return "\n".join(lines)


class BudgetError(ArchkitError):
    """A limit is not a number, is negative, or contradicts another limit."""


class NothingFitsError(BudgetError):
    """No network of a space keeps to a budget, or none was found that does."""


class DataError(ArchkitError):
    """A data set is missing, incomplete or unreadable."""


class DownloadError(DataError):
    """A data set could not be downloaded."""


class OutputError(ArchkitError):
    """A file or folder could not be written."""


class RunError(ArchkitError):
    """A training run could not start or could not go on."""


class ToolError(ArchkitError):
    """Another counter was asked for its figure, and gave none."""


class WeightsError(ArchkitError):
    """Weights do not fit a network (a key is missing, unknown or of another shape), or cannot be read."""


class ExportError(ArchkitError):
    """A network cannot be had in a format, or a file computes something else or cannot be read."""


class InferError(ArchkitError):
    """A module is not a network that the language can express."""


def first_line(error: BaseException | None) -> str:
    """What an error says first; what other libraries say may go on for pages."""
    return str(error).strip().partition("\n")[0]


def nearest(word: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """A hint at the likely meaning of a mistyped word, for an error; `otherwise` where nothing is near."""
    import difflib  # only where something is wrong: it costs a start-up otherwise

    words = list(known)
    # `lr` is meant where `optimizer.lr` is known.
    near = [one for one in words if one.endswith(f".{word}")] or difflib.get_close_matches(
        word.lower(), words, n=3, cutoff=0.6
    )
    return f"did you mean {' or '.join(near)}?" if near else otherwise


def likely(word: str, known: Iterable[str]) -> str:
    """What is said about a word that is not known: the nearest words that are, or all of them.

    >>> likely("sedes", ["title", "seeds"])
    'did you mean seeds?'
    """
    words = tuple(known)
    return nearest(word, words) or f"known: {', '.join(words)}"


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """The message about a word that is not known."""
    return f"unknown {what} {word!r}; {likely(word, known)}"


# What torch's CUDA allocator says; its CPU allocator, which has no error class, on Linux and on Windows;
# and cuBLAS and cuDNN.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of the machine or of the device."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY)


_SHOWN = 76  # columns of the text that an error shows: an 80-column terminal less the indent


def _point_at(text: str, span: tuple[int, int]) -> list[str]:
    """Two lines: the part of `text` around `span`, and carets under the span."""
    start, end = span
    width = max(1, end - start)
    left = max(0, start + min(width, _SHOWN // 2) - _SHOWN // 2) if len(text) > _SHOWN else 0
    # Every character becomes one printable column, so that the carets stand where they should.
    shown = "".join(c if c.isprintable() else " " for c in text[left : left + _SHOWN])
    at = start - left
    return ["  " + shown.rstrip(), "  " + " " * at + "^" * max(1, min(width, _SHOWN - at))]
