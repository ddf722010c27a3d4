"""The files of ``--work``: whole or not there, and named where they cannot be read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHECKPOINT = "checkpoint.pt"


class DamagedFileError(Exception):
    """A file that cannot be used, with the remedy."""

    def __init__(self, path: Path, cause: Exception) -> None:
        reason = (str(cause) or type(cause).__name__).split(". ")[0].splitlines()[0]
        super().__init__(
            f"{path} cannot be used ({reason}): delete it, and start `all` or the stage that writes it"
        )


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write beside ``path`` and put it there when it is whole: who is killed leaves the old one."""
    beside = path.with_name(path.name + ".tmp")
    with beside.open("wb") as file:
        yield file
    beside.replace(path)


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open ``path``, and name it where what is read from it is cut or damaged.

    Raises:
        DamagedFileError: What the block raised, unless the file is missing or may not be read.
    """
    try:
        with path.open("rb") as file:
            yield file
    except (OSError, MemoryError):
        raise
    except Exception as error:  # every library has errors of its own for it
        raise DamagedFileError(path, error) from error


def is_finished(path: Path) -> bool:
    """Say whether ``path`` was written, and no stage was stopped while making it anew."""
    return path.exists() and not path.with_name(CHECKPOINT).exists()
