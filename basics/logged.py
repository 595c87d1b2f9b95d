"""What work warns of, for whoever asked for it."""

from __future__ import annotations

import logging


class LoggedWarnings(logging.Handler):
    """The texts of warnings and errors, in their order."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
