"""The one brand that a list may be narrowed to, as it stands in the list's address."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Response

from console.access import Person
from console.pages import see


@dataclass(frozen=True, slots=True)
class OneBrand:
    """The brand somebody chose; empty for all of theirs."""

    slug: str = ""

    def of(self, person: Person) -> frozenset[str]:
        """Give the brands whose rows are shown: none where the one is not the person's to see."""
        return person.brands & {self.slug} if self.slug else person.brands

    def address(self, path: str) -> str:
        """Write a page's address, narrowed to the brand."""
        return f"{path}?{urlencode({'brand': self.slug})}" if self.slug else path

    def back(self, path: str) -> Response:
        """Send the browser back to a list, as narrow as it was."""
        return see(self.address(path))


def one_brand(brand: str = "") -> OneBrand:
    """Read the chosen brand from the address."""
    return OneBrand(brand[:100])


Narrowing = Annotated[OneBrand, Depends(one_brand)]
