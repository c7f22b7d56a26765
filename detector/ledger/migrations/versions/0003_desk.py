"""The desk: second persons, contests, holds, snoozes, suppressions, saved views, and what later nights saw."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ACTIONS = (
    "'decided', 'undone', 'noted', 'assigned', 'kind changed', 'withdrawn', 'proposed', 'agreed', 'disagreed',"
    " 'reopened', 'snoozed', 'suppressed', 'lifted', 'contested', 'contest upheld', 'contest overturned', 'shown again'"
)
_OPEN = sa.text("status IN ('open', 'proposed')")


def upgrade() -> None:
    """Widen both tables and add three."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:  # which alters a table by making it anew: rows that refer to it must stand aside meanwhile
        op.execute("CREATE TABLE act_aside AS SELECT * FROM act")
        op.execute("DELETE FROM act")
    op.drop_index("review_case_one_open_an_account", "review_case")
    op.drop_index("review_case_by_status", "review_case")
    with op.batch_alter_table("review_case") as cases:
        cases.add_column(sa.Column("response", sa.String()))
        cases.add_column(sa.Column("seconded_by", sa.String()))
        cases.add_column(sa.Column("contest", sa.String()))
        cases.add_column(sa.Column("contested_at", sa.DateTime(timezone=True)))
        cases.add_column(sa.Column("contest_by", sa.String()))
        cases.add_column(sa.Column("held_by", sa.String()))
        cases.add_column(sa.Column("held_until", sa.DateTime(timezone=True)))
        cases.add_column(sa.Column("snoozed_until", sa.Date()))
        cases.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
        cases.add_column(sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))
        cases.add_column(sa.Column("reasons", sa.JSON(), nullable=False, server_default="[]"))
        cases.add_column(sa.Column("file_day", sa.Date()))
        cases.drop_constraint("review_case_status_known", type_="check")
        cases.create_check_constraint(
            "review_case_status_known", "status IN ('open', 'proposed', 'decided', 'withdrawn')"
        )
        cases.drop_constraint("review_case_decided_whole", type_="check")
        cases.create_check_constraint(
            "review_case_decided_whole",
            "(status IN ('proposed', 'decided')) ="
            " (outcome IS NOT NULL AND decided_at IS NOT NULL AND decided_by IS NOT NULL)",
        )
        cases.create_check_constraint(
            "review_case_response_known",
            "response IN ('none', 'message', 'ask to verify', 'limit streams', 'refer')",
        )
        cases.create_check_constraint("review_case_second_is_another", "seconded_by <> decided_by")
        cases.create_check_constraint("review_case_contest_known", "contest IN ('open', 'upheld', 'overturned')")
        cases.create_check_constraint(
            "review_case_contest_by_another",
            "contest_by <> decided_by AND (seconded_by IS NULL OR contest_by <> seconded_by)",
        )
    op.create_index(
        "review_case_one_open_an_account",
        "review_case",
        ["account"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "review_case_queue",
        "review_case",
        [
            "status", "origin", "turn", "id", "score", "assignee", "kind", "family", "snoozed_until", "held_by",
            "held_until",
        ],
    )  # fmt: skip
    op.create_index("review_case_by_assignee", "review_case", ["assignee", "status"])
    with op.batch_alter_table("act") as acts:
        acts.drop_constraint("act_action_known", type_="check")
        acts.create_check_constraint("act_action_known", f"action IN ({_ACTIONS})")
    if sqlite:
        op.execute("INSERT INTO act SELECT * FROM act_aside")
        op.execute("DROP TABLE act_aside")
    op.create_table(
        "later_night",
        sa.Column("case_id", sa.Integer(), sa.ForeignKey("review_case.id"), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("p_value", sa.Double(), nullable=False),
        sa.Column("over_line", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "suppression",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("value", sa.String()),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True)),
        sa.Column("lifted_by", sa.String()),
        sa.CheckConstraint(
            "length(account) = 16 AND ltrim(account, '0123456789abcdef') = ''", name="suppression_account_is_pseudonym"
        ),
        sa.CheckConstraint("scope IN ('everything', 'feature', 'device', 'network')", name="suppression_scope_known"),
        sa.CheckConstraint("(scope = 'everything') = (value IS NULL)", name="suppression_names_what"),
    )
    op.create_index("suppression_by_account", "suppression", ["account"])
    op.create_table(
        "saved_view",
        sa.Column("person", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("filters", sa.JSON(), nullable=False),
    )
