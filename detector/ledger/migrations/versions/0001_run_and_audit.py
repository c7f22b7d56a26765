"""Runs and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "run",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("day", sa.Date()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("model_version", sa.String()),
        sa.Column("fingerprint", sa.String()),
        sa.Column("directory", sa.String()),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "status IN ('running', 'published', 'superseded',"
            " 'finished', 'unchanged', 'refused', 'failed', 'interrupted')",
            name="run_status_known",
        ),
        sa.CheckConstraint("(status = 'running') = (ended_at IS NULL)", name="run_ends_once"),
        sa.CheckConstraint(
            "status NOT IN ('published', 'superseded')"
            " OR (day IS NOT NULL AND fingerprint IS NOT NULL AND directory IS NOT NULL)",
            name="run_published_whole",
        ),
    )
    op.create_index(
        "run_one_published_a_day",
        "run",
        ["day"],
        unique=True,
        sqlite_where=sa.text("status = 'published'"),
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("account", sa.String()),
        sa.Column("purpose", sa.String()),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "length(account) = 16 AND ltrim(account, '0123456789abcdef') = ''", name="audit_account_is_pseudonym"
        ),
    )
