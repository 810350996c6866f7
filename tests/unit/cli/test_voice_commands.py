"""`autovoice clone` and `autovoice profiles`: what people and programs see of voices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from auto_voice.cli import autovoice
from auto_voice.config import Settings
from auto_voice.errors import LowQualityAudioError
from auto_voice.features import Progress
from auto_voice.inference import voice_cloner
from auto_voice.profiles import ProfileStore, VoiceProfile
from simple_engines import adaptation, make_profile


@pytest.fixture(autouse=True)
def _same_folders(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands keep their data where the test's own settings do."""
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(settings.storage.data_dir))


@pytest.fixture
def store(settings: Settings) -> ProfileStore:
    return ProfileStore(settings)


def run(*arguments: object, answer: str = "") -> Result:
    return CliRunner().invoke(autovoice, [str(argument) for argument in arguments], input=answer)


class Cloner:
    """Takes note of what it is asked, and makes the profile at once."""

    asked: tuple[object, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def create_voice_profile(
        self,
        audio: Sequence[Path],
        user_id: str,
        name: str | None,
        description: str,
        *,
        separate_vocals: bool,
        adapt: bool,
        progress: Progress,
    ) -> VoiceProfile:
        type(self).asked = ([path.name for path in audio], user_id, name, description, separate_vocals)
        if audio[0].name == "noise.wav":
            raise LowQualityAudioError("no voice was found", suggestions=["Record speech."])
        made = make_profile(self._settings, name or "My voice", user_id)
        return self.adapt_voice_profile(made.profile_id, user_id, progress) if adapt else made

    def adapt_voice_profile(self, profile_id: str, user_id: str | None, progress: Progress) -> VoiceProfile:
        """Not for the better where the voice is Eve's."""
        progress(0.5)
        profiles = ProfileStore(self._settings)
        kept = profiles.get(profile_id, user_id).profile_name != "Eve"
        return profiles.save_voice_state(profile_id, "tiny", {}, adaptation("tiny", kept=kept))


@pytest.fixture
def cloner(monkeypatch: pytest.MonkeyPatch) -> type[Cloner]:
    monkeypatch.setattr(voice_cloner, "VoiceCloner", Cloner)
    monkeypatch.setattr(Cloner, "asked", ())
    return Cloner


def test_the_runbooks_command(cloner: type[Cloner], store: ProfileStore) -> None:
    result = run("voice-clone", "--audio", "my_voice.wav", "--user-id", "user123", "--name", "My Singing Voice")

    assert result.exit_code == 0
    assert cloner.asked == (["my_voice.wav"], "user123", "My Singing Voice", "", False)
    assert store.list("user123")[0].profile_name == "My Singing Voice"


def test_the_summary_says_what_was_found_and_what_to_type_next(cloner: type[Cloner], store: ProfileStore) -> None:
    shown = run("clone", "a.wav", "b.wav", "--from-song").stdout
    made = store.list()[0]

    assert cloner.asked == (["a.wav", "b.wav"], "default", None, "", True)
    for fact in (
        made.profile_id,
        "E2–E3 (80–160 Hz",
        "40 dB",
        "0.90 of 1",
        f"convert SONG.mp3 --voice {made.profile_id[:8]}",
    ):
        assert fact in shown


def test_clone_for_programs(cloner: type[Cloner], store: ProfileStore) -> None:
    document = json.loads(run("clone", "a.wav", "--json").stdout)
    assert VoiceProfile.model_validate(document) == store.list()[0]


def test_a_refusal_says_why_and_what_to_do(cloner: type[Cloner]) -> None:
    result = run("clone", "noise.wav", "--json")
    assert result.exit_code == LowQualityAudioError.exit_code
    assert json.loads(result.stdout)["code"] == "low_quality_audio"
    assert "no voice was found" in result.stderr
    assert "Record speech." in result.stderr


def test_clone_needs_a_recording(cloner: type[Cloner]) -> None:
    assert run("clone").exit_code == 2
    assert cloner.asked == ()


def test_clone_adapts_when_asked(cloner: type[Cloner], store: ProfileStore) -> None:
    result = run("clone", "a.wav", "--adapt")
    assert result.exit_code == 0
    assert "likeness 0.70 → 0.85, naturalness 4.2 → 3.9" in result.stdout
    assert " left" in result.stderr
    assert store.list()[0].adaptation is not None


def test_a_stored_voice_is_adapted(cloner: type[Cloner], settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings, "Ada", "ada")

    document = json.loads(run("profiles", "adapt", "ada", "--user-id", "ada", "--json").stdout)
    assert VoiceProfile.model_validate(document) == store.get(made.profile_id)
    assert document["adaptation"]["similarity_after"] == 0.85
    assert "adapted" in run("profiles", "show", "Ada").stdout
    assert run("profiles", "adapt", "Ada", "--user-id", "eve").exit_code == 3


def test_an_adaptation_in_vain_is_said_to_be_one(cloner: type[Cloner], settings: Settings) -> None:
    make_profile(settings, "Eve")
    result = run("profiles", "adapt", "Eve")
    assert result.exit_code == 0
    assert "not better, so not used" in result.stdout
    assert "stays as it was" in result.stderr


def test_a_converter_that_cannot_be_adapted_is_named_with_the_remedy(settings: Settings) -> None:
    made = make_profile(settings)
    for name in ("fast", "balanced", "quality"):
        settings_variable = f"AUTOVOICE__QUALITY__PRESETS__{name.upper()}__CONVERTER"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(settings_variable, "retrieval")
            patch.setenv("AUTOVOICE__QUALITY__DEFAULT_PRESET", name)
            result = run("profiles", "adapt", made.profile_id)
        assert result.exit_code == 3
        assert "'retrieval'" in result.stderr
        assert f"quality.presets.{name}.converter to neural" in result.stderr


def test_list_shows_one_line_a_voice(settings: Settings) -> None:
    made = make_profile(settings, "Ada 🎤", "ada")
    make_profile(settings, "Bo", "bo")

    lines = run("profiles", "list", "--user-id", "ada").stdout.splitlines()
    assert len(lines) == 3
    assert all(word in lines[2] for word in (made.profile_id[:8], "Ada 🎤", "ada", "E2–E3", "0.9"))
    listed = json.loads(run("profiles", "list", "--json", "--sort-by", "profile_name", "--order", "asc").stdout)
    assert [profile["profile_name"] for profile in listed["profiles"]] == ["Ada 🎤", "Bo"]


def test_an_empty_list_says_how_to_fill_it() -> None:
    result = run("profiles", "list")
    assert result.stdout == ""
    assert "autovoice clone" in result.stderr
    assert json.loads(run("profiles", "list", "--json").stdout) == {"profiles": []}


def test_show_takes_a_name_or_the_beginning_of_an_id(settings: Settings) -> None:
    made = make_profile(settings, "Ada")
    for text in ("ada", made.profile_id[:8], made.profile_id):
        assert json.loads(run("profiles", "show", text, "--json").stdout)["profile_id"] == made.profile_id
    assert made.profile_id in run("profiles", "show", "Ada").stdout
    missing = run("profiles", "show", "Adda")
    assert missing.exit_code == 3
    assert "Did you mean 'Ada'?" in missing.stderr


def test_a_name_that_is_not_there_is_told_what_comes_near_and_where_to_look(settings: Settings) -> None:
    make_profile(settings, "Ada Lovelace")
    result = run("profiles", "show", "Ada Lovelac")
    assert result.exit_code == 3
    assert "Did you mean 'Ada Lovelace'?" in result.stderr
    assert "`autovoice profiles list`" in result.stderr


def test_delete_asks_first(settings: Settings, store: ProfileStore) -> None:
    make_profile(settings, "Ada")
    assert run("profiles", "delete", "Ada", answer="n\n").exit_code == 130
    assert store.count() == 1
    assert run("profiles", "delete", "Ada", answer="y\n").exit_code == 0
    assert store.count() == 0


def test_delete_takes_several_and_a_damaged_one(settings: Settings, store: ProfileStore) -> None:
    damaged = make_profile(settings, "Ada").profile_id
    make_profile(settings, "Bo")
    (settings.storage.voice_profiles_dir / f"{damaged}.json").write_text("{")

    assert "damaged" in run("profiles", "show", damaged).stderr
    assert run("profiles", "delete", damaged, "Bo", "--yes").exit_code == 0
    assert list(settings.storage.voice_profiles_dir.glob("*_*")) == []


def test_another_users_voice_stays(settings: Settings, store: ProfileStore) -> None:
    made = make_profile(settings, "Ada", "ada")
    assert run("profiles", "delete", made.profile_id, "--user-id", "eve", "--yes").exit_code == 3
    assert store.count() == 1


def test_export_and_import(settings: Settings, store: ProfileStore, tmp_path: Path) -> None:
    made, file = make_profile(settings, "Ada"), tmp_path / "ada.zip"

    assert run("profiles", "export", "Ada", "-o", file).stdout.strip() == str(file)
    again = run("profiles", "export", "Ada", "-o", file)
    assert again.exit_code == 3
    assert "--force" in again.stderr
    assert run("profiles", "export", "Ada", "-o", file, "--force").exit_code == 0

    copy = json.loads(run("profiles", "import", file, "--user-id", "bo", "--json").stdout)
    assert copy["profile_id"] != made.profile_id
    assert store.get(copy["profile_id"], "bo").profile_name == "Ada"
    assert run("profiles", "import", file, "--keep-id").exit_code == 3
    store.delete(made.profile_id)
    assert json.loads(run("profiles", "import", file, "--keep-id", "--json").stdout)["profile_id"] == made.profile_id
