"""Backpack's vectors: which check runs which section (shape: venues/backpack.md, section 19)."""

from collections.abc import Mapping
from typing import Any

from tests.vectors.backpack_books import book
from tests.vectors.backpack_errors import ErrorChecks
from tests.vectors.backpack_file import BackpackFile
from tests.vectors.backpack_fills import fill_case
from tests.vectors.backpack_frames import FrameChecks
from tests.vectors.backpack_replies import ReplyChecks
from tests.vectors.backpack_requests import RequestChecks
from tests.vectors.registry import Check


class BackpackBook:
    """The checks of one Backpack file."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        file = BackpackFile(document)
        requests = RequestChecks(file)
        self._checks: dict[str, Check] = {
            "instructions": requests.instruction,
            "signed": requests.signed,
            "ws_subscribe": requests.subscription,
            "negative": ErrorChecks(file).negative,
            "rest_samples": ReplyChecks(file).sample,
            "error_samples": ErrorChecks(file).sample,
            "ws_samples": FrameChecks(file).sample,
            "fill_cases": fill_case,
            "book_cases": book,
        }

    def check_for(self, section: str) -> Check | None:
        """See `tests.vectors.registry.Book`."""
        return self._checks.get(section)
