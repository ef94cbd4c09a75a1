"""Quantization of Keras 3 models for TFLite: training-aware, post-training and mixed precision.

Nothing is here yet; `keras_mobilevit` never imports this package, it is the other way round.
"""
