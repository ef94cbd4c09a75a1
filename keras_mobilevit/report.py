"""The figures of the README, measured: sizes, differences, delegation and latency ratios."""

import csv
import os
import tempfile
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path

import keras

from keras_mobilevit._files import written_whole
from keras_mobilevit.contract import ModelContract, Preprocessing
from keras_mobilevit.models import create_model, list_models, model_entry
from keras_mobilevit.tflite import benchmark, export

BASELINE = "mobilenetv2 (keras.applications)"
_BEGIN, _END = "<!-- models: begin -->", "<!-- models: end -->"


@dataclass(frozen=True)
class ReportRow:
    """One model's measured figures; ratios are to MobileNetV2 float32 in the same run."""

    name: str
    input_size: int
    parameters: int
    macs: int
    float32_bytes: int
    float16_bytes: int
    float32_difference: float
    float16_difference: float
    operators: int
    max_rank: int
    xnnpack_delegated: int
    xnnpack_partitions: int
    latency_ratio: float
    machine: str
    measured: str


def measure(pattern="*", progress=iter):
    """Export every model that matches and time the float32 files in turns on one thread.

    `progress` wraps the list of names, to show how far it is.
    """
    names = list_models(pattern)
    if not names:
        raise ValueError(f"pattern={pattern!r} matches no model")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        baseline = folder / "baseline.tflite"
        _export_baseline(baseline)
        records = {}
        for name in progress(names):
            keras.utils.set_random_seed(0)
            model = create_model(name)
            records[name] = [
                export(model, folder / f"{name}_{precision}.tflite", precision)
                for precision in ("float32", "float16")
            ]
        # Against the baseline one model at a time: a turn of all would empty every cache.
        ratios = {
            name: benchmark([baseline, float32.path])[1].ratio
            for name, (float32, _) in records.items()
        }
    return [_row(model_entry(name), *records[name], ratios[name]) for name in names]


def write_csv(rows, path):
    """Rewrite a CSV file of dataclass rows, at once or not at all."""
    with (
        written_whole(path) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, [field.name for field in fields(rows[0])])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def write_readme_table(rows, path):
    """Rewrite the table between the two `models:` comments of a Markdown file."""
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{path} has no {_BEGIN} ... {_END} to rewrite")
    lines = [
        "| model | input | parameters | MACs | float32 | float16 | XNNPACK | time |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| `{row.name}` | {row.input_size} | {row.parameters / 1e6:.2f} M "
            f"| {row.macs / 1e6:.0f} M | {row.float32_bytes / 1e6:.1f} MB "
            f"| {row.float16_bytes / 1e6:.1f} MB | {row.xnnpack_delegated} of {row.operators} ops, "
            f"{row.xnnpack_partitions} partition | {row.latency_ratio:.2f} |"
            for row in rows
        ),
    ]
    table = "\n".join(lines)
    caption = (
        f"Time is the ratio to {BASELINE} in float32, one thread, {rows[0].machine}, "
        f"{rows[0].measured}."
    )
    with written_whole(path) as partial:
        partial.write_text(f"{before}{begin}\n{table}\n\n{caption}\n{end}{after}", encoding="utf-8")


def _export_baseline(path):
    rule = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    contract = ModelContract("MobileNetV2", "mobilenetv2_100", preprocessing=rule)
    keras.utils.set_random_seed(0)
    export(keras.applications.MobileNetV2(weights=None), path, contract=contract)


def _row(entry, float32, float16, ratio):
    return ReportRow(
        name=entry.name,
        input_size=entry.input_size,
        parameters=entry.parameters,
        macs=entry.macs,
        float32_bytes=float32.size_bytes,
        float16_bytes=float16.size_bytes,
        float32_difference=float(f"{float32.difference:.2g}"),
        float16_difference=float(f"{float16.difference:.2g}"),
        operators=sum(float32.operators.values()),
        max_rank=float32.max_rank,
        xnnpack_delegated=float32.xnnpack_delegated,
        xnnpack_partitions=float32.xnnpack_partitions,
        latency_ratio=round(ratio, 3),
        machine=machine(),
        measured=date.today().isoformat(),
    )


def machine():
    """The CPU's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()}, {os.cpu_count()} cores"
    import platform

    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
