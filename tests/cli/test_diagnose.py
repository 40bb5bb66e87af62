"""``ratchet diagnose drag`` from its arguments to its card, on a scripted endpoint."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli import main
from ratchet.worlds.arithmetic import solve_exactly


class Handler(BaseHTTPRequestHandler):
    """Right half of the time; repeats a draft three times of four."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt, number = body["messages"][0]["content"], int(body["seed"]) // 3
        problem = re.findall(r"Problem: (.*)\n", prompt)[-1]
        truth = solve_exactly(problem) or 0
        drafts = re.findall(r"Draft(?: \d)?: (.*)\n", prompt)
        answer = str(truth if number % 2 else truth + 1 + number % 5)
        if drafts and number % 4:
            answer = drafts[-1].rpartition("Answer:")[2].strip()
        said = f"Verdict: right\nAnswer: {answer}" if drafts else f"Answer: {answer}"
        data = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def diagnose(url: str, out: Path, *more: str) -> int:
    small = ["--problems", "8", "--candidates", "20", "--pool", "6", "--samples", "1"]
    named = ["--model", "scripted", "--url", url, "--out", str(out), "--level", "1"]
    return main(["diagnose", "drag", *named, *small, *more])


def test_it_prints_one_document_with_a_key_for_each_measurement(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diagnose(url, tmp_path / "study", "--json") == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {"drag_1", "drag_2", "marginal_2", "copy_rate", "recovery_labelled"} <= set(
        document["measures"]
    )
    drag = document["measures"]["drag_1"]
    assert set(drag) == {"value", "low", "high", "n", "skipped", "note"}
    assert drag["n"] == 8 and drag["low"] <= drag["value"] <= drag["high"]
    assert Path(document["card"]).read_text().startswith("<!doctype html>")
    # A second call reads what is there and asks nothing.
    assert diagnose("http://127.0.0.1:9/v1", tmp_path / "study", "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert again["measures"] == document["measures"]


def test_mistakes_say_what_to_type(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diagnose(url, tmp_path / "a", "--conditions", "wrong_9") == 2
    assert "choose from: clean" in capsys.readouterr().err
    assert diagnose("http://127.0.0.1:9/v1", tmp_path / "b") == 2
    assert "check the address" in capsys.readouterr().err


def test_questions_come_from_a_file(
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert diagnose(url, tmp_path / "c", "--world", "gsm8k") == 2
    assert "--data FILE" in capsys.readouterr().err
    rows = [{"question": f"{n} + {n % 9}", "answer": f"#### {n + n % 9}"} for n in range(10, 90)]
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    named = ("--world", "gsm8k", "--data", str(path), "--json")
    assert diagnose(url, tmp_path / "d", *named) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["world"] == "gsm8k" and document["measures"]["drag_1"]["n"] == 8
