"""The filters that people keep under names of their own."""

from sqlalchemy import delete, insert, select

from detector.ledger import schema
from detector.ledger.connection import Database
from detector.views import Filters

_TABLE = schema.saved_view


class SavedViews:
    """The saved views of one ledger. Every method is one transaction; see `Ledger` for what all of them raise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, person: str) -> dict[str, Filters]:
        """What a person has kept, by name."""
        query = select(_TABLE.c.name, _TABLE.c.filters).where(_TABLE.c.person == person).order_by(_TABLE.c.name)
        with self._database.reading() as connection:
            return {name: Filters.of(said) for name, said in connection.execute(query)}

    def keep(self, person: str, name: str, filters: Filters | None) -> None:
        """Keep filters under a name, in place of what stood there; None: forget them."""
        with self._database.writing() as connection:
            connection.execute(delete(_TABLE).where(_TABLE.c.person == person, _TABLE.c.name == name))
            if filters is not None:
                connection.execute(insert(_TABLE).values(person=person, name=name, filters=filters.said()))
