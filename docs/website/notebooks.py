"""Notebooks: run with what they print kept in them, and as pages of the site.

`python docs/website/notebooks.py` runs those of docs/examples again and writes down what they give now.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient
from pages import ROOT

FOLDER: Final = ROOT / "docs" / "examples"
_SECONDS: Final = 600
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")


def read(path: Path) -> Any:
    """A notebook as nbformat has it."""
    return nbformat.read(path, as_version=4)


def run(path: Path, folder: Path) -> Any:
    """The notebook after all of its cells have run in `folder`; an error in one ends it."""
    notebook = read(path)
    client = NotebookClient(
        notebook, timeout=_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran: another time at every run
    return notebook


def write(notebook: Any, path: Path) -> None:
    """Keep what it gave, in the form that a notebook has on disk."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for at, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{at}"  # nbformat draws one at random
    nbformat.write(notebook, path)


def shown(output: Any) -> str:
    """What a cell printed or gave, as Markdown; HTML where there is some."""
    if output.output_type == "stream":
        return _text(output.text)
    data = output.data
    if html := data.get("text/html") or data.get("image/svg+xml"):
        one_block = re.sub(r"\n\s*\n", "\n", html)  # Markdown ends a block of HTML at an empty line
        one_block = (
            re.sub(r"<style.*?</style>", "", one_block, flags=re.DOTALL) if "dataframe" in html else one_block
        )
        one_block = one_block.replace(
            '<table border="1" class="dataframe">', "<table>"
        )  # as the site has tables
        return f'<div class="output">{one_block}</div>'
    if "image/png" in data:
        picture = f"data:image/png;base64,{data['image/png'].strip()}"
        return f'<div class="output"><img alt="figure" src="{picture}"></div>'
    return _text(data.get("text/plain", ""))


def _text(text: str) -> str:
    return f"```text\n{_ANSI.sub('', text).rstrip()}\n```"


def page(path: Path) -> str:
    """A notebook as Markdown: its text, its code, and what that gave."""
    parts = []
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        parts += [shown(output) for output in cell.outputs]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    import tempfile

    for one in sorted(FOLDER.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as place:
            write(run(one, Path(place)), one)
