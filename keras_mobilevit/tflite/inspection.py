"""What a `.tflite` consists of, and how much of it XNNPACK takes, as the runtime itself tells."""

from collections import Counter
from dataclasses import dataclass

from keras_mobilevit.tflite.interpreter import open_interpreter


@dataclass(frozen=True)
class FileReport:
    """Operators by name, the highest rank of a tensor, and XNNPACK's share.

    `delegated` of all operators run on XNNPACK, in `partitions` pieces; 1 is best, since every
    border between two pieces costs a copy and a synchronization.
    """

    operators: dict[str, int]
    max_rank: int
    delegated: int
    partitions: int


def inspect_file(path):
    """Open a `.tflite` with XNNPACK and report on it; errors as `open_interpreter`."""
    interpreter, _ = open_interpreter(path)
    nodes = interpreter._get_ops_details()
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    operators = [node for node in nodes if node["op_name"] != "DELEGATE"]
    # A delegate node stands for every operator between its outputs and its inputs.
    producers = {tensor: node for node in operators for tensor in node["outputs"]}
    delegated = set()
    for delegate in delegates:
        pending = list(delegate["outputs"])
        inputs = set(delegate["inputs"])
        while pending:
            node = producers.get(pending.pop())
            if node is None or node["index"] in delegated:
                continue
            delegated.add(node["index"])
            pending += [tensor for tensor in node["inputs"] if tensor not in inputs]
    return FileReport(
        operators=dict(Counter(node["op_name"] for node in operators).most_common()),
        max_rank=max(len(tensor["shape"]) for tensor in interpreter.get_tensor_details()),
        delegated=len(delegated),
        partitions=len(delegates),
    )
