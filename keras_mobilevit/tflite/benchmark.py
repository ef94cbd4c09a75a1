"""Latency of `.tflite` files against each other, measured in turns in one process."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_mobilevit._checks import check_count
from keras_mobilevit.tflite.interpreter import open_interpreter

_WARM_UP_RUNS = 5


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one inference, and the median's ratio to that of the first file."""

    path: Path
    median_ms: float
    p90_ms: float
    minimum_ms: float
    ratio: float


def benchmark(paths, runs=50, threads=1):
    """Time files in turns, so that the machine's noise falls on all alike.

    Args:
        paths: `.tflite` files; the first is the baseline of the ratios.
        runs: timed inferences of each file, after a warm-up.
        threads: CPU threads of the runtime.

    Returns:
        A list of `Timing`, in the order of `paths`.
    """
    check_count("runs", runs)
    interpreters = [open_interpreter(path, threads)[0] for path in paths]
    generator = np.random.default_rng(0)
    for interpreter in interpreters:
        for detail in interpreter.get_input_details():
            values = generator.uniform(0, 255, detail["shape"]).astype(detail["dtype"])
            interpreter.set_tensor(detail["index"], values)
    milliseconds = np.empty((_WARM_UP_RUNS + runs, len(interpreters)))
    for row in milliseconds:
        for column, interpreter in enumerate(interpreters):
            start = time.perf_counter()
            interpreter.invoke()
            row[column] = 1e3 * (time.perf_counter() - start)
    timed = milliseconds[_WARM_UP_RUNS:]
    medians = np.median(timed, axis=0)
    return [
        Timing(
            Path(path),
            median_ms=float(medians[i]),
            p90_ms=float(np.percentile(timed[:, i], 90)),
            minimum_ms=float(timed[:, i].min()),
            ratio=float(medians[i] / medians[0]),
        )
        for i, path in enumerate(paths)
    ]
