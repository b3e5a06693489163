"""Packages that some commands need and that may not be installed."""

from __future__ import annotations

from typing import Final

__all__ = ["PACKAGES", "how_to_install"]

PACKAGES: Final = {
    "PIL": "pillow",
    "ai_edge_litert": "ai-edge-litert",
    "cairosvg": "cairosvg",
    "filelock": "filelock",
    "fvcore": "fvcore",
    "jinja2": "jinja2",
    "markupsafe": "jinja2",
    "matplotlib": "matplotlib",
    "mcp": "mcp",
    "mcp_types": "mcp",
    "mlflow": "mlflow-skinny",
    "numba": "numba",
    "numpy": "numpy",
    "onnx": "onnx onnxruntime onnxscript",
    "onnxruntime": "onnx onnxruntime onnxscript",
    "onnxscript": "onnx onnxruntime onnxscript",
    "optuna": "optuna",
    "platformdirs": "platformdirs",
    "ptflops": "ptflops",
    "pyarrow": "pyarrow",
    "ray": "ray",
    "rich": "rich",
    "safetensors": "safetensors",
    "submitit": "submitit",
    "tensorboard": "tensorboard",
    "timm": "timm",
    "torch": "torch torchvision",
    "torchvision": "torch torchvision",
    "vl_convert": "vl-convert-python",
    "wandb": "wandb",
}
"""What to install for each module that archkit imports from elsewhere."""


def how_to_install(error: ModuleNotFoundError) -> str | None:
    """A line that says what is missing and how to install it; None if the module is none of `PACKAGES`."""
    packages = PACKAGES.get(error.name or "")
    if packages is None:
        return None
    return f"this command needs {error.name}, which is not installed: pip install {packages}"
