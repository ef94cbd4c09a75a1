"""How cost grows with resolution: attention over all tokens against separable attention."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from keras_mobilevit._optional import require
from keras_mobilevit.counting import cost
from keras_mobilevit.models import create_model
from keras_mobilevit.tflite import benchmark, export

MODELS = ("mobilevit_xs", "mobilevitv2_075")  # the closest in parameters and MACs at 256
SIZES = (128, 192, 256, 320, 384, 448, 512)


@dataclass(frozen=True)
class ScalingRow:
    """One model at one input size; `matmul_share` is that of attention's products in all MACs, and
    the latency is a ratio to the first model at the first size.
    """

    name: str
    input_size: int
    tokens: int
    macs: int
    matmul_share: float
    latency_ratio: float
    machine: str
    measured: str


def measure_scaling(machine, measured, models=MODELS, sizes=SIZES, runs=30):
    """Export the models at each size and time them in turns, one thread; rows by model, then size.

    `tokens` are those of the first attention, at 1/8 of the input in patches of 2x2 pixels.
    """
    cases = [(name, size) for name in models for size in sizes]
    costs, paths = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, size in cases:
            model = create_model(name, input_shape=(size, size, 3))
            costs.append(cost(model))
            paths.append(Path(folder) / f"{name}_{size}.tflite")
            export(model, paths[-1])
        timings = benchmark(paths, runs)
    return [
        ScalingRow(
            name=name,
            input_size=size,
            tokens=(size // 16) ** 2,
            macs=counted.macs + counted.matmul_macs,
            matmul_share=round(counted.matmul_macs / (counted.macs + counted.matmul_macs), 4),
            latency_ratio=round(timing.ratio, 3),
            machine=machine,
            measured=measured,
        )
        for (name, size), counted, timing in zip(cases, costs, timings, strict=True)
    ]


def plot_scaling(rows, path):
    """Draw latency and MACs per pixel against the input size: level where cost is linear in the
    pixels, rising where it is more.
    """
    matplotlib = require("matplotlib", "plot")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name in dict.fromkeys(row.name for row in rows):
        own = [row for row in rows if row.name == name]
        sizes = [row.input_size for row in own]
        for axis, values in (
            (axes[0], [row.latency_ratio / row.input_size**2 for row in own]),
            (axes[1], [row.macs / row.input_size**2 for row in own]),
        ):
            axis.plot(sizes, [value / values[0] for value in values], marker="o", label=name)
    for axis, what in zip(axes, ("latency", "MACs"), strict=True):
        axis.set(
            xlabel="input size in pixels",
            ylabel=f"{what} per pixel, relative to {rows[0].input_size}",
            title=f"{what} per pixel",
            xticks=sorted({row.input_size for row in rows}),
            ylim=(0, None),
        )
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
