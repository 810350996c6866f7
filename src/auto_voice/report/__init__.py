"""One page about one conversion: listen, look, compare.

    write_report(
        Path("demo/report.html"),
        ConversionReport(
            title="My song",
            original=Track("The song", Path("song.mp3")),
            converted=Track("The same song in my voice", Path("demo/song.wav")),
            original_vocals=Track("Vocals before", None, stems.vocals),
            converted_vocals=Track("Vocals after", Path("demo/vocals.wav"), converted),
            original_pitch=result.f0_contour,
            metrics=result.quality_metrics,
            stage_seconds=result.stage_seconds,
        ),
    )

The file stands alone and works from disk: no network, no script of others, sound linked relative to the page.
"""

from auto_voice.report.document import ConversionReport, Track
from auto_voice.report.page import write_report

__all__ = ["ConversionReport", "Track", "write_report"]
