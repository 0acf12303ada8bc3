"""What a planted defect is."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A defect as a patch of production code.

    Attributes:
        name: How the command calls it.
        source: The rows of the notes that it is an instance of.
        what: What it does, in one sentence.
        patches: Dotted name of a production function or method -> the wrong variant that takes its place.
        seed: A seed that is known to catch it.
        venue: The only venue where it can show, empty for any.
        needs: Kinds of fault of which one must be in a plan for it to show, empty for any plan.
        stands: What it does is that the bot stands: then, and only then, L4 counts as caught.
        unit_test: Where the simulation cannot see it: the test that fails with it, as `catalogue.TESTS` names one.
    """

    name: str
    source: str
    what: str
    patches: tuple[tuple[str, Callable[..., Any]], ...]
    seed: int = 0
    venue: str = ""
    needs: tuple[str, ...] = ()
    stands: bool = False
    unit_test: str = ""

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the defect be there for a block. Raises AttributeError where the code it replaces does not exist."""
        with ExitStack() as stack:
            for target, wrong in self.patches:
                stack.enter_context(patch(target, wrong))
            yield
