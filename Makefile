# `make demo` and `make test` set up their own environment in .venv; PYTHON may name another Python.
PYTHON ?= python3
BIN := .venv/bin
OUT := build/demo
PHOTOS := $(wildcard keras_mobilevit/photos/*.jpg)

.PHONY: demo test lint report clean

demo: .venv/demo
	mkdir -p $(OUT)
	$(BIN)/keras-mobilevit export mocovit_100 -o $(OUT)/mocovit_100.tflite
	$(BIN)/keras-mobilevit export mocovit_100 -o $(OUT)/mocovit_100_fp16.tflite --precision float16
	$(BIN)/keras-mobilevit classify $(PHOTOS) --model $(OUT)/mocovit_100.tflite --save-picture $(OUT)
	$(BIN)/keras-mobilevit classify $(PHOTOS) --model $(OUT)/mocovit_100_fp16.tflite --top 1

test: .venv/test
	$(BIN)/python -m pytest -n 2 -m "not slow"
	$(BIN)/python -m pytest -n 2 -m slow

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

report: .venv/test
	$(BIN)/keras-mobilevit report --readme README.md
	$(BIN)/keras-mobilevit report --scaling

clean:
	rm -rf .venv build

.venv/demo: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[tflite]'
	touch $@

.venv/test: .venv/demo
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@
