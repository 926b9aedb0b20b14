"""The run record, and everything that is rendered from it alone."""

from __future__ import annotations

from netlab.report.record import STORIES_UP_TO, Circumstances, Examined, Record, build
from netlab.report.stories import Stories, tell_all

__all__ = ["STORIES_UP_TO", "Circumstances", "Examined", "Record", "Stories", "build", "tell_all"]
