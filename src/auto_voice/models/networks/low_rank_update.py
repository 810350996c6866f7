"""A small change to a network's large convolutions: the product of two thin matrices added to each one's weights.

Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

_LEAST_WEIGHTS = 30_000


class LowRankUpdate(nn.Module):
    """What is added to the weights of some convolutions of one network.

    Args:
        shapes: of the weights by name, (outputs, inputs, kernel) each.
        rank: of the change of each.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, int, int]], rank: int) -> None:
        super().__init__()
        self.shapes, self.rank = dict(shapes), rank
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for name, (outputs, inputs, kernel) in self.shapes.items():
            width = inputs * kernel
            self.down[_key(name)] = nn.Parameter(torch.randn(rank, width) / width**0.5)
            self.up[_key(name)] = nn.Parameter(torch.zeros(outputs, rank))

    @classmethod
    def of(cls, network: nn.Module, rank: int, least: int = _LEAST_WEIGHTS) -> LowRankUpdate:
        """An update of every convolution with at least that many weights; it changes nothing until it is trained."""
        return cls(dict(_convolutions(network, least)), rank)

    def weights(self, network: nn.Module, share: float = 1.0) -> dict[str, Tensor]:
        """The network's weights with the update added, by name, for `torch.func.functional_call`.

        Gradients reach the update and, where it has them, the network.

        Args:
            share: how much of the update.

        Raises:
            ValueError: the update is for a network of another shape.
        """
        parameters = dict(network.named_parameters())
        changed = {}
        for name, shape in self.shapes.items():
            weight = parameters.get(name)
            if weight is None or weight.shape != shape:
                raise ValueError(f"the update is for another network: {name} is not of shape {shape}")
            changed[name] = weight + share * self._change(name)
        return changed

    def add_to(self, network: nn.Module, share: float = 1.0) -> None:
        """Change the network's own weights, once and for all.

        Raises:
            ValueError: the update is for a network of another shape; then the network is left as it was.
        """
        parameters = dict(network.named_parameters())
        with torch.no_grad():
            for name, weight in self.weights(network, share).items():
                parameters[name].copy_(weight)

    def _change(self, name: str) -> Tensor:
        """(outputs, inputs, kernel), inputs side by side in memory as `ChannelsLastConv1d` keeps its weights."""
        outputs, inputs, kernel = self.shapes[name]
        change: Tensor = self.up[_key(name)] @ self.down[_key(name)]
        return change.view(outputs, kernel, inputs).transpose(1, 2)


def _convolutions(network: nn.Module, least: int) -> Iterator[tuple[str, tuple[int, int, int]]]:
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv1d) and layer.groups == 1 and layer.weight.numel() >= least:
            outputs, inputs, kernel = layer.weight.shape
            yield f"{name}.weight", (outputs, inputs, kernel)


def _key(name: str) -> str:
    """A weight's name as `nn.ParameterDict` takes it: without dots."""
    return name.replace(".", "/")
