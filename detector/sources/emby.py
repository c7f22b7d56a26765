"""Emby's Playback Reporting plugin: its export (text with tabs), or its database `playback_reporting.db`.

Jellyfin's nine columns, see `_playback_reporting`, and up to three more: pauses, of late the address, and why it was
transcoded.
"""

from functools import partial

from detector.sources._format import Format
from detector.sources._playback_reporting import PAUSED, SUFFIXES, read, recognises

FORMAT = Format(
    "emby",
    "Emby's Playback Reporting, export or database",
    SUFFIXES,
    partial(recognises, as_emby=True),
    partial(read, columns=PAUSED),
    lacks=("device id",),
    grows=True,
)
