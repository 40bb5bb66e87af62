"""What all tests stand on."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would every process that a test sends it to.
    signal.signal(signal.SIGINT, signal.default_int_handler)
