import json

import pytest
from conftest import PHOTOS
from PIL import Image
from typer.testing import CliRunner

import keras_mobilevit
from keras_mobilevit.cli import app
from keras_mobilevit.models import create_model, list_models


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def test_models_lists_every_name():
    rows = json.loads(run("models", "--json").stdout)
    assert [row["name"] for row in rows] == list_models()
    for name in list_models():
        assert name in run("models").stdout


def test_cost_at_another_size():
    default = json.loads(run("cost", "ghostnet_100", "--json").stdout)
    assert (default["parameters"], default["macs"]) == (5_182_508, 141_150_512)
    larger = json.loads(run("cost", "ghostnet_100", "--input-size", "448x448", "--json").stdout)
    assert larger["parameters"] == default["parameters"]
    assert larger["macs"] > 3.9 * default["macs"]


def test_ablation_counts_modules_and_placements():
    rows = json.loads(run("cost", "mocovit_050", "--ablation", "--json").stdout)
    assert {row["part"] for row in rows} == {"attention", "feed-forward", "placement"}
    table = run("cost", "mocovit_050", "--ablation").stdout
    assert "mosa" in table
    assert "stages 1 2 3" in table


def test_export_and_classify(tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("left\nright\n")
    file, pictures = tmp_path / "model.tflite", tmp_path / "pictures"
    record = json.loads(
        run(
            *("export", "mocovit_050", "-o", file, "--input-size", "64x96"),
            *("--labels", labels, "--precision", "float16", "--json"),
        ).stdout
    )
    assert (record["precision"], record["height"], record["width"]) == ("float16", 64, 96)
    photos = sorted(PHOTOS.glob("*.jpg"))
    shown = run("classify", *photos, "--model", file, "--save-picture", pictures)
    assert "left" in shown.stdout
    assert "labels mean nothing" in " ".join(shown.stdout.split())
    for photo in photos:
        with Image.open(pictures / f"{photo.stem}.png") as picture:
            assert picture.width == 640
    results = json.loads(run("classify", *photos, "--model", file, "--json").stdout)
    assert [len(result["predictions"]) for result in results] == [2, 2, 2]


def test_saved_keras_model_exports(tmp_path):
    create_model("mocovit_050", classes=2, input_shape=(32, 32, 3)).save(tmp_path / "mine.keras")
    run("export", tmp_path / "mine.keras", "-o", tmp_path / "mine.tflite")
    assert (tmp_path / "mine.tflite").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "mocovit_99", "-o", "a.tflite"], "unknown model"),
        (["export", "nowhere.keras", "-o", "a.tflite"], "no such file"),
        (["export", "mocovit_050", "-o", "no/folder/a.tflite"], "does not exist"),
        (["export", "mocovit_050", "-o", "a.tflite", "--input-size", "224"], "--input-size"),
        (["export", "mocovit_050", "-o", "a.tflite", "--input-size", "8x8"], "32 or more"),
        (["export", "mocovit_050", "-o", "a.tflite", "--weights", "imagenet"], "weights"),
        (["export", "mocovit_050", "-o", "a.tflite", "--labels", "nowhere"], "labels"),
        (["export", "mocovit_050", "-o", "a.tflite", "--precision", "int4"], "precision"),
        (["cost", "ghostnet_100", "--ablation"], "mocovit"),
        (["classify", "nowhere.jpg", "--model", "MODEL"], "no such file"),
        (["classify", __file__, "--model", "MODEL"], "not an image"),
        (["classify", PHOTOS / "cat.jpg", "--model", __file__], "not a TFLite file"),
        (["classify", PHOTOS / "cat.jpg", "--model", "nowhere.tflite"], "no such file"),
        (["classify", PHOTOS / "cat.jpg", "--model", "MODEL", "--top", "0"], "top"),
        (["classify"], "Missing"),
    ],
)
def test_mistakes_give_one_clear_line(exported, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    arguments = [exported[0] if argument == "MODEL" else argument for argument in arguments]
    result = run(*arguments, code=2)
    assert said in result.stderr
    assert "Traceback" not in result.output
    if said != "Missing":
        assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_version():
    assert run("--version").stdout.strip() == keras_mobilevit.__version__
