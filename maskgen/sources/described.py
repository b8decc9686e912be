"""Protocol of a source that states attributes of the people in its photos."""

from typing import Protocol, runtime_checkable

from maskgen.sources.base import Source


@runtime_checkable
class DescribedSource(Source, Protocol):
    """Source that comes with a list of attributes of the people."""

    def attribute_list(self) -> tuple[str, bytes] | None:
        """Finds the list of attributes: its name and bytes; None if there is none."""
