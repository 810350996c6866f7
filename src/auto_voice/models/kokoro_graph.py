"""Cut the Kokoro graph in two, so that what is said and the tune it is said on can be changed in between.

Kokoro (https://github.com/hexgrad/kokoro, Apache-2.0; StyleTTS 2 with an iSTFTNet decoder) first works out
from the tokens what to say, for how long, how high and how loud; then a decoder turns that into samples.
Four tensors are all that passes between the halves:

| tensor | shape | rate | meaning |
|---|---|---|---|
| `CONTENT` | (1, 512, frames) | 40 Hz | the text, each token repeated for as long as it lasts |
| `F0` | (1, 2 × frames) | 80 Hz | fundamental frequency, Hz, near or below 0 where unvoiced |
| `ENERGY` | (1, 2 × frames) | 80 Hz | log loudness |
| `STYLE` | (1, 256) | - | the voice; an input of the graph |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from auto_voice.errors import ModelLoadError

CONTENT = "/encoder/MatMul_1_output_0"
F0 = "/encoder/Reshape_output_0"
ENERGY = "/encoder/Reshape_1_output_0"
STYLE = "style"


def cut(model: Path, encoder: Path, decoder: Path) -> None:
    """Write the two halves of the graph in `model` to the files `encoder` and `decoder`.

    The encoder has the inputs of the whole graph and the outputs CONTENT, F0, ENERGY; the decoder has the
    inputs CONTENT, F0, ENERGY, STYLE and the output of the whole graph. One after the other they are the
    whole.

    Raises:
        ModelLoadError: the file is no ONNX graph, or not Kokoro's.
    """
    try:
        whole = onnx.load(model)
    except Exception as error:  # protobuf has its own errors for each way a file can be damaged
        raise ModelLoadError(f"{model.name} is not an ONNX model: {error}") from error
    graph = whole.graph
    inputs = {each.name: each for each in graph.input}
    known = {name for node in graph.node for name in node.output} | set(inputs)
    missing = [name for name in (CONTENT, F0, ENERGY, STYLE) if name not in known]
    if missing:
        raise ModelLoadError(f"{model.name} is not the Kokoro graph that can be cut: no tensor {', '.join(missing)}")

    seam = [
        _floats(CONTENT, [1, 512, "frames"]),
        _floats(F0, [1, "frames2"]),
        _floats(ENERGY, [1, "frames2"]),
    ]
    _save(whole, list(graph.input), seam, encoder)
    _save(whole, [*seam, inputs[STYLE]], list(graph.output), decoder)


def _floats(name: str, shape: Sequence[int | str]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _save(whole: Any, inputs: list[Any], outputs: list[Any], path: Path) -> None:
    """Write the part of `whole` that leads from `inputs` to `outputs`."""
    graph = whole.graph
    nodes = _nodes_between(graph, {each.name for each in inputs}, [each.name for each in outputs])
    used = {name for node in nodes for name in node.input}
    weights = [each for each in graph.initializer if each.name in used]
    part = helper.make_graph(nodes, path.stem, inputs, outputs, weights)
    model = helper.make_model(part, opset_imports=whole.opset_import, ir_version=whole.ir_version)
    onnx.save(model, path)


def _nodes_between(graph: Any, inputs: set[str], outputs: Iterable[str]) -> list[Any]:
    """The nodes that `outputs` need, given `inputs`, in the (topological) order of the graph."""
    made_by = {name: index for index, node in enumerate(graph.node) for name in node.output}
    needed: set[int] = set()
    wanted = list(outputs)
    while wanted:
        name = wanted.pop()
        index = made_by.get(name)
        if name in inputs or index is None or index in needed:
            continue
        needed.add(index)
        wanted.extend(graph.node[index].input)
    return [graph.node[index] for index in sorted(needed)]
