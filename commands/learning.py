"""``pyeongpan train``: learn a brand's own language, or go back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from domain.errors import ConfigurationError
from sentiment import adapt
from storage import lessons
from workers.runtime import adapter_folder

if TYPE_CHECKING:
    from workers.runtime import Runtime


def learn_brand(runtime: Runtime, brand: str, account: str | None) -> dict[str, Any]:
    """Learn from what is stored of a brand, and keep it where it helps.

    Returns:
        The run's summary; ``accepted`` is False when nothing was changed.

    Raises:
        ConfigurationError: No such brand, or no such account of it.
        BadInputError: Too few texts of a class.
    """
    runtime.brand(brand)
    if account is not None and runtime.account(account).brand != brand:
        raise ConfigurationError(
            f"account {account} is another brand's -> name one of {brand}, or leave --account out"
        )
    with runtime.database.reading() as connection:
        taught = [
            adapt.Lesson(row.text, row.is_negative, row.is_correction)
            for row in lessons.of_brand(connection, brand, account)
        ]
    summary = adapt.learn(
        runtime.classifier,
        brand,
        taught,
        adapter_folder(runtime.settings, brand),
        runtime.clock(),
    )
    return asdict(summary)


def roll_back(runtime: Runtime, brand: str) -> dict[str, Any]:
    """Go back to what was in use before the version in use; 0 is the shipped model."""
    runtime.brand(brand)
    version = adapt.rollback(adapter_folder(runtime.settings, brand))
    return {"brand": brand, "version": version}
