"""Cases and what was done to them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "review_case",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("nights", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), sa.ForeignKey("run.id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("score", sa.Double()),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("promised_share", sa.Double()),
        sa.Column("assignee", sa.String()),
        sa.Column("measured", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.Column("verdict_kind", sa.String()),
        sa.Column("cause", sa.String()),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.String()),
        sa.CheckConstraint(
            "length(account) = 16 AND ltrim(account, '0123456789abcdef') = ''", name="review_case_account_is_pseudonym"
        ),
        sa.CheckConstraint("origin IN ('flag', 'calibration')", name="review_case_origin_known"),
        sa.CheckConstraint("status IN ('open', 'decided', 'withdrawn')", name="review_case_status_known"),
        sa.CheckConstraint("outcome IN ('confirmed', 'false alarm', 'undecided')", name="review_case_outcome_known"),
        sa.CheckConstraint(
            "(status = 'decided') = (outcome IS NOT NULL AND decided_at IS NOT NULL AND decided_by IS NOT NULL)",
            name="review_case_decided_whole",
        ),
    )
    op.create_index(
        "review_case_one_open_an_account",
        "review_case",
        ["account"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("review_case_by_status", "review_case", ["status", "id"])
    op.create_index("review_case_by_account", "review_case", ["account"])
    op.create_table(
        "act",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("review_case.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "action IN ('decided', 'undone', 'noted', 'assigned', 'kind changed', 'withdrawn')", name="act_action_known"
        ),
    )
    op.create_index("act_by_case", "act", ["case_id", "id"])
