"""What other counters print for a network, term by term, predicted from its plan without torch.

`archkit.nn.crosscheck` asks the tools themselves; docs/rosetta.md has the rules side by side.
"""

from archkit.count.tools.prediction import Prediction, Tool, predict

__all__ = ["Prediction", "Tool", "predict"]
