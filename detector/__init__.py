"""Finds streaming accounts that are likely resold, shared beyond a household, taken over or played by machines.

The front door for notebooks and scripts: each name below is what the command of that name calls, or what one needs to
call it. Names are looked up when they are used, so that importing this loads neither scikit-learn nor MLflow.

>>> import detector
>>> detector.CATALOGUE["longest_streak"].unit
'days'
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detector.config import load as load_settings
    from detector.explaining import explain
    from detector.features import CATALOGUE, build_features, window_of
    from detector.ingesting import ingest
    from detector.nightly import night
    from detector.published import frame, run_of, scores, scores_for
    from detector.retraining import train
    from detector.runs import open_doors
    from detector.simulate import simulate as invent
    from detector.simulate import write as write_service
    from detector.verifying import verify

_WHERE = {
    "CATALOGUE": ("features", "CATALOGUE"),
    "build_features": ("features", "build_features"),
    "explain": ("explaining", "explain"),
    "frame": ("published", "frame"),
    "ingest": ("ingesting", "ingest"),
    "invent": ("simulate", "simulate"),
    "load_settings": ("config", "load"),
    "night": ("nightly", "night"),
    "open_doors": ("runs", "open_doors"),
    "run_of": ("published", "run_of"),
    "scores": ("published", "scores"),
    "scores_for": ("published", "scores_for"),
    "train": ("retraining", "train"),
    "verify": ("verifying", "verify"),
    "window_of": ("features", "window_of"),
    "write_service": ("simulate", "write"),
}
__all__ = [
    "CATALOGUE",
    "build_features",
    "explain",
    "frame",
    "ingest",
    "invent",
    "load_settings",
    "night",
    "open_doors",
    "run_of",
    "scores",
    "scores_for",
    "train",
    "verify",
    "window_of",
    "write_service",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
