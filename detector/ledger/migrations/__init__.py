"""From whatever schema is found to the newest one. Imported only when there is something to do: Alembic is slow.

Migrations only go forward. To write one: change `schema.py`, add `versions/<next number>_<what>.py` in the shape of
the last, set `HEAD`; the tests compare what the migrations build with what `schema.py` declares, on both databases.
On SQLite an existing table is altered with `op.batch_alter_table`.
"""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect

from detector.errors import IntegrityError, SettingsError
from detector.ledger import schema


def settings() -> Config:
    """What Alembic otherwise reads from an alembic.ini."""
    config = Config()
    config.set_main_option("script_location", "detector.ledger:migrations")
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection, found: str | None) -> None:
    """Bring the database from version `found` (None: empty) to `schema.HEAD`, within the transaction under way.

    Raises:
        IntegrityError: a newer program made this database.
        SettingsError: the database belongs to something else.
    """
    config = settings()
    if found is None:
        taken = sorted(set(inspect(connection).get_table_names()) & set(schema.metadata.tables))
        if taken:
            raise SettingsError(
                f"expected an empty database or a ledger, found another program's table {taken[0]!r};"
                " give the ledger a database of its own"
            )
    else:
        try:
            ScriptDirectory.from_config(config).get_revision(found)
        except CommandError:
            raise IntegrityError(
                f"expected a state database of version {schema.HEAD} or older, found version {found!r}, which a newer"
                " program made; use that program, or restore the database from before it"
            ) from None
    config.attributes["connection"] = connection
    command.upgrade(config, schema.HEAD)
