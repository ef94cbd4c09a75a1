"""Parameters and multiply-accumulates, counted on the Keras graph."""

import math
from dataclasses import dataclass

import keras
from keras import layers

# Not parameters: running statistics and the state of random generators.
_STATE_NAMES = ("moving_mean", "moving_variance", "seed_generator_state")


@dataclass(frozen=True)
class Cost:
    """What a model costs for one image.

    `macs` counts convolutions and dense layers; `matmul_macs` the products of two activations, as
    in attention, on top of it. Norms, activations, pooling and elementwise arithmetic are not
    counted (torch's FlopCounterMode / 2 counts the same).
    """

    parameters: int
    macs: int
    matmul_macs: int


def cost(model):
    """Count a functional model of static input size; returns a `Cost`."""
    parameters = sum(
        math.prod(variable.shape)
        for variable in model.variables
        if variable.name not in _STATE_NAMES
    )
    macs = matmul_macs = 0
    for operation in model.operations:
        if isinstance(operation, keras.Model):
            inner = cost(operation)
            macs += inner.macs
            matmul_macs += inner.matmul_macs
        elif isinstance(operation, layers.DepthwiseConv2D):
            macs += math.prod(operation.output.shape[1:]) * math.prod(operation.kernel_size)
        elif isinstance(operation, layers.Conv2D):
            fan_in = math.prod(operation.kernel.shape[:3])
            macs += math.prod(operation.output.shape[1:]) * fan_in
        elif isinstance(operation, layers.Dense):
            macs += math.prod(operation.output.shape[1:]) * operation.kernel.shape[0]
        elif type(operation).__name__ == "Matmul":
            inner_size = operation.input[0].shape[-1]
            matmul_macs += math.prod(operation.output.shape[1:]) * inner_size
    return Cost(parameters, macs, matmul_macs)
