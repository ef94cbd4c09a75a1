"""What the README tells a user to type."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import PHOTOS
from typer.testing import CliRunner

from keras_mobilevit.cli import app
from keras_mobilevit.models import list_models

README = Path(__file__).parent.parent / "README.md"
LONGEST_QUICKSTART = 15


@pytest.fixture
def among_photos(tmp_path, monkeypatch):
    for photo in PHOTOS.glob("*.jpg"):
        shutil.copy(photo, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(language):
    return re.findall(rf"```{language}\n(.+?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_python_quickstart_runs(among_photos, capsys):
    code = blocks("python")[0]
    assert len(code.strip().splitlines()) <= LONGEST_QUICKSTART
    exec(code, {})
    printed = capsys.readouterr().out
    assert all(label in printed for label in ("cat", "coffee", "rocket"))


def test_shell_commands_run(among_photos):
    commands = [
        line for block in blocks("sh") for line in block.splitlines() if line.startswith("keras-")
    ]
    commands = [command for command in commands if "imagenet" not in command]  # needs the hub
    assert len(commands) == 4
    for command in commands:
        result = CliRunner().invoke(app, command.split()[1:])
        assert result.exit_code == 0, result.output
    assert (among_photos / "pictures" / "cat.png").exists()


def test_model_table_has_every_model():
    table = (
        README.read_text(encoding="utf-8").partition("models: begin")[2].partition("models: end")[0]
    )
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list_models()
