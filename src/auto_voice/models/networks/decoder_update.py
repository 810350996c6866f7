"""What AutoVoice adds to Kokoro's decoder, in one file: a change of its weights, and what voice to expect."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from auto_voice.models.networks.low_rank_update import LowRankUpdate
from auto_voice.models.networks.voice_prior import PriorShape, VoicePrior

_METADATA = "decoder_update"
_VERSION = 1
_PRIOR, _CHANGE = "prior.", "change."


@dataclass(frozen=True, kw_only=True)
class DecoderUpdate:
    """A decoder fitted to many real voices, as what differs from the published one.

    Attributes:
        change: to the weights of its large convolutions.
        prior: from speaker embedding to style vector and biases, for the changed decoder.
        mapper: SHA-256 of the content mapper's file through which both were fitted.
    """

    change: LowRankUpdate
    prior: VoicePrior
    mapper: str

    @classmethod
    def from_file(cls, path: Path) -> DecoderUpdate:
        """Read an update of any shape from a safetensors file, as float32, for inference.

        Raises:
            ValueError: the file is no such update.
        """
        try:
            with safe_open(path, framework="pt") as file:
                about = json.loads((file.metadata() or {})[_METADATA])
                if about["version"] != _VERSION:
                    raise ValueError(f"format version {about['version']}, not {_VERSION}")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            shapes = {name: (int(o), int(i), int(k)) for name, (o, i, k) in about["shapes"].items()}
            update = cls(
                change=LowRankUpdate(shapes, about["rank"]),
                prior=VoicePrior(PriorShape(**about["prior"])),
                mapper=str(about["mapper"]),
            )
            for part, prefix in ((update.change, _CHANGE), (update.prior, _PRIOR)):
                mine = {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
                part.load_state_dict(mine)
        except RuntimeError as error:
            raise ValueError(f"{path.name} lacks tensors of an update of the decoder, or has others") from error
        except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{path.name} does not hold an update of the decoder: {error}") from error
        update.change.eval().requires_grad_(False)
        update.prior.eval().requires_grad_(False)
        return update

    def save(self, path: Path) -> None:
        """Write a safetensors file that `from_file` reads, with weights in float16."""
        about = {
            "version": _VERSION,
            "rank": self.change.rank,
            "shapes": self.change.shapes,
            "prior": asdict(self.prior.shape),
            "mapper": self.mapper,
        }
        state = {_CHANGE + name: each for name, each in self.change.state_dict().items()}
        state |= {_PRIOR + name: each for name, each in self.prior.state_dict().items()}
        tensors = {name: each.detach().to("cpu", torch.float16).contiguous() for name, each in state.items()}
        save_file(tensors, path, metadata={_METADATA: json.dumps(about)})
