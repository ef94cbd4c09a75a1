import csv

import pytest
from PIL import Image

from keras_mobilevit.report import measure, write_csv, write_readme_table
from keras_mobilevit.scaling import measure_scaling, plot_scaling


@pytest.fixture(scope="module")
def rows():
    return measure("mocovit_050")


@pytest.mark.slow
def test_measured_rows_go_to_csv_and_readme(rows, tmp_path):
    write_csv(rows, tmp_path / "models.csv")
    with (tmp_path / "models.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["name"], row["parameters"]) == ("mocovit_050", "2853452")
    assert float(row["latency_ratio"]) > 0
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- models: begin -->\nold\n<!-- models: end -->\nafter\n")
    write_readme_table(rows, readme)
    text = readme.read_text()
    assert text.startswith("before\n<!-- models: begin -->\n| model |")
    assert text.endswith("<!-- models: end -->\nafter\n")
    assert "| `mocovit_050` | 224 | 2.85 M | 44 M |" in text
    assert "old" not in text


@pytest.mark.slow
def test_readme_without_the_marks_is_refused(rows, tmp_path):
    (tmp_path / "README.md").write_text("nothing to rewrite")
    with pytest.raises(ValueError, match="models: begin"):
        write_readme_table(rows, tmp_path / "README.md")


def test_pattern_without_a_model_is_refused():
    with pytest.raises(ValueError, match="resnet"):
        measure("resnet*")


@pytest.mark.slow
def test_scaling_counts_and_draws(tmp_path):
    models = ("mobilevit_xxs", "mobilevitv2_050")
    rows = measure_scaling("machine", "today", models=models, sizes=(64, 128), runs=2)
    first, second, *separable = rows
    assert (first.tokens, second.tokens) == (16, 64)
    assert 0 < first.matmul_share < second.matmul_share
    assert [row.matmul_share for row in separable] == [0, 0]
    plot_scaling(rows, tmp_path / "scaling.png")
    with Image.open(tmp_path / "scaling.png") as picture:
        assert picture.width > 1000
