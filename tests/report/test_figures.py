from __future__ import annotations

from collections.abc import Callable

from ratchet.core.evidence import Verb
from ratchet.loop.folder import RunFolder
from ratchet.report.figures import (
    curriculum_picture,
    family_picture,
    measures_picture,
    progress_picture,
)
from ratchet.report.schema import Report
from ratchet.report.summary import summarise

MakeRun = Callable[..., RunFolder]


def read(folder: RunFolder) -> Report:
    return Report.model_validate(summarise(folder))


def test_pictures_are_drawn_only_of_what_was_measured(make_run: MakeRun) -> None:
    bare = read(make_run(started=False, name="bare"))
    assert progress_picture(bare) is None
    assert family_picture(bare) is None
    assert curriculum_picture(bare) is None
    full = read(make_run())
    absent = measures_picture(full, "Tools", [("tool_rate", "tool used")], share=True)
    assert absent is None
    assert measures_picture(full, "Levels", [("level_1", "level 1")], share=True)
    for picture in (progress_picture(full), family_picture(full), curriculum_picture(full)):
        assert picture and picture.startswith('<svg role="img" aria-label=')


def test_the_picture_changes_with_the_decision(make_run: MakeRun) -> None:
    """Same scores, other decision: only the mark, its legend and its word can differ."""
    pictures = {
        progress_picture(read(make_run(verbs=(verb,), gains=(0,), name=verb))) for verb in Verb
    }
    assert len(pictures) == len(Verb)


def test_a_long_run_and_a_run_without_generations_can_be_drawn(make_run: MakeRun) -> None:
    long = make_run(verbs=(Verb.HOLD,) * 30, gains=(1,) * 30, name="long")
    assert progress_picture(read(long))
    assert progress_picture(read(make_run(verbs=(), gains=(), name="none")))
