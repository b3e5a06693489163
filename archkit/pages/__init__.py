"""Pages that need nothing else: no network, and no file beside them. The report's and the explorer's are two.

`base.html` and `base.css` are what they share: light and dark colours, a content security policy that forbids
every request, and the place where their numbers stand. A page's own template extends the base.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

__all__ = ["breakable", "own_text", "render"]


def render(
    package: str, *, data: Any, styles: tuple[str, ...], scripts: tuple[str, ...], **values: Any
) -> str:
    """The page of a package's template `page/page.html`.

    Args:
        package: the package, whose folder `page` has the template and the files.
        data: the numbers that its scripts read, as JSON can hold them.
        styles: names of style sheets in `page`, after the base's.
        scripts: JavaScript, our own or a library's; as texts.
        values: what else the template shows. It is escaped.
    """
    return (
        _environment(package)
        .get_template("page.html")
        .render(
            style=Markup("".join((own_text(__package__, "base.css"), *_texts(package, styles)))),  # noqa: S704 - our own files
            script=Markup("\n".join(map(_closed, scripts))),  # noqa: S704 - see `_closed`
            data=Markup(_json(data)),  # noqa: S704 - see `_json`
            **values,
        )
    )


def own_text(package: str, *path: str) -> str:
    """A file that stands in a package."""
    return resources.files(package).joinpath(*path).read_text(encoding="utf-8")


def breakable(text: str) -> Markup:
    """Text in HTML; a line may be broken before the channels of a long spec."""
    return escape(text).replace("]x[", Markup("]x<wbr>["))


def _texts(package: str, names: tuple[str, ...]) -> list[str]:
    return [own_text(package, "page", name) for name in names]


def _json(value: Any) -> str:
    """JSON for a script element: nothing is escaped in one and `</script>` ends it, so it holds no `<`."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _closed(script: str) -> str:
    """A script as it may stand in its element: what would end the element, or begin a comment, is escaped.

    Both stand in texts of the script alone, where a backslash changes nothing.
    """
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "page"), PackageLoader(__package__, "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["breakable"] = breakable
    return environment
