"""The reference of the commands, from the commands themselves."""

from __future__ import annotations

from typing import Any, Final

import typer

from archkit.cli.app import _register, app

_KINDS: Final = {
    "FloatParamType": "number",
    "FloatRange": "number",
    "IntParamType": "integer",
    "IntRange": "integer",
    "ParamTypePath": "path",
    "Path": "path",
    "StringParamType": "text",
    "str": "text",
}


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


def _values(option: Any) -> str:
    """What an option takes: a choice of words, a range, or the kind of value."""
    kind = option.type
    if getattr(option, "is_flag", False):
        return ""
    if choices := getattr(kind, "choices", None):
        words = [getattr(choice, "value", choice) for choice in choices]
        return " ".join(f"`{word}`" for word in words)
    shown = option.metavar or _KINDS[type(kind).__name__.removeprefix("Typer")]
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    if low is not None or high is not None:
        ends = f"at least {low}" if high is None else f"at most {high}" if low is None else f"{low} to {high}"
        return f"{_KINDS[type(kind).__name__]}, {ends}"
    return _escaped(shown)


def _default(option: Any) -> str:
    value = getattr(option.default, "value", option.default)
    if value is None or value is False or value == () or option.required or not option.show_default:
        return ""
    return f"`{value}`" if not callable(value) else ""


def _option(option: Any) -> str:
    names = " ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    return f"| {names} | {_values(option)} | {_default(option)} | {_escaped(option.help or '')} |"


def _argument(argument: Any) -> str:
    needed = "" if argument.required else " (may be left out)"
    return f"- `{_name(argument)}`{needed}: {_escaped(argument.help or '')}"


def _help(text: str) -> str:
    """A command's help; its last paragraph may be an example."""
    paragraphs = [" ".join(part.split()) for part in text.replace("\b", "").strip().split("\n\n")]
    shown = []
    for paragraph in paragraphs:
        example, _, command = paragraph.partition("xample: ")
        if example == "E" and command.startswith("archkit "):
            shown.append(f"```console\n{command}\n```")
        else:
            shown.append(paragraph.replace("<", "&lt;"))
    return "\n\n".join(shown)


def commands() -> dict[str, Any]:
    """Every command by its name, in the order of the help."""
    _register([])  # all of them, as for the help
    return dict(typer.main.get_command(app).commands)


def page() -> str:
    """The whole reference, one section a command."""
    lines = [
        "# Commands",
        "",
        "What `archkit COMMAND --help` says, in one place, made from the commands when the site is built.",
    ]
    for name, command in commands().items():
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
        usage = " ".join(["archkit", name, "[OPTIONS]", *(_usage(one) for one in arguments)])
        lines += ["", f"## {name}", "", f"```console\n{usage}\n```", "", _help(command.help or ""), ""]
        lines += [_argument(one) for one in arguments]
        if options:
            lines += ["", "| option | takes | default | what it does |", "|---|---|---|---|"]
            lines += [_option(one) for one in options]
    return "\n".join(lines) + "\n"


def _usage(argument: Any) -> str:
    return _name(argument) if argument.required else f"[{_name(argument)}]"


def _name(argument: Any) -> str:
    return argument.human_readable_name.rstrip(".") + ("..." if argument.nargs == -1 else "")
