"""The database: the only truth about what happened. Only this package knows SQLAlchemy."""
