"""A server of the Model Context Protocol, by its official SDK, over standard input and output."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, get_type_hints

from mcp.server import MCPServer
from mcp_types import CallToolResult, TextContent, ToolAnnotations

from archkit import __version__
from archkit.errors import ArchkitError
from archkit.serving.tools import TOOLS

__all__ = ["server"]


def server() -> MCPServer[Any]:
    """The server with its tools. None of them writes anything or reaches for the network."""
    made: MCPServer[Any] = MCPServer(
        "archkit",
        version=__version__,
        instructions=(
            "Counts neural networks exactly, explains published figures, and finds the networks that fit a "
            "budget. Every number is exact unless the answer says otherwise."
        ),
        log_level="ERROR",
    )
    for name, tool in TOOLS.items():
        hints = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
        made.tool(name=name, annotations=hints, structured_output=True)(_answering(tool))
    return made


def _answering(tool: Callable[..., Any]) -> Callable[..., Any]:
    """A tool whose errors are answers: the library's message, without anything around it."""

    @wraps(tool)
    def answer(**given: Any) -> Any:
        try:
            return tool(**given)
        except ArchkitError as error:
            return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)

    # The SDK reads the types by the names in this module, where they are not.
    answer.__annotations__ = get_type_hints(tool)
    described: Any = answer
    described.__signature__ = signature(tool, eval_str=True)
    return answer
