"""The command line: parse, call one library function, print."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

import keras_mobilevit
from keras_mobilevit._optional import captured_stderr
from keras_mobilevit.contract import RANDOM_WEIGHTS
from keras_mobilevit.errors import ExportError

console = Console()
errors = Console(stderr=True)
SEED = 0  # of random weights, so that the same command writes the same file


class _OneLineErrors(TyperGroup):
    """A user's mistake is one line and exit code 2, a refused export one line and exit code 1."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (ValueError, OSError, ImportError, ExportError) as error:
            if os.environ.get("KERAS_MOBILEVIT_TRACEBACK"):
                raise
            code = 1 if isinstance(error, ExportError) else 2
            text = " ".join(str(error).split())
            errors.print(
                f"error: {text}", style="red", markup=False, highlight=False, soft_wrap=True
            )
            raise typer.Exit(code) from error


app = typer.Typer(
    cls=_OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Mobile vision transformers from paper to phone, with Keras 3.",
)

Name = Annotated[str, typer.Argument(help="A model name, see `keras-mobilevit models`.")]
InputSize = Annotated[
    str | None, typer.Option(help="HEIGHTxWIDTH in pixels, such as 224x224 or 192x256.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
):
    if version:
        console.print(keras_mobilevit.__version__, highlight=False)
        raise typer.Exit()


@app.command()
def models(as_json: AsJson = False):
    """List the models: parameters, multiply-accumulates, input size, weights."""
    _load_keras()
    from keras_mobilevit.models import list_models, model_entry
    from keras_mobilevit.weights.published import PUBLISHED

    entries = [model_entry(name) for name in list_models()]
    weights = {name: [row for row in PUBLISHED if row.preset == name] for name in list_models()}
    if as_json:
        fields = ("name", "family", "paper", "parameters", "macs", "input_size")
        _print_json(
            [
                {
                    **{field: getattr(entry, field) for field in fields},
                    "weights": {row.name: row.top1 for row in weights[entry.name]},
                }
                for entry in entries
            ]
        )
        return
    table = _table("name", "parameters", "MACs", "input", "weights")
    for entry in entries:
        size = f"{entry.input_size}x{entry.input_size}"
        count, macs = f"{entry.parameters:,}", _millions(entry.macs)
        tags = "\n".join(f"{row.tag} ({row.top1:.1f} %)" for row in weights[entry.name])
        table.add_row(entry.name, count, macs, size, tags or "your own")
    console.print(table)


@app.command()
def cost(
    name: Name,
    input_size: InputSize = None,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="MoCoViT only: its parts against vanilla ones.")
    ] = False,
    as_json: AsJson = False,
):
    """Count a model's parameters and multiply-accumulates."""
    _load_keras()
    from keras_mobilevit.models import create_model

    if ablation:
        if input_size is not None:
            raise ValueError("--input-size does not go with --ablation, which has its own sizes")
        _print_ablation(name, as_json)
        return
    model = create_model(name, **_input_shape(input_size))
    counted = keras_mobilevit.cost(model)
    size = "x".join(map(str, model.input_shape[1:3]))
    if as_json:
        _print_json({"name": name, "input_size": size, **vars(counted)})
        return
    table = _table("name", "input", "parameters", "MACs", "matmul MACs")
    table.add_row(
        name,
        size,
        f"{counted.parameters:,}",
        _millions(counted.macs),
        _millions(counted.matmul_macs),
    )
    console.print(table)


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="A model name, or a `.keras` file of such a model.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .tflite file to write.")],
    precision: Annotated[str, typer.Option(help="float32 or float16.")] = "float32",
    weights: Annotated[
        str | None,
        typer.Option(help="imagenet, a published tag, or a file; default: random weights."),
    ] = None,
    input_size: InputSize = None,
    labels: Annotated[
        Path | None, typer.Option(help="Text file with a label a line, in the outputs' order.")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(help="Number of classes; default: as many as labels, or 1000.")
    ] = None,
    as_json: AsJson = False,
):
    """Write a model as a TFLite file that describes itself, checked against Keras."""
    keras = _load_keras()
    from keras_mobilevit.models import create_model
    from keras_mobilevit.tflite import export as export_file
    from keras_mobilevit.tflite.export import read_labels

    names = None if labels is None else read_labels(labels)
    if name.endswith(".keras"):
        if weights or input_size or classes:
            raise ValueError("--weights, --input-size and --classes do not go with a .keras file")
        if not Path(name).is_file():
            raise FileNotFoundError(f"{name}: no such file")
        model = keras.models.load_model(name)
    else:
        keras.utils.set_random_seed(SEED)
        count = classes if classes is not None else len(names) if names else 1000
        model = create_model(name, weights=weights, classes=count, **_input_shape(input_size))
    with errors.status(f"Converting {model.name} and checking the file"):
        record = export_file(model, output, precision, names)
    if as_json:
        _print_json(record.to_dict())
        return
    table = Table(show_header=False, box=None)
    operators = sum(record.operators.values())
    for label, value in (
        ("file", f"{record.path}, {record.size_bytes / 1e6:.2f} MB"),
        ("model", f"{record.name}, {record.precision}, {record.height}x{record.width}"),
        ("weights", _described(record.weights)),
        (
            "operators",
            f"{operators}, rank {record.max_rank} at most, {record.xnnpack_delegated} on XNNPACK "
            f"in {record.xnnpack_partitions} partition(s)",
        ),
        (
            "against Keras",
            f"logits differ by {record.difference:.1e} of their standard deviation (at most "
            f"{record.bound:g}), same best class for {record.top1_agreement} of "
            f"{record.inputs} images",
        ),
    ):
        table.add_row(label, value)
    console.print(table)


@app.command()
def classify(
    photos: Annotated[list[Path], typer.Argument(help="Image files.")],
    model: Annotated[Path, typer.Option(help="A .tflite file that this package exported.")],
    top: Annotated[int, typer.Option(help="How many classes to show.")] = 5,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    save_picture: Annotated[
        Path | None, typer.Option(help="Folder for each photo with its labels drawn on it, PNG.")
    ] = None,
    as_json: AsJson = False,
):
    """Classify photos with an exported file."""
    from keras_mobilevit.pictures import draw_classification
    from keras_mobilevit.tflite.runtime import Classifier

    with captured_stderr():
        classifier = Classifier(model, threads)
    results = [(photo, classifier.classify(photo, top)) for photo in photos]
    if save_picture is not None:
        save_picture.mkdir(parents=True, exist_ok=True)
        for photo, result in results:
            picture = draw_classification(photo, result, classifier.contract)
            picture.save(save_picture / f"{photo.stem}.png")
    if as_json:
        _print_json([_classification_json(photo, result) for photo, result in results])
        return
    table = _table("photo", "label", "score", "preprocess", "inference", "postprocess")
    for photo, result in results:
        times = (result.preprocess_ms, result.inference_ms, result.postprocess_ms)
        for row, prediction in enumerate(result.predictions):
            first = row == 0
            table.add_row(
                photo.name if first else "",
                prediction.label,
                f"{prediction.score:.1%}",
                *(f"{time:.1f} ms" if first else "" for time in times),
                end_section=prediction is result.predictions[-1],
            )
    console.print(table)
    contract = classifier.contract
    console.print(f"{contract.preset}, weights: {_described(contract.weights)}")


@app.command()
def report(
    folder: Annotated[Path, typer.Option(help="Where to write the results.")] = Path("results"),
    readme: Annotated[
        Path | None, typer.Option(help="A Markdown file whose model table is rewritten.")
    ] = None,
    pattern: Annotated[str, typer.Option(help="Only models that match.")] = "*",
    scaling: Annotated[
        bool, typer.Option("--scaling", help="Cost against resolution instead, with a plot.")
    ] = False,
):
    """Export and time every model against MobileNetV2; rewrite the results and the README table."""
    _load_keras()
    from rich.progress import track

    from keras_mobilevit.report import measure, write_csv, write_readme_table

    if scaling:
        _report_scaling(folder)
        return

    rows = measure(pattern, progress=lambda names: track(names, "Exporting", console=errors))
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, folder / "models.csv")
    if readme is not None:
        write_readme_table(rows, readme)
    console.print(f"wrote {folder / 'models.csv'}" + (f" and {readme}" if readme else ""))


def _report_scaling(folder):
    from datetime import date

    from keras_mobilevit.report import machine, write_csv
    from keras_mobilevit.scaling import measure_scaling, plot_scaling

    with errors.status("Exporting and timing at every size"):
        rows = measure_scaling(machine(), date.today().isoformat())
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, folder / "scaling.csv")
    plot_scaling(rows, folder / "scaling.png")
    console.print(f"wrote {folder / 'scaling.csv'} and {folder / 'scaling.png'}")


def _load_keras():
    """Import Keras and its backend, without the native log lines."""
    with captured_stderr(), errors.status("Loading Keras"):
        import keras
    return keras


def _input_shape(size):
    """`HxW` as the constructors' argument; nothing for None."""
    if size is None:
        return {}
    height, _, width = size.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise ValueError(f"--input-size {size}: give HEIGHTxWIDTH, such as 224x224")
    return {"input_shape": (int(height), int(width), 3)}


def _print_ablation(name, as_json):
    from keras_mobilevit.ablation import mocovit_ablation

    rows = mocovit_ablation(name)
    if as_json:
        _print_json([{**vars(row), "cost": vars(row.cost)} for row in rows])
        return
    table = _table("part", "variant", "size", "parameters", "MACs", "MACs with matmuls")
    for previous, row in zip([None, *rows], rows, strict=False):
        if previous and (previous.part, previous.size) != (row.part, row.size):
            table.add_section()
        table.add_row(
            row.part,
            row.variant,
            f"{row.size}x{row.size}",
            f"{row.cost.parameters:,}",
            _millions(row.cost.macs),
            _millions(row.cost.macs + row.cost.matmul_macs),
        )
    console.print(table)


def _table(*columns):
    table = Table()
    for column in columns:
        numeric = column not in ("name", "weights", "photo", "label", "part", "variant")
        table.add_column(column, justify="right" if numeric else "left", no_wrap=column == "name")
    return table


def _millions(count):
    return f"{count / 1e6:.2f} M"


def _described(weights):
    return (
        "random initialisation: the labels mean nothing" if weights == RANDOM_WEIGHTS else weights
    )


def _classification_json(photo, result):
    values = {**vars(result), "predictions": [vars(item) for item in result.predictions]}
    return {"photo": str(photo), **values}


def _print_json(value):
    sys.stdout.write(json.dumps(value, indent=1) + "\n")
