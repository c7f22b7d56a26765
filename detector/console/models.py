"""The models, remembered while the console runs: a version never changes, and loading one takes longer than a page."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from detector.model import AccountModel
    from detector.registry import Registered, Registry

_KEPT = 4  # versions; cases of older nights load theirs again


class _Remembering:
    """Answers as the registry does. One thread at a time: MLflow is quietened by turning the process's output away."""

    def __init__(self, registry: "Registry") -> None:
        self._registry, self._lock = registry, threading.Lock()
        self._loaded: dict[str, AccountModel] = {}

    def versions(self) -> "list[Registered]":
        with self._lock:
            return self._registry.versions()

    def load(self, version: "Registered") -> "AccountModel":
        with self._lock:
            model = self._loaded.pop(version.sha256, None) or self._registry.load(version)
            self._loaded[version.sha256] = model
            for oldest in list(self._loaded)[:-_KEPT]:
                del self._loaded[oldest]
            return model


def remembering(registry: "Callable[[], Registry]") -> "Callable[[], Registry]":
    """A registry that is opened once and remembers the models it loaded last; for reading only."""
    opening = threading.Lock()
    opened: list[_Remembering] = []

    def open_once() -> "Registry":
        with opening:
            if not opened:
                opened.append(_Remembering(registry()))
        return cast("Registry", opened[0])

    return open_once
