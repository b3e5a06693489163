"""archkit: design neural networks under a budget."""

__version__ = "0.1.0"
