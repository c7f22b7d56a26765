"""Jellyfin's Playback Reporting plugin: its export (text with tabs), or its database `playback_reporting.db`.

Nine columns, see `_playback_reporting`. No address is known, and devices by name only.
"""

from functools import partial

from detector.sources._format import Format
from detector.sources._playback_reporting import JELLYFIN, SUFFIXES, read, recognises

FORMAT = Format(
    "jellyfin",
    "Jellyfin's Playback Reporting, export or database",
    SUFFIXES,
    partial(recognises, as_emby=False),
    partial(read, columns=JELLYFIN),
    lacks=("IP address", "country", "device id"),
    grows=True,
)
