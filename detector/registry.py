"""The door to MLflow: models, their records, and which one is in use.

Everything lies under the home: tracking and registry in one SQLite file, artefacts beside it. A model's own record
of which types it holds is no proof of anything, so the SHA-256 that was written when it was registered is compared
before a byte of it is loaded.
"""

import datetime as dt
import inspect
import io
import json
import logging
import os
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
os.environ.setdefault("DO_NOT_TRACK", "true")

import mlflow
import numpy as np
from mlflow.entities.model_registry import ModelVersion

from detector import store
from detector.errors import InputError, IntegrityError

if TYPE_CHECKING:
    from detector.forests import Matrix
    from detector.model import AccountModel

NAME = "accounts"
CHAMPION, CHALLENGER = "champion", "challenger"
_TRUSTED = ["detector.model.AccountModel", "detector.tails.Tail", "detector.forests.Forest"]
_FILE = "model.skops"
_ONE_AT_A_TIME = threading.RLock()
_DECIDING = ("scikit-learn", "skops")  # of other versions nobody knows that they give the same scores


@dataclass(frozen=True)
class Registered:
    """One version of the model: its aliases, when it was made, its file under the artefacts and the file's digest,
    and what was noted of its training."""

    version: str
    aliases: tuple[str, ...]
    created_at: dt.datetime
    file: str
    sha256: str
    record: dict[str, Any]
    has_been_champion: bool


class Registry:
    """The models of one home."""

    def __init__(self, home: Path) -> None:
        folder = (home / "mlflow").absolute()
        folder.mkdir(parents=True, exist_ok=True)
        self._uri = f"sqlite:///{folder / 'mlflow.db'}"
        self._artifacts = folder / "artifacts"
        with _quiet(self._uri):
            self._client = mlflow.MlflowClient(self._uri, self._uri)

    def log(
        self,
        model: "AccountModel",
        *,
        example: "Matrix",
        record: Mapping[str, Any],
        metrics: Mapping[str, float],
        card: str,
    ) -> Registered:
        """Keep a model as a new version, without an alias. `example` is an invented input."""
        with _quiet(self._uri), self._writing():
            mlflow.set_experiment(experiment_id=self._experiment())
            with mlflow.start_run():
                mlflow.log_params({name: getattr(model, name) for name in ("trees", "samples", "seed")})
                mlflow.log_metrics(dict(metrics))
                mlflow.log_text(card, "card.md")
                mlflow.log_dict(dict(record), "record.json")
                logged = mlflow.sklearn.log_model(
                    model,
                    name=NAME,
                    serialization_format="skops",
                    skops_trusted_types=_TRUSTED,
                    pip_requirements=_requirements(),
                    input_example=example,
                    registered_model_name=NAME,
                )
            version = str(logged.registered_model_version)
            uri = self._client.get_model_version_download_uri(NAME, version)
            file = Path(mlflow.artifacts.download_artifacts(uri, tracking_uri=self._uri)) / _FILE
            # Relative: a home may be moved. The digest comes last: without it there is no version.
            self._client.set_model_version_tag(NAME, version, "file", file.relative_to(self._artifacts).as_posix())
            self._client.set_model_version_tag(NAME, version, "record", json.dumps(dict(record), default=str))
            self._client.set_model_version_tag(NAME, version, "sha256", store.sha256(file.read_bytes()))
        return self.version(version)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say in one sentence that a model could not be kept.

        Raises:
            InputError: in place of what MLflow, its database or the system raised.
        """
        try:
            yield
        except (mlflow.MlflowException, OSError) as error:
            raise InputError(
                f"expected to keep a model in {self._artifacts.parent}, found that it can not be written "
                f"({type(error).__name__}); free or unlock that place"
            ) from None

    def _experiment(self) -> str:
        """Where runs are kept. MLflow fixes its folder for good, so a home that was moved begins another."""
        experiment = self._client.get_experiment_by_name(NAME)
        if experiment is not None and experiment.artifact_location == self._artifacts.as_uri():
            return str(experiment.experiment_id)
        if experiment is not None:
            self._client.rename_experiment(experiment.experiment_id, f"{NAME}, moved from {experiment.experiment_id}")
        return str(self._client.create_experiment(NAME, artifact_location=self._artifacts.as_uri()))

    def attach(self, version: str, files: Mapping[str, str | bytes]) -> None:
        """Keep files beside a version, with the run that made it."""
        run_id = str(self._client.get_model_version(NAME, version).run_id)
        with _quiet(self._uri), tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                path = Path(folder) / name
                path.write_bytes(content.encode() if isinstance(content, str) else content)
                self._client.log_artifact(run_id, str(path))

    def attached(self, version: str) -> dict[str, bytes]:
        """The files that lie beside a version, by name."""
        run_id = str(self._client.get_model_version(NAME, version).run_id)
        with _quiet(self._uri), tempfile.TemporaryDirectory() as folder:
            names = [file.path for file in self._client.list_artifacts(run_id) if not file.is_dir]
            return {name: Path(self._client.download_artifacts(run_id, name, folder)).read_bytes() for name in names}

    def promote(self, version: str) -> Registered:
        """Make a version the champion.

        Raises:
            InputError: there is no such version.
        """
        self.version(version)
        self._alias(CHAMPION, version)
        with _quiet(self._uri):
            self._client.set_model_version_tag(NAME, version, "has_been_champion", "yes")
        challenger = self.with_alias(CHALLENGER)
        if challenger is not None and challenger.version == version:
            with _quiet(self._uri):
                self._client.delete_registered_model_alias(NAME, CHALLENGER)
        return self.version(version)

    def challenge(self, version: str) -> Registered:
        """Make a version the challenger.

        Raises:
            InputError: there is no such version.
        """
        self.version(version)
        self._alias(CHALLENGER, version)
        return self.version(version)

    def _alias(self, alias: str, version: str) -> None:
        with _quiet(self._uri):
            self._client.set_registered_model_alias(NAME, alias, version)

    def with_alias(self, alias: str) -> Registered | None:
        """The version that bears an alias."""
        return next((version for version in self.versions() if alias in version.aliases), None)

    def versions(self) -> list[Registered]:
        """All versions, newest first; a version that was cut off before its digest was written is none."""
        with _quiet(self._uri):
            found = self._client.search_model_versions(f"name='{NAME}'")
            whole = [version for version in found if "sha256" in version.tags]
            aliases = self._client.get_registered_model(NAME).aliases if whole else {}
        return sorted((_registered(version, aliases) for version in whole), key=lambda r: -int(r.version))

    def version(self, version: str) -> Registered:
        """The version of that number.

        Raises:
            InputError: there is none.
        """
        for registered in self.versions():
            if registered.version == version:
                return registered
        known = ", ".join(r.version for r in self.versions()) or "none"
        raise InputError(f"expected the version of a model, found {version!r}; name one of these: {known}")

    def load(self, registered: Registered) -> "AccountModel":
        """The model itself, after its bytes were compared with its digest.

        Raises:
            IntegrityError: they differ, what they hold is not a model of this program with the features of its record,
                or it was made with another version of a library that gives it its meaning.
        """
        import skops.io  # noqa: PLC0415 - it looks through all of scikit-learn for what may be trusted: seconds

        from detector.model import AccountModel  # noqa: PLC0415 - which model is in use is known without one

        for library, made_with in registered.record.get("versions", {}).items():
            if library in _DECIDING and version_of(library) != made_with:
                raise IntegrityError(
                    f"expected model {registered.version} to be used with {library} {made_with}, found "
                    f"{version_of(library)}; train again and promote what comes of it, or install that version"
                )
        data = store.checked_bytes(self._artifacts / registered.file, registered.sha256)
        try:
            model = skops.io.loads(data, trusted=_TRUSTED)
        except Exception as error:
            raise IntegrityError(
                f"expected model {registered.version} to load, found {type(error).__name__}; train again and "
                "promote what comes of it"
            ) from None
        if not isinstance(model, AccountModel):
            raise IntegrityError(f"expected model {registered.version} to be an account model; train again and promote")
        if not inspect.signature(AccountModel).parameters.keys() <= vars(model).keys():
            raise IntegrityError(
                f"expected model {registered.version} to be of this version of the program, found an older one; train "
                "again and promote what comes of it"
            )
        if list(model.names) != registered.record.get("features"):
            raise IntegrityError(
                f"expected model {registered.version} to have the features of its record, found others; train again "
                "and promote what comes of it"
            )
        return model

    def verify(self) -> tuple[int, list[str]]:
        """How many models were compared with their digests, and what is wrong, one sentence each."""
        problems = []
        versions = self.versions()
        for registered in versions:
            try:
                store.checked_bytes(self._artifacts / registered.file, registered.sha256)
            except IntegrityError as error:
                problems.append(str(error))
        return len(versions), problems


def _registered(version: ModelVersion, aliases: Mapping[str, str]) -> Registered:
    return Registered(
        version=str(version.version),
        aliases=tuple(sorted(alias for alias, named in aliases.items() if str(named) == str(version.version))),
        created_at=dt.datetime.fromtimestamp(version.creation_timestamp / 1000, dt.UTC),
        file=version.tags["file"],
        sha256=version.tags["sha256"],
        record=json.loads(version.tags["record"]),
        has_been_champion="has_been_champion" in version.tags,
    )


def _requirements() -> list[str]:
    return [f"{name}=={version_of(name)}" for name in ("scikit-learn", "skops", "numpy", "polars")]


@contextmanager
def _quiet(uri: str) -> Iterator[None]:
    """MLflow speaks to this home's store, and not to the terminal.

    One thread at a time: what it speaks to, and what silences it, is of the whole process, and two that overlapped
    would put back what the other had set.
    """
    with _ONE_AT_A_TIME:
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            with (
                warnings.catch_warnings(action="ignore"),
                redirect_stdout(io.StringIO()),
                redirect_stderr(io.StringIO()),
            ):
                mlflow.set_tracking_uri(uri)
                mlflow.set_registry_uri(uri)
                yield
        finally:
            logging.disable(before)


def example_of(model: "AccountModel") -> "Matrix":
    """An invented input: two rows of nothing but ones and zeros."""
    return np.stack([np.zeros(len(model.names)), np.ones(len(model.names))]).astype(np.float32)
