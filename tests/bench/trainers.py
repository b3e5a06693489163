"""A trainer on the CPU, of one small network, for tests of single recipe fields."""

import torch

from archkit.bench.recipe import override
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.trainer import Trainer
from archkit.spec import parse

CPU = torch.device("cpu")
SPEC = parse("[1,1]x[8,16] input=3x8x8 classes=3")


def trainer_of(data, recipe, changes=(), *, seed=0):
    recipe = override(recipe, changes)
    return Trainer(SPEC, DeviceData.of(data, recipe, CPU), recipe, seed=seed, device=CPU)
