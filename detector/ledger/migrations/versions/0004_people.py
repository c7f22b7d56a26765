"""People, their sessions, and failed sign-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "person",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String()),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('analyst', 'senior analyst', 'auditor', 'privacy officer', 'admin', 'owner')",
            name="person_role_known",
        ),
        sa.CheckConstraint("name = lower(name)", name="person_name_is_lower"),
    )
    op.create_table(
        "session",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), sa.ForeignKey("person.name", ondelete="CASCADE")),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
    )
    op.create_index("session_by_name", "session", ["name"])
    op.create_index("session_by_seen", "session", ["seen_at"])
    op.create_table(
        "failed_sign_in",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
    )
    op.create_index("failed_sign_in_by_subject", "failed_sign_in", ["subject", "at"])
