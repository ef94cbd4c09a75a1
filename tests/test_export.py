import dataclasses
import json

import flatbuffers
import keras
import numpy as np
import pytest
from conftest import FAMILIES, spread_logits

from keras_mobilevit import ModelContract, Preprocessing, preprocess
from keras_mobilevit.errors import ExportError
from keras_mobilevit.images import normalize
from keras_mobilevit.models import create_model, list_models
from keras_mobilevit.tflite import Classifier, export, inspect_file
from keras_mobilevit.tflite.export import TOLERANCES
from keras_mobilevit.tflite.packing import packed_files

every_model = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FAMILIES.values() else pytest.mark.slow)
        for name in list_models()
    ],
)


@every_model
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_every_model_exports_clean(name, precision, tmp_path):
    model = create_model(name, input_shape=(96, 64, 3))
    record = export(model, tmp_path / "model.tflite", precision)
    assert record.difference <= TOLERANCES[precision]
    assert record.max_rank <= 4
    assert record.xnnpack_partitions == 1
    assert record.xnnpack_delegated == sum(record.operators.values())
    if precision == "float32":
        assert record.top1_agreement == record.inputs


def test_file_takes_pixels_and_gives_what_keras_gives(exported, cat):
    path, model, _ = exported
    classifier = Classifier(path)
    expected = model.predict(preprocess(cat, model), verbose=0)[0]
    np.testing.assert_allclose(classifier.run(classifier.preprocess(cat)), expected, atol=1e-5)


def test_bgr_and_other_normalizations_are_inside_the_graph(tmp_path):
    rule = Preprocessing(mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7), channel_order="bgr")
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Flatten()(image))
    export(model, tmp_path / "a.tflite", contract=ModelContract("Test", "t", preprocessing=rule))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    np.testing.assert_allclose(
        Classifier(tmp_path / "a.tflite").run(pixels),
        normalize(pixels[None], rule).ravel(),
        atol=1e-5,
    )


def test_record_tells_what_was_written(exported):
    path, model, record = exported
    values = json.loads(json.dumps(record.to_dict()))
    assert values["size_bytes"] == path.stat().st_size
    assert values["operators"]["SOFTMAX"] == 5  # four attentions and the classifier
    assert (values["height"], values["width"], values["weights"]) == (64, 96, "random")
    assert values["name"] == model.name


def test_same_model_gives_the_same_bytes(exported, tmp_path):
    path, model, _ = exported
    export(model, tmp_path / "again.tflite", labels=Classifier(path).labels)
    assert (tmp_path / "again.tflite").read_bytes() == path.read_bytes()


def test_half_precision_halves_the_file(exported, tmp_path):
    path, model, _ = exported
    record = export(model, tmp_path / "half.tflite", "float16")
    assert record.size_bytes < 0.55 * path.stat().st_size


def test_weights_stay_aligned_for_mapping(exported):
    path, _, _ = exported
    from tensorflow.lite.python import schema_py_generated as schema

    content = path.read_bytes()
    model = schema.Model.GetRootAs(content)
    offsets = [
        model.Buffers(i)._tab.Vector(
            flatbuffers.number_types.UOffsetTFlags.py_type(model.Buffers(i)._tab.Offset(4))
        )
        for i in range(model.BuffersLength())
        if model.Buffers(i).DataLength()
    ]
    assert offsets
    assert all(offset % 16 == 0 for offset in offsets)


def test_refused_operator_is_named(tmp_path):
    image = keras.Input((8, 8, 3))
    x = keras.ops.erfinv(keras.layers.Flatten()(image))
    with pytest.raises(ExportError, match="Erfinv"):
        export(keras.Model(image, x), tmp_path / "a.tflite", contract=ModelContract("T", "t"))
    assert not list(tmp_path.iterdir())


def test_file_that_differs_is_not_kept(exported, tmp_path, monkeypatch):
    _, model, _ = exported
    monkeypatch.setitem(TOLERANCES, "float16", 1e-9)
    (tmp_path / "a.tflite").write_text("yesterday's file")
    with pytest.raises(ExportError, match="not kept"):
        export(model, tmp_path / "a.tflite", "float16")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["yesterday's file"]


def test_nan_model_is_not_kept(tmp_path):
    model = create_model("mocovit_050", classes=2, input_shape=(32, 32, 3))
    weights = model.get_weights()
    weights[0][:] = np.nan
    model.set_weights(weights)
    with pytest.raises(ExportError, match="nan"):
        export(model, tmp_path / "a.tflite")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"precision": "int4"}, "precision"),
        ({"labels": ["a"]}, "labels"),
        ({"labels": ["a", "b", "c", "d", " "]}, "labels"),
        ({"labels": "nowhere.txt"}, "labels"),
        ({"path": "no/such/folder/a.tflite"}, "path"),
        ({"path": "."}, "path"),
    ],
)
def test_wrong_arguments_are_named(exported, tmp_path, arguments, named):
    _, model, _ = exported
    with pytest.raises(ValueError, match=named):
        export(model, **{"path": tmp_path / "a.tflite", **arguments})


def test_models_that_are_no_classifiers_are_refused(tmp_path):
    features = create_model("mocovit_050", include_top=False, input_shape=(32, 32, 3))
    with pytest.raises(ValueError, match="classifiers"):
        export(features, tmp_path / "a.tflite")
    image = keras.Input((None, None, 3))
    pooled = keras.Model(image, keras.layers.GlobalAveragePooling2D()(image))
    with pytest.raises(ValueError, match="static"):
        export(pooled, tmp_path / "a.tflite", contract=ModelContract("T", "t"))


def test_fine_tuned_model_exports_with_its_contract(tmp_path):
    base = create_model("mocovit_050", include_top=False, pooling="avg", input_shape=(32, 32, 3))
    x = keras.layers.Dense(2, name="classifier")(base.output)
    model = keras.Model(base.input, keras.layers.Softmax()(x))
    spread_logits(model)
    export(model, tmp_path / "a.tflite", labels=["no", "yes"])
    contract = Classifier(tmp_path / "a.tflite").contract
    assert (contract.preset, contract.scores, contract.classes) == (
        "mocovit_050",
        "probabilities",
        2,
    )


def test_packed_files_are_plain_zip_entries(exported):
    path, _, _ = exported
    files = packed_files(path)
    assert files["labels.txt"] == "daisy\ndandelion\nrose\nsunflower\ntulip\n"
    assert json.loads(files["keras_mobilevit.json"])["labels"] == "labels.txt"


def test_inspection_counts_what_xnnpack_leaves(tmp_path):
    image = keras.Input((8, 8, 3))
    x = keras.ops.cumsum(image, axis=1)  # a TFLite builtin that XNNPACK does not have
    model = keras.Model(image, keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(x)))
    export(model, tmp_path / "a.tflite", contract=ModelContract("T", "t"))
    report = inspect_file(tmp_path / "a.tflite")
    left = sum(report.operators.values()) - report.delegated
    assert (report.operators["CUMSUM"], left, report.partitions) == (1, 1, 2)
    assert dataclasses.asdict(report)["max_rank"] == 4
