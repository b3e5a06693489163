"""The rows of the language: what each says is what the parser, the checks and the page do."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import pytest
from hypothesis import given

from archkit.blocks import FAMILIES, takers
from archkit.errors import SpecError
from archkit.spec import ArchSpec, parse
from archkit.spec.options import OF_NETWORK, options
from tests.strategies import specs

ROOT = Path(__file__).parents[2]
PLAIN = "[1,2]x[16,32]"


def test_the_page_begins_with_two_screens_and_has_each_option_once() -> None:
    """What a reader needs first fits on two screens of 50 lines; the rest stands under its family."""
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    overview, _, details = page.partition("\n## Family by family\n")
    assert len(overview.splitlines()) <= 100
    sections, _, _ = details.partition("\n## ")
    headings = [line for line in sections.splitlines() if line.startswith("### ")]
    for family in FAMILIES:
        assert f"\n| `{family}` |" in overview
        assert sum(f"`{family}`" in line for line in headings) == 1
    for key in options():
        assert page.count(f"\n| `{key}` |") == 1
        if key in OF_NETWORK or len({family.draw.__module__ for family in takers(key)}) > 1:
            assert f"\n| `{key}` |" in overview


def test_the_pages_tables_are_the_rows() -> None:
    path = ROOT / "docs" / "tables.py"
    spec = importlib.util.spec_from_file_location("tables", path)
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    assert tables.written(page) == page, "run python docs/tables.py"
    assert all(f"| `{key}` |" in page for key in options())


@pytest.mark.parametrize("key", options())
def test_a_default_is_left_out_of_the_canonical_text(key: str) -> None:
    spec = parse(PLAIN)
    assert spec.replace(**{key: getattr(spec, key)}) == spec
    assert str(spec.replace(**{key: getattr(spec, key)})) == PLAIN


@pytest.mark.parametrize("key", options())
def test_every_sample_is_written_as_it_is_read(key: str) -> None:
    row = options()[key]
    for value in row.values.samples():
        full = row.values.accept(value, (key, None))
        if key == "stem" and full is None:
            continue  # a width that follows the first stage has no text of its own
        text = row.values.text(full)
        tree_text = f"{PLAIN} {key}=[{text},{text}]" if row.list_only else f"{PLAIN} {key}={text}"
        try:
            spec = parse(tree_text)
        except SpecError as error:
            # Another option contradicts it, or the plain network is too small; the value itself is read.
            assert error.field is not None
        else:
            assert getattr(spec, key) == ((full, full) if row.by_stage else full)


@pytest.mark.parametrize("key", [key for key in options() if key not in OF_NETWORK])
def test_an_option_belongs_to_the_families_that_list_it(key: str) -> None:
    assert takers(key)
    for name, family in FAMILIES.items():
        if key in family.option_keys:
            continue
        row = options()[key]
        default = getattr(ArchSpec.make((1, 1), (16, 32), block=name), key)
        value = next(v for v in row.values.samples() if v != (default[0] if row.by_stage else default))
        with pytest.raises(SpecError, match=f"{key} needs .*; stage 1 has {family.noun}"):
            ArchSpec.make((1, 1), (16, 32), block=name, **{key: value})


@given(specs())
def test_a_spec_survives_a_pickle(spec: ArchSpec) -> None:
    again = pickle.loads(pickle.dumps(spec))  # noqa: S301 - made in the same line
    assert again == spec
    assert hash(again) == hash(spec)
    assert str(again) == str(spec)


@given(specs())
def test_replacing_nothing_changes_nothing(spec: ArchSpec) -> None:
    assert spec.replace() == spec
    assert ArchSpec(blocks=spec.blocks, channels=spec.channels, **spec.given()) == spec


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"groop": 2}, "unknown option 'groop'"),
        ({"input": 5}, "input is channels x height x width"),
        ({"input": "3x32x32"}, "input is channels x height x width"),
        ({"input": (3, 32.0, 32)}, "input size must be an integer"),
        ({"stem": ("conv9", 8)}, "stem is conv3"),
        ({"stem": 8.0}, "stem is a width, a kind, or a kind and its width"),
        ({"attn": 16}, "attn is a word, or a word and its number"),
        ({"norm": ("group", "8")}, "norm must be an integer"),
        ({"kernel": "3"}, "kernel must be an integer"),
        ({"kernel": None, "stride": 2}, "stride is a list"),
        ({"shortcut": 3}, "shortcut is conv1"),
        ({"bias": "yes"}, "bias is True or False"),
        ({"classes": True}, "classes must be an integer"),
        ({"pool": 0}, "pool must be 1 to"),
    ],
)
def test_what_make_does_not_understand_is_a_spec_error(given_: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        ArchSpec.make((1, 1), (16, 32), **given_)


@pytest.mark.parametrize("blocks", [5, "11", None, (1.0, 1), [True, 1]])
def test_blocks_that_are_no_numbers_are_a_spec_error(blocks: object) -> None:
    with pytest.raises(SpecError, match="blocks"):
        ArchSpec.make(blocks, (16, 32))  # type: ignore[arg-type]  # what is tested


def test_short_forms_of_a_pair() -> None:
    spec = ArchSpec.make((1, 1), (16, 32), stem=("conv3", 8), attn=("se", 4), norm=("group", 8))
    assert str(spec) == "[1,1]x[16,32] stem=8 attn=se:4 norm=group:8"
