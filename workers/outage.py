"""What dramatiq logs of an outage, which is told of elsewhere."""

from __future__ import annotations

import logging

from dramatiq.errors import BrokerConnectionError

from storage.outage import DATABASE, Outage

BROKER = Outage("broker")


class OncePerOutage(logging.Filter):
    """Keeps to itself what dramatiq logs each second for each queue while the broker is lost."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is about something else."""
        about = record.args if isinstance(record.args, tuple) else ()
        lost = [error for error in about if isinstance(error, BrokerConnectionError)]
        for error in lost:
            BROKER.goes_on(str(error))
        return not lost


class NoRetriesExceeded(logging.Filter):
    """Keeps to itself which messages gave up on a lost database: the sweep queues their rows."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - logging's
        """Tell whether somebody needs to know."""
        return not DATABASE.is_on
