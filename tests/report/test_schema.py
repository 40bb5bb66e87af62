from __future__ import annotations

from pathlib import Path

from ratchet.report.schema import Report, schema_text

DOCS = Path(__file__).parents[2] / "docs"


def test_the_schema_in_the_docs_is_current() -> None:
    assert (DOCS / "report.schema.json").read_text(encoding="utf-8") == schema_text()


def test_every_field_is_documented_in_the_schema_and_named_in_the_docs() -> None:
    text = (DOCS / "report.md").read_text(encoding="utf-8")
    for name, field in Report.model_fields.items():
        assert field.description, name
        assert f"`{name}`" in text, name
