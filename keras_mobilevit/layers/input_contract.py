"""The layer that carries a model's contract through everything Keras does to a model."""

import keras

from keras_mobilevit.contract import ModelContract


@keras.saving.register_keras_serializable("keras_mobilevit")
class InputContract(keras.layers.Layer):
    """Identity that holds the `ModelContract` of the weights behind it.

    An attribute of the model would be lost by saving, cloning, or putting a new head on the
    features; a layer of the graph survives all three, and costs nothing in the exported file.
    """

    def __init__(self, contract, **kwargs):
        super().__init__(**kwargs)
        if isinstance(contract, dict):
            contract = ModelContract.from_dict(contract)
        self.contract = contract

    def call(self, inputs):
        return inputs

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)

    def get_config(self):
        return {**super().get_config(), "contract": self.contract.to_dict()}


def contract_layer(model):
    """The `InputContract` layer of a model, also inside nested models; None if it has none."""
    for layer in model.layers:
        if isinstance(layer, InputContract):
            return layer
        if isinstance(layer, keras.Model) and (found := contract_layer(layer)):
            return found
    return None


def model_contract(model):
    """The `ModelContract` of a model; ValueError for a model that has none."""
    layer = contract_layer(model)
    if layer is None:
        raise ValueError(
            f"model {model.name!r} carries no input contract: it was not made by keras_mobilevit, "
            "so what its weights expect of a photo is unknown"
        )
    return layer.contract
