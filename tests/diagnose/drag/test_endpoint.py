"""An endpoint against a local server that follows a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ratchet.core.errors import EngineError
from ratchet.diagnose.drag.endpoint import Endpoint
from ratchet.diagnose.drag.speaker import Request

REQUEST = Request(seed=7, n=2, max_tokens=20, temperature=0.5, stop=("\nProblem:",))


class Script(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.headers: list[str] = []
        self.failures = 0


class Handler(BaseHTTPRequestHandler):
    server: Script

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.headers.append(f"{self.path} {self.headers.get('Authorization')}")
        if self.server.failures:
            self.server.failures -= 1
            self.send_response(503)
            self.end_headers()
            return
        said = f"Verdict: wrong\nAnswer: {len(self.server.asked)}"
        choice = {"message": {"content": said}, "finish_reason": "length"}
        usage = {"prompt_tokens": 11, "completion_tokens": 5}
        data = json.dumps({"choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Script]:
    with Script() as script:
        thread = threading.Thread(target=script.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield script
        script.shutdown()
        thread.join()


def endpoint(server: Script, **settings: Any) -> Endpoint:
    return Endpoint(f"http://127.0.0.1:{server.server_port}/v1", "some-model", "secret", **settings)


def test_completions_come_in_order_with_counts_and_seeds_of_their_own(server: Script) -> None:
    said = endpoint(server).complete(["first", "second"], REQUEST)
    assert [[s.text[-1] for s in group] for group in said] == [["1", "2"], ["3", "4"]]
    one = said[0][0]
    assert (one.truncated, one.prompt_tokens, one.tokens) == (True, 11, 5) and one.seconds > 0
    assert len({body["seed"] for body in server.asked}) == 4
    assert server.headers[0] == "/v1/chat/completions Bearer secret"
    body = server.asked[0]
    assert body["messages"] == [{"role": "user", "content": "first"}]
    assert (body["model"], body["max_tokens"], body["stop"]) == (
        "some-model",
        20,
        ["\nProblem:"],
    )


def test_a_failed_call_is_tried_again(server: Script) -> None:
    server.failures = 2
    assert endpoint(server).complete(["first"], REQUEST)[0][0].text.endswith("3")


def test_a_call_that_keeps_failing_says_what_to_check_and_no_key(server: Script) -> None:
    server.failures = 9
    with pytest.raises(EngineError, match="no completion of some-model") as error:
        endpoint(server, retries=1).complete(["first"], REQUEST)
    assert "check the address" in error.value.hint
    assert "secret" not in str(error.value) + repr(endpoint(server))
