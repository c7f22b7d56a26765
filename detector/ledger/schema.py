"""The tables of the state database, the same on SQLite and PostgreSQL.

A change here comes with a new file under `migrations/versions/` and a new `HEAD`; see `migrations/__init__.py`.
"""

import datetime as dt
from typing import Literal, get_args

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    text,
)

from detector.cases import ACTIONS, CASE_STATUSES, ORIGINS, OUTCOMES

HEAD = "0002"  # the newest file under migrations/versions
VERSION_TABLE = "ledger_version"  # not Alembic's default, so that the ledger may share a database with MLflow

Ending = Literal["finished", "unchanged", "refused", "failed", "interrupted"]
Status = Literal["running", "published", "superseded", Ending]
STATUSES: tuple[str, ...] = get_args(Status)


class UtcTime(TypeDecorator[dt.datetime]):
    """An aware datetime: goes in with any offset, comes back in UTC from both databases. ValueError when naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """To the database."""
        if value is not None and value.utcoffset() is None:
            raise ValueError("expected a time with its offset from UTC, found a naive one")
        return value and value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """From the database."""
        if value is None:
            return None
        # SQLite keeps no offset: what it returns is the UTC that went in.
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


metadata = MetaData()

run = Table(
    "run",
    metadata,
    Column("id", String, primary_key=True),
    Column("command", String, nullable=False),
    Column("day", Date),
    Column("status", String, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("key_id", String, nullable=False),
    Column("model_version", String),
    Column("fingerprint", String),
    Column("directory", String),
    Column("manifest", JSON, nullable=False),
    Column("record", JSON, nullable=False),
    CheckConstraint(f"status IN {STATUSES}", name="run_status_known"),
    CheckConstraint("(status = 'running') = (ended_at IS NULL)", name="run_ends_once"),
    CheckConstraint(
        "status NOT IN ('published', 'superseded')"
        " OR (day IS NOT NULL AND fingerprint IS NOT NULL AND directory IS NOT NULL)",
        name="run_published_whole",
    ),
)

Index(
    "run_one_published_a_day",
    run.c.day,
    unique=True,
    sqlite_where=text("status = 'published'"),
    postgresql_where=text("status = 'published'"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("account", String),
    Column("purpose", String),
    Column("detail", JSON, nullable=False),
    CheckConstraint(
        "length(account) = 16 AND ltrim(account, '0123456789abcdef') = ''", name="audit_account_is_pseudonym"
    ),
)

review_case = Table(
    "review_case",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("status", String, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("nights", Integer, nullable=False),
    Column("run_id", String, ForeignKey("run.id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("score", Double),
    Column("family", String, nullable=False),
    Column("promised_share", Double),
    Column("assignee", String),
    Column("measured", JSON, nullable=False),
    Column("outcome", String),
    Column("verdict_kind", String),
    Column("cause", String),
    Column("decided_at", UtcTime),
    Column("decided_by", String),
    CheckConstraint(
        "length(account) = 16 AND ltrim(account, '0123456789abcdef') = ''", name="review_case_account_is_pseudonym"
    ),
    CheckConstraint(f"origin IN {ORIGINS}", name="review_case_origin_known"),
    CheckConstraint(f"status IN {CASE_STATUSES}", name="review_case_status_known"),
    CheckConstraint(f"outcome IN {OUTCOMES}", name="review_case_outcome_known"),
    CheckConstraint(
        "(status = 'decided') = (outcome IS NOT NULL AND decided_at IS NOT NULL AND decided_by IS NOT NULL)",
        name="review_case_decided_whole",
    ),
)

Index(
    "review_case_one_open_an_account",
    review_case.c.account,
    unique=True,
    sqlite_where=text("status = 'open'"),
    postgresql_where=text("status = 'open'"),
)
Index("review_case_by_status", review_case.c.status, review_case.c.id)
Index("review_case_by_account", review_case.c.account)

act = Table(
    "act",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("review_case.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("detail", JSON, nullable=False),
    CheckConstraint(f"action IN {ACTIONS}", name="act_action_known"),
)

Index("act_by_case", act.c.case_id, act.c.id)
