"""The evaluator process: ``python -m ratchet.guard.process``, JSON lines in and out.

It ends when its input closes and leaves Ctrl-C to the loop. What a world prints goes to standard
error, and what it reads is empty, so that nothing but messages travels between the two processes.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import BinaryIO

from ratchet.core.errors import EvaluatorError, RatchetError, TamperedError
from ratchet.guard.examiner import Examiner
from ratchet.guard.messages import (
    ERRORS,
    Close,
    Closed,
    Draw,
    Drawn,
    Inspect,
    Inspected,
    Open,
    Opened,
    Refused,
    Score,
    Scored,
    read_request,
    to_line,
)


def main() -> int:
    """Serve one loop until it closes or goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, replies = _take_stdio()
    with requests, replies:
        serve(requests, replies)
    return 0


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests in order; every one gets a reply, and a refusal changes nothing."""
    examiner: Examiner | None = None
    for line in requests:
        reply: Opened | Drawn | Scored | Inspected | Closed | Refused
        try:
            request = read_request(line)
            if isinstance(request, Open):
                examiner = _take_up(request, examiner)
                reply = examiner.opened
            elif isinstance(request, Close):
                reply = Closed()
            else:
                reply = _examine(request, examiner)
        except TamperedError as error:
            reply = Refused(error.message.removeprefix(f"{error.name}: "), error.hint, error.name)
        except RatchetError as error:
            reply = Refused(error.message, error.hint)
        except Exception as error:
            traceback.print_exc()
            reply = Refused(f"the evaluator raised {type(error).__name__}", f"read {ERRORS}")
        replies.write(to_line(reply))
        replies.flush()
        if isinstance(reply, Closed):
            return


def _take_up(request: Open, examiner: Examiner | None) -> Examiner:
    if examiner is not None:
        raise EvaluatorError("the evaluator is open already", "start another process")
    return Examiner(request)


def _examine(
    request: Draw | Score | Inspect, examiner: Examiner | None
) -> Drawn | Scored | Inspected:
    if examiner is None:
        raise EvaluatorError("the evaluator is not open", "send open first")
    if isinstance(request, Draw):
        return examiner.draw(request)
    if isinstance(request, Inspect):
        return examiner.inspect(request)
    return examiner.score(request)


def _take_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Take the two pipes out of reach of ``print`` and ``input``."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


if __name__ == "__main__":
    sys.exit(main())
