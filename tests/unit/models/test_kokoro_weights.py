"""Reading the decoder's weights out of a graph laid out like the published one, but tiny."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from auto_voice.errors import ModelLoadError
from auto_voice.models.kokoro_weights import decoder_weights
from auto_voice.models.networks.style_decoder import DecoderShape, StyleDecoder
from auto_voice.models.steps import STEPS

TINY = DecoderShape(content=6, style=4, hidden=8, skip=3, generator=16)
Graph = tuple[list[Any], dict[str, NDArray[Any]]]


def published_blocks() -> list[tuple[str, str]]:
    """Published and own name of each residual block of the generator."""
    names = [(f"generator.noise_res.{index}", f"generator.source_blocks.{index}") for index in range(2)]
    return names + [(f"generator.resblocks.{index}", f"generator.blocks.{index}") for index in range(6)]


def published_layers() -> dict[str, str]:
    """Own name of each layer by its published one."""
    layers = {
        "asr_res.0": "content_conv",
        "F0_conv": "f0_conv",
        "N_conv": "energy_conv",
        "decode.3.pool": "decode.3.pool",
        "generator.m_source.l_linear": "generator.source.merge",
        "generator.conv_post": "generator.out_conv",
    }
    for block in ("encode", *(f"decode.{index}" for index in range(4))):
        parts = {"conv1": "conv1", "conv2": "conv2", "conv1x1": "shortcut"}
        parts |= {"norm1.fc": "norm1.film", "norm2.fc": "norm2.film"}
        layers |= {f"{block}.{theirs}": f"{block}.{own}" for theirs, own in parts.items()}
    for index in range(2):
        layers[f"generator.noise_convs.{index}"] = f"generator.source_convs.{index}"
        layers[f"generator.ups.{index}"] = f"generator.upsample.{index}"
    for theirs, own in published_blocks():
        for unit in range(3):
            for half in (1, 2):
                layers[f"{theirs}.convs{half}.{unit}"] = f"{own}.units.{unit}.conv{half}"
                layers[f"{theirs}.adain{half}.{unit}.fc"] = f"{own}.units.{unit}.norm{half}.film"
    return layers


def node_path(layer: str) -> str:
    """As the exporter names nodes: an item of a list has the list's name before it in this one case only."""
    return "/decoder/decoder/" + layer.replace("asr_res.0", "asr_res/asr_res.0").replace(".fc", "/fc")


def published(decoder: StyleDecoder) -> Graph:
    """Nodes and initialisers as in the published graph: linear layers signed, most convolutions unsigned."""
    state = {name: each.numpy() for name, each in decoder.state_dict().items()}
    nodes, stored = [], {}
    for theirs, own in published_layers().items():
        weight = state[f"{own}.weight"]
        if f"{own}.bias" in state:
            stored[f"decoder.decoder.{theirs}.bias"] = state[f"{own}.bias"]
        name = f"onnx::{theirs}"
        if any(part in theirs for part in ("pool", "ups", "conv_post", "l_linear")):
            kind = "ConvTranspose" if "conv_post" not in theirs else "Conv"
            kind = "MatMul" if "l_linear" in theirs else kind
            stored[name] = weight.T if kind == "MatMul" else weight
            nodes.append(helper.make_node(kind, ["x", name], ["y"], f"{node_path(theirs)}/{kind}"))
            continue
        linear = theirs.endswith("fc")
        scale = np.float32(2 * np.abs(weight).max() / 250)
        zero = 0 if linear else round(-float(weight.min()) / float(scale))
        values = np.round(weight / scale) + zero
        stored[f"{name}_quantized"] = values.T.astype(np.int8) if linear else values.astype(np.uint8)
        stored[f"{name}_scale"] = np.full(len(weight), scale) if linear else np.array(scale)
        stored[f"{name}_zero_point"] = np.array(zero, np.int8 if linear else np.uint8)
        kind = "MatMulInteger" if linear else "ConvInteger"
        given = ["x", f"{name}_quantized", "x_zero_point", f"{name}_zero_point"]
        nodes.append(helper.make_node(kind, given, ["y"], f"{node_path(theirs)}/{'Gemm' if linear else 'Conv'}_quant"))
    for theirs, own in published_blocks():
        for unit in range(3):
            for half in (1, 2):
                frequency = state[f"{own}.units.{unit}.norm{half}.frequency"]
                stored[f"decoder.decoder.{theirs}.alpha{half}.{unit}"] = frequency
    # Of what else is in there, nothing may be taken for a weight.
    stored["decoder.decoder.generator.stft.istft.stft.inverse_basis"] = np.ones((22, 1, 20), np.float32)
    inverse = ["x", "decoder.decoder.generator.stft.istft.stft.inverse_basis"]
    nodes.append(helper.make_node("ConvTranspose", inverse, ["y"], "/decoder/decoder/generator/istft/stft/Conv"))
    return nodes, stored


def written(graph: Graph, path: Path) -> Path:
    nodes, stored = graph
    weights = [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in stored.items()]
    onnx.save(helper.make_model(helper.make_graph(nodes, "decoder", [], [], weights)), path)
    return path


@pytest.fixture
def decoder() -> StyleDecoder:
    torch.manual_seed(0)
    decoder = StyleDecoder(TINY).requires_grad_(False)
    for name, each in decoder.named_buffers():
        if name.endswith("frequency"):
            each.uniform_(0.5, 2.0)
    return decoder


def test_every_weight_is_read_as_the_number_it_stands_for(decoder: StyleDecoder, tmp_path: Path) -> None:
    weights = decoder_weights(written(published(decoder), tmp_path / "decoder.onnx"), TINY)
    for name, expected in decoder.state_dict().items():
        assert weights[name].dtype == np.float32
        margin = 0.51 * 2 * float(expected.abs().max()) / 250  # half a step
        np.testing.assert_allclose(weights[name], expected.numpy(), rtol=0, atol=margin, err_msg=name)
    np.testing.assert_array_equal(weights["generator.upsample.1.weight"], decoder.generator.upsample[1].weight)
    decoder.load_state_dict({name: torch.from_numpy(each) for name, each in weights.items()})


def drop(name: str) -> Callable[[Graph], None]:
    def damage(graph: Graph) -> None:
        del graph[1][name]

    return damage


def drop_node(graph: Graph) -> None:
    del graph[0][5]


def reshape(graph: Graph) -> None:
    graph[1]["decoder.decoder.F0_conv.bias"] = np.zeros(7, np.float32)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (drop("decoder.decoder.F0_conv.bias"), "f0_conv.bias"),
        (drop("onnx::encode.conv1_scale"), "onnx::encode.conv1_scale"),
        (drop("onnx::encode.conv1_quantized"), "onnx::encode.conv1_quantized"),
        (drop("onnx::encode.conv1_zero_point"), "onnx::encode.conv1_zero_point"),
        (drop_node, "weights are missing"),
        (reshape, "f0_conv.bias"),
    ],
)
def test_a_graph_that_lacks_anything_is_refused(
    damage: Callable[[Graph], None], told: str, decoder: StyleDecoder, tmp_path: Path
) -> None:
    graph = published(decoder)
    damage(graph)
    with pytest.raises(ModelLoadError, match=told):
        decoder_weights(written(graph, tmp_path / "decoder.onnx"), TINY)


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08no graph")
    with pytest.raises(ModelLoadError, match=r"model\.onnx is not an ONNX model"):
        STEPS["kokoro"](tmp_path)
    with pytest.raises(ModelLoadError, match=r"model\.onnx is not an ONNX model"):
        decoder_weights(tmp_path / "model.onnx")
