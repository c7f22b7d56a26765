"""Raw rows → checked rows and rejects; checked rows → repaired playbacks.

Checking looks at one row at a time and happens once, at ingest. Repair looks at the rows around a day and happens
when the day is digested: it is a pure function of what is stored, so that file and arrival order change nothing.
"""

from detector.playbacks._check import Checked, by_utc_date, check
from detector.playbacks._repair import LOOKED_UP, Repaired, repair

__all__ = ["LOOKED_UP", "Checked", "Repaired", "by_utc_date", "check", "repair"]
