"""A demonstration with simple engines and short material: the order of the work without its weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.demo.folder import DemoFolder
from auto_voice.demo.run import Demo
from auto_voice.features import Progress
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.models.runtime import ModelRuntime
from auto_voice.profiles import VoiceProfile
from simple_engines import (
    RATE,
    LevelContent,
    MiddleSeparator,
    SpectralPeakPitch,
    TurningConverter,
    make_profile,
    song,
    voice,
)


class ShortMaterial:
    """Two seconds of each; counts what is asked for."""

    voice_recipe = "a low voice"
    song_recipe = "a voice in a band"

    def __init__(self) -> None:
        self.made: list[str] = []

    def voice(self, progress: Progress) -> Audio:
        self.made.append("voice")
        progress(0.5)
        return Audio(voice(2.0, 110)[None], RATE)

    def song(self, progress: Progress) -> Audio:
        self.made.append("song")
        progress(0.5)
        return song(2.0)


class TrustingCloner:
    """Makes a profile of anything."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.heard: list[Path] = []

    def create_voice_profile(
        self, audio: Path, user_id: str, profile_name: str, description: str, *, progress: Progress
    ) -> VoiceProfile:
        self.heard.append(audio)
        progress(0.5)
        return make_profile(self.settings, profile_name, user_id, description)


class HummingSpeaker:
    """Hums for a second, whatever the text."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def synthesize(self, text: str, voice: str) -> Audio:
        self.said.append(text)
        return Audio(np.full((1, RATE), 0.1, np.float32), RATE)


class Stage:
    """A demonstration in a folder, with all that serves in it to look at."""

    def __init__(self, settings: Settings, path: Path, *, use_cache: bool = True) -> None:
        self.folder = DemoFolder(path)
        self.settings = self.folder.settings(settings)
        self.material = ShortMaterial()
        self.cloner = TrustingCloner(self.settings)
        self.speaker = HummingSpeaker()
        self.separator, self.pitch = MiddleSeparator(), SpectralPeakPitch()
        self.content, self.converter = LevelContent(), TurningConverter()
        runtime = ModelRuntime(self.settings)
        serving: dict[str, Any] = {"material": self.material, "cloner": self.cloner, "speaker": self.speaker}
        self.demo = Demo(
            settings,
            self.folder,
            use_cache=use_cache,
            runtime=runtime,
            pipeline=SingingConversionPipeline(
                self.settings,
                runtime=runtime,
                separator=self.separator,
                pitch=self.pitch,
                content=self.content,
                converter=self.converter,
            ),
            **serving,
        )

    def work_done(self) -> dict[str, int]:
        """How often each did its work."""
        return {
            "material": len(self.material.made),
            "cloner": len(self.cloner.heard),
            "separator": self.separator.calls,
            "converter": self.converter.calls,
            "speaker": len(self.speaker.said),
        }
