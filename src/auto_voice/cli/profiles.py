"""`autovoice profiles list|show|adapt|delete|export|import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auto_voice.cli.output import emit, emit_json, json_option, progress_line, say, table, warn
from auto_voice.cli.session import current_settings
from auto_voice.errors import InvalidParametersError

if TYPE_CHECKING:
    from auto_voice.profiles import AdaptationInfo, ProfileStore, VoiceProfile

_SORT_KEYS = ("created_at", "profile_name", "user_id", "quality_score")

_user_option = click.option("--user-id", metavar="USER", help="Only this user's profiles.")


@click.group()
def profiles() -> None:
    """List, show, adapt, delete, export and import voice profiles.

    PROFILE is a profile's id, the first four or more characters of it, or its name.
    """


@profiles.command("list")
@_user_option
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most so many.")
@click.option("--offset", type=click.IntRange(min=0), default=0, metavar="N", help="Leave out the first so many.")
@click.option("--sort-by", type=click.Choice(_SORT_KEYS), default="created_at", show_default=True)
@click.option("--order", type=click.Choice(["asc", "desc"]), default="desc", show_default=True)
@json_option
def list_(user_id: str | None, limit: int | None, offset: int, sort_by: str, order: str, as_json: bool) -> None:
    """List voice profiles, the newest first."""
    found = _store().list(user_id, limit=limit, offset=offset, sort_by=sort_by, order=order)  # type: ignore[arg-type]
    if as_json:
        emit_json({"profiles": [profile.model_dump(mode="json") for profile in found]})
    elif found:
        rows = [
            (
                profile.profile_id[:8],
                profile.profile_name,
                profile.user_id,
                f"{profile.vocal_range.min_note}–{profile.vocal_range.max_note}",
                round(profile.quality_metrics.quality_score, 2),
                f"{profile.created_at.astimezone():%Y-%m-%d %H:%M}",
            )
            for profile in found
        ]
        emit(table(("id", "name", "owner", "range", "quality", "made"), rows))
    else:
        say("There are no voice profiles yet. Make one:  autovoice clone RECORDING.wav --name NAME")


@profiles.command()
@click.argument("profile")
@_user_option
@json_option
def show(profile: str, user_id: str | None, as_json: bool) -> None:
    """Show everything known of a voice."""
    found = _store().find(profile, user_id)
    if as_json:
        emit_json(found.model_dump(mode="json"))
        return
    emit(f"{found.profile_name}\n\n{details(found)}")
    for warning in found.quality_metrics.warnings:
        warn(warning)


@profiles.command()
@click.argument("profile")
@_user_option
@json_option
def adapt(profile: str, user_id: str | None, as_json: bool) -> None:
    """Fit the converter to a voice: takes minutes, and is kept only where the voice comes out better.

    Both voices, as it was and as it is now, read a few sentences; a listener's score and the likeness to the recording
    decide. Afterwards the adapted voice is used for songs and for speech. It can be done again at any time.
    """
    settings = current_settings()
    found = _store().find(profile, user_id)
    from auto_voice.inference.voice_cloner import VoiceCloner

    with progress_line(f"adapting to {found.profile_name}", time_left=True) as show:
        adapted = VoiceCloner(settings=settings).adapt_voice_profile(found.profile_id, user_id, show)
    warn_of_vain_adaptation(adapted)
    if as_json:
        emit_json(adapted.model_dump(mode="json"))
    else:
        emit(f"{adapted.profile_name}\n\n{details(adapted)}")


@profiles.command()
@click.argument("names", nargs=-1, required=True, metavar="PROFILE...")
@_user_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(names: tuple[str, ...], user_id: str | None, yes: bool, as_json: bool) -> None:
    """Delete voice profiles with all their files. A damaged one is deleted by its full id."""
    from auto_voice.storage.paths import is_profile_id

    store = _store()
    ids = [name if is_profile_id(name) and user_id is None else store.find(name, user_id).profile_id for name in names]
    if not yes and not as_json:
        click.confirm(f"Delete {', '.join(names)}? This cannot be undone.", abort=True, err=True)
    for profile_id in ids:
        store.delete(profile_id, user_id)
        say(f"deleted {profile_id}")
    if as_json:
        emit_json({"deleted": ids})


@profiles.command()
@click.argument("profile")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Else voice-ID.zip here.")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@_user_option
@json_option
def export(profile: str, output: Path | None, force: bool, user_id: str | None, as_json: bool) -> None:
    """Write a voice with all its files into one archive, for a backup or another machine."""
    store = _store()
    found = store.find(profile, user_id)
    path = output or Path(f"voice-{found.profile_id[:8]}.zip")
    if path.exists() and not force:
        raise InvalidParametersError(f"{path} is there already", suggestions=["Choose another name, or add --force."])
    store.export(found.profile_id, path, user_id)
    if as_json:
        emit_json({"profile_id": found.profile_id, "file": str(path), "bytes": path.stat().st_size})
    else:
        emit(str(path))


@profiles.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--user-id", metavar="USER", help="The new owner; else the one in the archive.")
@click.option("--keep-id", is_flag=True, help="Refuse rather than take a new id when the id is taken.")
@json_option
def import_(file: Path, user_id: str | None, keep_id: bool, as_json: bool) -> None:
    """Add the voice of an archive made by export."""
    profile = _store().import_(file, user_id, keep_id=keep_id)
    if as_json:
        emit_json(profile.model_dump(mode="json"))
    else:
        emit(f"{profile.profile_name}\n\n{details(profile)}")


def details(profile: VoiceProfile) -> str:
    """A profile for people, one fact a line."""
    pitch, quality, audio = profile.vocal_range, profile.quality_metrics, profile.audio_info
    likeness = profile.embedding_info.split_half_similarity
    facts = {
        "id": profile.profile_id,
        "owner": profile.user_id,
        "about": " ".join(profile.description.split()),
        "made": f"{profile.created_at.astimezone():%Y-%m-%d %H:%M}",
        "range": f"{pitch.min_note}–{pitch.max_note} ({pitch.min_pitch_hz:.0f}–{pitch.max_pitch_hz:.0f} Hz,"
        f" mostly around {pitch.median_pitch_hz:.0f} Hz)",
        "voice": f"{quality.voice_seconds:.0f} s in {audio.duration_seconds:.0f} s of recording",
        "noise": f"{quality.snr_db:.0f} dB below the voice",
        "quality": f"{quality.quality_score:.2f} of 1",
        "likeness": "" if likeness is None else f"{likeness:.2f} to itself; no copy can be more alike",
        "learnt by": ", ".join(sorted(profile.voice_states)),
        "adapted": "" if profile.adaptation is None else _adapted(profile.adaptation),
    }
    return "\n".join(f"  {name:10} {fact}" for name, fact in facts.items() if fact)


def warn_of_vain_adaptation(profile: VoiceProfile) -> None:
    """Say so where the adapted voice came out no better, so that the voice is as it was."""
    if profile.adaptation is not None and not profile.adaptation.kept:
        warn("The adapted voice came out no better; the voice stays as it was. A longer or cleaner recording may help.")


def _adapted(made: AdaptationInfo) -> str:
    return (
        f"{made.adapted_at.astimezone():%Y-%m-%d %H:%M} in {made.seconds:.0f} s,"
        f" likeness {made.similarity_before:.2f} → {made.similarity_after:.2f},"
        f" naturalness {made.naturalness_before:.1f} → {made.naturalness_after:.1f}"
        + ("" if made.kept else "; not better, so not used")
    )


def _store() -> ProfileStore:
    from auto_voice.profiles import ProfileStore

    return ProfileStore(current_settings())
