from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from ratchet.core.evidence import Verb
from ratchet.loop.folder import RunFolder
from ratchet.report import write_report

MakeRun = Callable[..., RunFolder]
VOID = {"meta", "br", "hr", "img", "link", "input"}
EPILOGUE: dict[str, Any] = {
    "samples": [
        {
            "prompt": "12 + 30 * 2 <script>alert(1)</script>",
            "before": "84</pre><img src=x onerror=alert(1)>",
            "after": "72",
            "correct_before": False,
            "correct_after": True,
        }
    ],
    "quality": {
        "before": 14.2,
        "after": 14.4,
        "relative": {"mean": 0.014, "low": -0.003, "high": 0.03, "n": 40},
        "margin": 0.1,
        "within": True,
        "samples": [{"prompt": "The capital", "before": "<b>Paris</b>", "after": "Paris"}],
    },
}


class Reader(HTMLParser):
    """Checks that tags close in order, and collects tags, attributes and visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def read_page(folder: RunFolder) -> tuple[str, Reader]:
    write_report(folder)
    text = (folder.path / "report.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return text, reader


def test_the_headline_says_what_happened_first(make_run: MakeRun) -> None:
    _, page = read_page(make_run(final=124))
    assert "SmolLM2 went from 31% to 62%" in page.text
    assert page.text.index("went from 31% to 62%") < page.text.index("What was decided")
    assert "+31.0 points" in page.text


def test_a_models_text_is_shown_and_never_markup(make_run: MakeRun) -> None:
    text, page = read_page(make_run(epilogue=EPILOGUE))
    assert not page.tags & {"script", "img", "b1"}
    assert "onerror" not in page.attributes
    assert "<script>alert(1)</script>" in page.text
    assert "84</pre><img src=x onerror=alert(1)>" in page.text
    assert "levels <run> out" in page.text
    assert "<script" not in text


def test_contrasts_stand_on_the_first_screen_with_their_intervals(make_run: MakeRun) -> None:
    told = {"mean": 0.12, "low": 0.04, "high": 0.2, "n": 100}
    epilogue = {"contrasts": {"retries by restart instead of append": told}}
    _, page = read_page(make_run(epilogue=epilogue))
    place = page.text.index("retries by restart instead of append")
    assert place < page.text.index("What was decided")
    assert "+12.0 points [+4.0, +20.0]" in page.text[:place]


def test_nothing_outside_the_file_is_named(make_run: MakeRun) -> None:
    text, _ = read_page(make_run(epilogue=EPILOGUE))
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", text)
    assert not re.search(r'(src|href)="(?!#)', text)


def test_it_shows_samples_quality_findings_mechanisms_and_proposals(make_run: MakeRun) -> None:
    _, page = read_page(make_run(epilogue=EPILOGUE))
    for part in (
        "✗ wrong",
        "✓ right",
        "14.20 before, 14.40 after (+1.4%, 95% interval -0.3% to +3.0%, 40 texts): within",
        "saturation",
        "dormant",
        "12 + 7",
        "because of 12 points",
        "refused not a task",
        "charter-hash",
        "level_1",
    ):
        assert part in page.text, part


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ended": False}, "interrupted after 4 generations, no final score"),
        ({"started": False}, "interrupted after 0 generations"),
        ({"planted": False, "verbs": (), "gains": ()}, "This run is invalid: grpo did not work"),
        ({"final": 62}, "No measurable change"),
        ({"final": 20}, "got worse: from 31% to 10%"),
        ({"gate": "record"}, "Control, gate not obeyed: SmolLM2 went from 20% to 45%"),
        ({"verbs": (Verb.HALT,), "gains": (-2,)}, "halted"),
    ],
)
def test_every_kind_of_run_has_a_page(
    make_run: MakeRun, options: dict[str, Any], said: str
) -> None:
    _, page = read_page(make_run(**options))
    assert said in page.text


def test_at_most_six_proposals_of_a_generation_are_shown(make_run: MakeRun) -> None:
    proposals = [f"{n} + 1000" for n in range(50)]
    _, page = read_page(make_run(verbs=(Verb.HOLD,), gains=(1,), proposals=proposals))
    assert page.text.count("+ 1000") == 6


def test_the_page_of_an_equal_run_is_equal(make_run: MakeRun) -> None:
    first, _ = read_page(make_run(name="a"))
    second, _ = read_page(make_run(name="b"))
    assert first == second
