"""What a run tells afterwards (report.json, report.html) and while it works (a live display)."""

from __future__ import annotations

import json
from typing import Any

from ratchet.loop.disk import write_atomically
from ratchet.loop.folder import RunFolder


def write_report(folder: RunFolder) -> dict[str, Any]:
    """Write a run's ``report.json`` and ``report.html`` and return the former's content.

    Works at any moment of a run: what has not been measured is null. Raises RunError if the run
    cannot be read.
    """
    from ratchet.report.page import render_page
    from ratchet.report.schema import Report
    from ratchet.report.summary import summarise

    data = summarise(folder)
    text = json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_atomically(folder.report, text.encode())
    page = render_page(Report.model_validate(data), folder)
    write_atomically(folder.path / "report.html", page.encode())
    return data
