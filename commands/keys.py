"""``pyeongpan keys``: bring everything under the present key, so that a retired one may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from domain.errors import ConfigurationError
from storage import sealed
from workers.rotate import Rotated, rotate

if TYPE_CHECKING:
    from typing import TextIO

    from workers.runtime import Runtime


def rotate_keys(runtime: Runtime, progress: TextIO) -> Rotated:
    """Bring everything stored under the present key, and look once more whether it is.

    Args:
        runtime: This process's tools.
        progress: Shows how far it is, to a person only.

    Raises:
        ConfigurationError: No key is retired; or one is still needed, with the reason.
    """
    if not runtime.sealer.retired:
        raise ConfigurationError(
            "no key is retired -> put a new one from `pyeongpan seal-key` before the present one: "
            "PYEONGPAN_SEAL_KEY=NEW,PRESENT"
        )
    done = _pass(runtime, progress)
    # Whoever began before the new key came, and was slow, may have stored something meanwhile.
    late = _pass(runtime, progress) if done.renewed else Rotated()
    if late.renewed:
        raise ConfigurationError(
            f"{done.renewed} values were brought under the present key, but {late.renewed} more "
            "were stored under a retired one meanwhile -> start every process with the new key "
            "first, then run this again"
        )
    if done.unopened:
        raise ConfigurationError(
            f"{done.renewed} values were brought under the present key, but {done.unopened} no "
            "key opens -> add the key that was in use when they were stored after the present "
            "one, and run this again; without it they are lost"
        )
    return done


def _pass(runtime: Runtime, progress: TextIO) -> Rotated:
    with runtime.database.reading() as connection:
        length = sealed.count(connection)
    hidden = not progress.isatty()
    with click.progressbar(length=length, file=progress, hidden=hidden) as bar:
        return rotate(runtime, bar.update)
