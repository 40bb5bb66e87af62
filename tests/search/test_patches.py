from __future__ import annotations

from ratchet.core.codec import hash_text
from ratchet.core.seeds import Seed
from ratchet.search.archive import Archive, Entry
from ratchet.search.cascade import Assessment
from ratchet.search.evolve import Search
from ratchet.search.patches import Edit, PatchGrammar

SOURCE = "loss = square\nsteps = 10\n"
EDITS = (
    Edit("huber", "square", "huber"),
    Edit("more steps", "steps = 10\n", "steps = 100\n"),
    Edit("wider", "huber\n", "huber(2)\n"),
)


def test_an_edit_applies_only_where_its_place_is() -> None:
    assert EDITS[0].apply(SOURCE) == "loss = huber\nsteps = 10\n"
    assert EDITS[2].apply(SOURCE) is None
    assert Edit("both", "s", "t").apply(SOURCE) is None, "its place is not unique"


def test_edits_add_up_along_the_lineage() -> None:
    grammar = PatchGrammar(SOURCE, EDITS)
    parent = Entry("loss = huber\nsteps = 10\n", 0.5)
    changed = {grammar.change([parent], Seed(n)).program for n in range(20)}
    assert changed == {"loss = huber\nsteps = 100\n", "loss = huber(2)\nsteps = 10\n"}
    assert grammar.change([parent], Seed(1)).parents == (hash_text(parent.program),)


def test_a_fresh_program_has_one_edit_or_several_and_says_which() -> None:
    drawn = [PatchGrammar(SOURCE, EDITS, most=3).fresh(Seed(n)) for n in range(60)]
    whole = "loss = huber(2)\nsteps = 100\n"
    told = {p.program: set(p.operator.split(" + ")) for p in drawn}
    assert told["loss = huber\nsteps = 10\n"] == {"huber"}
    assert told["loss = huber\nsteps = 100\n"] == {"huber", "more steps"}
    assert told[whole] == {"huber", "more steps", "wider"}
    assert PatchGrammar(whole, EDITS).fresh(Seed(1)).operator == "unchanged"


def test_a_search_over_patches_finds_the_best_text() -> None:
    def judge(source: str) -> Assessment:
        return Assessment(0.1 + 0.4 * ("(2)" in source) + 0.4 * ("100" in source))

    archive = Archive()
    search = Search(PatchGrammar(SOURCE, EDITS, most=1), judge)
    search.plant(archive, [SOURCE])
    archive, _ = search.advance(archive, 8, Seed(1))
    assert archive.best.program == "loss = huber(2)\nsteps = 100\n"
    assert len(archive.lineage(archive.best)) > 1
