"""Read the weights of Kokoro's decoder out of its ONNX half, under the names of `networks.style_decoder`.

Most weights are stored as 8-bit integers with a scale and a zero point; they are read as the real numbers they
stand for.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from auto_voice.errors import ModelLoadError
from auto_voice.models.networks.style_decoder import KOKORO, DecoderShape, StyleDecoder

Weights = NDArray[np.float32]

_PREFIX = "decoder.decoder."
_QUANTISED = "_quantized"
# A node is named by its path, where a list's item is there twice: /decoder/decoder/asr_res/asr_res.0/Conv_quant.
_RENAMED = (
    (r"(\w+)\.(?=\1\.\d)", ""),
    (r"^asr_res\.0", "content_conv"),
    (r"^F0_conv", "f0_conv"),
    (r"^N_conv", "energy_conv"),
    (r"\bm_source\.l_linear\b", "source.merge"),
    (r"\bnoise_convs\b", "source_convs"),
    (r"\bnoise_res\b", "source_blocks"),
    (r"\bresblocks\b", "blocks"),
    (r"\bups\b", "upsample"),
    (r"\bconv_post\b", "out_conv"),
    (r"\bconvs([12])\.(\d)", r"units.\2.conv\1"),
    (r"\badain([12])\.(\d)", r"units.\2.norm\1"),
    (r"\balpha([12])\.(\d)$", r"units.\2.norm\1.frequency"),
    (r"\bconv1x1\b", "shortcut"),
    (r"\bfc\b", "film"),
)


def decoder_weights(decoder: Path, shape: DecoderShape = KOKORO) -> dict[str, Weights]:
    """Every weight of the graph in `decoder` (see `kokoro_graph.cut`) by StyleDecoder's name for it, float32.

    Raises:
        ModelLoadError: the file is no ONNX graph, or not that decoder's: weights are missing or of other shapes.
    """
    try:
        graph = onnx.load(decoder).graph
        stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    except Exception as error:  # protobuf has its own errors for each way a file can be damaged
        raise ModelLoadError(f"{decoder.name} is not an ONNX model: {error}") from error
    weights = {
        _own_name(name.removeprefix(_PREFIX)): array.astype(np.float32)
        for name, array in stored.items()
        if name.startswith(_PREFIX) and re.search(r"\.(bias|alpha[12]\.\d)$", name)
    }
    for node in graph.node:
        layer = _layer(node)
        if layer is not None:
            weights[f"{layer}.weight"] = _matrix(node, stored)
    _check(weights, shape, decoder)
    return weights


def _check(weights: dict[str, Weights], shape: DecoderShape, decoder: Path) -> None:
    with torch.device("meta"):
        expected = {name: tuple(each.shape) for name, each in StyleDecoder(shape).state_dict().items()}
    found = {name: array.shape for name, array in weights.items()}
    wrong = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    if wrong:
        raise ModelLoadError(
            f"{decoder.name} is not the decoder expected: {wrong[0]} and {len(wrong) - 1} more weights are missing, "
            "unknown or of another shape"
        )


def _layer(node: Any) -> str | None:
    """Own name of the layer whose product with its weights a node is; None if it is not such a node."""
    products = ("Conv", "ConvTranspose", "ConvInteger", "MatMul", "MatMulInteger")
    path = node.name.strip("/").split("/")
    if node.op_type not in products or path[:2] != _PREFIX.strip(".").split(".") or "istft" in path:
        return None
    return _own_name(".".join(path[2:-1]))


def _own_name(name: str) -> str:
    for pattern, replacement in _RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def _matrix(node: Any, stored: dict[str, NDArray[Any]]) -> Weights:
    """A node's weights, as torch lays them out."""
    name = node.input[1]
    try:
        values = stored[name].astype(np.float32)
        if node.op_type.endswith("Integer"):
            scale = stored[name.removesuffix(_QUANTISED) + "_scale"]
            values = (values - stored[node.input[3]].astype(np.float32)) * scale.astype(np.float32)
    except KeyError as error:
        raise ModelLoadError(f"the graph has no tensor {error} for {node.name}") from error
    return np.ascontiguousarray(values.T if node.op_type.startswith("MatMul") else values)
