"""What Alembic runs: the migrations, on the connection and in the transaction handed over by `upgrade`."""

from alembic import context

from detector.ledger import schema

if hasattr(context, "config"):  # only while Alembic runs this file; importing it does nothing
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=schema.metadata,
        version_table=schema.VERSION_TABLE,
    )
    with context.begin_transaction():
        context.run_migrations()
