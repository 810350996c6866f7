"""`autovoice clone` (also `voice-clone`): recordings of a voice to a profile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auto_voice.cli.output import emit, emit_json, json_option, progress_line, warn
from auto_voice.cli.profiles import details, warn_of_vain_adaptation
from auto_voice.cli.session import current_settings

if TYPE_CHECKING:
    from auto_voice.profiles import VoiceProfile

_file = click.Path(path_type=Path)


@click.command()
@click.argument("files", nargs=-1, type=_file, metavar="FILE...")
@click.option("--audio", "more_files", multiple=True, type=_file, metavar="FILE", help="A recording; may repeat.")
@click.option("--name", metavar="NAME", help="What to call the voice; 'My voice' when not given.")
@click.option("--user-id", default="default", show_default=True, metavar="USER", help="Who owns the profile.")
@click.option("--description", default="", metavar="TEXT", help="Anything worth remembering.")
@click.option("--from-song", is_flag=True, help="FILE is a song: take its vocals out first.")
@click.option("--adapt", is_flag=True, help="Fit the converter to the voice: minutes more, and more alike.")
@json_option
def clone(
    files: tuple[Path, ...],
    more_files: tuple[Path, ...],
    name: str | None,
    user_id: str,
    description: str,
    from_song: bool,
    adapt: bool,
    as_json: bool,
) -> None:
    """Make a voice profile from recordings.

    FILE is a recording of one person speaking or singing; several are taken together. They need 30 s or more in all,
    20 s of it voice; of more than 120 s the best 120 s are used.
    """
    recordings = [*files, *more_files]
    if not recordings:
        raise click.UsageError("give at least one recording: autovoice clone FILE")
    settings = current_settings()
    from auto_voice.inference.voice_cloner import VoiceCloner

    with progress_line("cloning and adapting the voice" if adapt else "cloning the voice", time_left=adapt) as show:
        profile = VoiceCloner(settings=settings).create_voice_profile(
            recordings, user_id, name, description, separate_vocals=from_song, adapt=adapt, progress=show
        )
    for warning in profile.quality_metrics.warnings:
        warn(warning)
    warn_of_vain_adaptation(profile)
    if as_json:
        emit_json(profile.model_dump(mode="json"))
    else:
        emit(_summary(profile))


def _summary(profile: VoiceProfile) -> str:
    short = profile.profile_id[:8]
    return "\n".join(
        [
            f"The voice “{profile.profile_name}” is ready.",
            "",
            details(profile),
            "",
            f"Next:  autovoice convert SONG.mp3 --voice {short}",
            f'   or  autovoice speak "Hello!" --profile {short}',
        ]
    )
