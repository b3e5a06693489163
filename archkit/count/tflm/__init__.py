"""What a network takes on a device that runs TensorFlow Lite Micro, told from its plan.

`lower` makes the graph of the file that `archkit.export.tflite` writes; the arena and the size of the file
are those of that graph.
"""

from archkit.count.tflm.arena import head
from archkit.count.tflm.bounds import OWN_TAIL, Least, flash_at_most, least_of
from archkit.count.tflm.device import DeviceMemory, check_values, device_memory
from archkit.count.tflm.graph import DATA_TYPES, Constant, DataType, Graph, Op, Tensor
from archkit.count.tflm.lower import NORMALISATION, lower, lower_chain
from archkit.count.tflm.model_file import Contents, file_bytes, file_size

__all__ = [
    "DATA_TYPES",
    "NORMALISATION",
    "OWN_TAIL",
    "Constant",
    "Contents",
    "DataType",
    "DeviceMemory",
    "Graph",
    "Least",
    "Op",
    "Tensor",
    "check_values",
    "device_memory",
    "file_bytes",
    "file_size",
    "flash_at_most",
    "head",
    "least_of",
    "lower",
    "lower_chain",
]
