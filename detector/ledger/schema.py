"""The tables of the state database, the same on SQLite and PostgreSQL.

A change here comes with a new file under `migrations/versions/` and a new `HEAD`; see `migrations/__init__.py`.
"""

import datetime as dt
from typing import Literal, get_args

from sqlalchemy import (
    JSON,
    Boolean,
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

from detector.access import ROLES
from detector.cases import ACTIONS, CASE_STATUSES, CONTESTS, ORIGINS, OUTCOMES, RESPONSES
from detector.suppressed import SCOPES

HEAD = "0004"  # the newest file under migrations/versions
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
    Column("response", String),
    Column("seconded_by", String),
    Column("contest", String),
    Column("contested_at", UtcTime),
    Column("contest_by", String),
    Column("held_by", String),
    Column("held_until", UtcTime),
    Column("snoozed_until", Date),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("turn", Integer, nullable=False, server_default="0"),
    Column("reasons", JSON, nullable=False, server_default="[]"),
    Column("file_day", Date),
    CheckConstraint(
        "length(account) = 16 AND ltrim(account, '0123456789abcdef') = ''", name="review_case_account_is_pseudonym"
    ),
    CheckConstraint(f"origin IN {ORIGINS}", name="review_case_origin_known"),
    CheckConstraint(f"status IN {CASE_STATUSES}", name="review_case_status_known"),
    CheckConstraint(f"outcome IN {OUTCOMES}", name="review_case_outcome_known"),
    CheckConstraint(
        "(status IN ('proposed', 'decided')) ="
        " (outcome IS NOT NULL AND decided_at IS NOT NULL AND decided_by IS NOT NULL)",
        name="review_case_decided_whole",
    ),
    CheckConstraint(f"response IN {RESPONSES}", name="review_case_response_known"),
    CheckConstraint("seconded_by <> decided_by", name="review_case_second_is_another"),
    CheckConstraint(f"contest IN {CONTESTS}", name="review_case_contest_known"),
    CheckConstraint(
        "contest_by <> decided_by AND (seconded_by IS NULL OR contest_by <> seconded_by)",
        name="review_case_contest_by_another",
    ),
)

Index(
    "review_case_one_open_an_account",
    review_case.c.account,
    unique=True,
    sqlite_where=text("status IN ('open', 'proposed')"),
    postgresql_where=text("status IN ('open', 'proposed')"),
)
# Everything that the queue is filtered and ordered by, so that what was measured is read of the cases shown alone.
Index(
    "review_case_queue",
    *(review_case.c[name] for name in (
        "status", "origin", "turn", "id", "score", "assignee", "kind", "family", "snoozed_until", "held_by",
        "held_until",
    )),
)  # fmt: skip
Index("review_case_by_account", review_case.c.account)
Index("review_case_by_assignee", review_case.c.assignee, review_case.c.status)

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

later_night = Table(
    "later_night",
    metadata,
    Column("case_id", Integer, ForeignKey("review_case.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("p_value", Double, nullable=False),
    Column("over_line", Boolean, nullable=False),
)

suppression = Table(
    "suppression",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("value", String),
    Column("why", String, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("made_by", String, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("lifted_at", UtcTime),
    Column("lifted_by", String),
    CheckConstraint(
        "length(account) = 16 AND ltrim(account, '0123456789abcdef') = ''", name="suppression_account_is_pseudonym"
    ),
    CheckConstraint(f"scope IN {SCOPES}", name="suppression_scope_known"),
    CheckConstraint("(scope = 'everything') = (value IS NULL)", name="suppression_names_what"),
)

Index("suppression_by_account", suppression.c.account)

saved_view = Table(
    "saved_view",
    metadata,
    Column("person", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("filters", JSON, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("password_hash", String),
    Column("added_at", UtcTime, nullable=False),
    CheckConstraint(f"role IN {ROLES}", name="person_role_known"),
    CheckConstraint("name = lower(name)", name="person_name_is_lower"),
)

# A browser. Only a digest of the cookie is kept: a copy of this table signs nobody in. Without a person it is the first
# half of a sign-in elsewhere, whose `detail` says what was asked.
session = Table(
    "session",
    metadata,
    Column("digest", String, primary_key=True),
    Column("name", String, ForeignKey("person.name", ondelete="CASCADE")),
    Column("opened_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("detail", JSON, nullable=False),
)

Index("session_by_name", session.c.name)
Index("session_by_seen", session.c.seen_at)

# What was typed may be a password in the wrong field: only digests of names and addresses are kept.
failed_sign_in = Table(
    "failed_sign_in",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("subject", String, nullable=False),
)

Index("failed_sign_in_by_subject", failed_sign_in.c.subject, failed_sign_in.c.at)
