"""A small change to a network's large convolutions: the product of two thin matrices added to each one's weights.

Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

_LEAST_WEIGHTS = 30_000


class LowRankUpdate(nn.Module):
    """What is added to the weights of some convolutions of one network.

    Args:
        shapes: of the weights by the layers' names, (outputs, inputs, kernel) each.
        rank: of the change of each.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, int, int]], rank: int) -> None:
        super().__init__()
        self.shapes, self.rank = dict(shapes), rank
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for name, (outputs, inputs, kernel) in self.shapes.items():
            down = torch.randn(rank, kernel, inputs) / (inputs * kernel) ** 0.5
            self.down[_key(name)] = nn.Parameter(down.transpose(1, 2))
            self.up[_key(name)] = nn.Parameter(torch.zeros(outputs, rank))

    @classmethod
    def of(cls, network: nn.Module, rank: int, least: int = _LEAST_WEIGHTS) -> LowRankUpdate:
        """An update of every convolution with at least that many weights; it changes nothing until it is trained."""
        return cls(dict(_convolutions(network, least)), rank)

    def scale(self, share: float) -> None:
        """Keep that share of the change."""
        with torch.no_grad():
            for up in self.up.values():
                up *= share

    def attach(self, network: nn.Module) -> None:
        """Have the network's outputs, and gradients, follow the update from now on, while it is trained.

        The thin matrices run beside each convolution, which costs less than making its new weights at every step.

        Raises:
            ValueError: the update is for a network of another shape.
        """
        for name in self._checked(network):
            layer = network.get_submodule(name)
            network.set_submodule(name, _Changed(layer, self.down[_key(name)], self.up[_key(name)]))

    def add_to(self, network: nn.Module) -> None:
        """Change the network's own weights, once and for all.

        Raises:
            ValueError: the update is for a network of another shape; then the network is left as it was.
        """
        for name, weight in self._checked(network).items():
            change = torch.tensordot(self.up[_key(name)], self.down[_key(name)], dims=1)
            weight.data += change.to(weight.dtype)

    def _checked(self, network: nn.Module) -> dict[str, nn.Parameter]:
        """The weights that change, by the names of their layers."""
        parameters = dict(network.named_parameters())
        weights = {name: parameters.get(f"{name}.weight") for name in self.shapes}
        found = {name: each for name, each in weights.items() if each is not None and each.shape == self.shapes[name]}
        if len(found) < len(self.shapes):
            other = ", ".join(self.shapes.keys() - found.keys())
            raise ValueError(f"the update is for another network: without {other}, or of other shapes")
        return found


class _Changed(nn.Module):
    """A convolution over (batch, n, inputs) and its change."""

    def __init__(self, layer: nn.Module, down: nn.Parameter, up: nn.Parameter) -> None:
        super().__init__()
        self.layer, self.down, self.up = layer, down, up

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n, inputs) → (batch, n', outputs)."""
        y = cast(Tensor, self.layer(x))
        thin = {"weight": self.down.to(y.dtype)}
        if self.layer.bias is not None:
            thin["bias"] = y.new_zeros(len(self.down))
        narrow = cast(Tensor, functional_call(self.layer, thin, (x,)))
        changed = torch.addmm(y.flatten(0, 1), narrow.flatten(0, 1), self.up.T.to(y.dtype))
        return changed.view(y.shape)


def _convolutions(network: nn.Module, least: int) -> Iterator[tuple[str, tuple[int, int, int]]]:
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv1d) and layer.groups == 1 and layer.weight.numel() >= least:
            outputs, inputs, kernel = layer.weight.shape
            yield name, (outputs, inputs, kernel)


def _key(name: str) -> str:
    """A layer's name as `nn.ParameterDict` takes it: without dots."""
    return name.replace(".", "/")
