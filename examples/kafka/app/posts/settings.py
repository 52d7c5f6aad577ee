"""Settings of producer and consumer: environment variables, checked."""

import os
import signal
import sys
import threading


def text(name: str, default: str | None = None) -> str:
    """Returns a variable; ends the program if it is missing and has no default."""
    value = os.environ.get(name, default)
    if not value:
        sys.exit(f"{name} is not set")
    return value


def number(name: str, default: float) -> float:
    """Returns a variable that is a number of 0 or more."""
    value = os.environ.get(name, str(default))
    try:
        parsed = float(value)
    except ValueError:
        parsed = -1
    if not 0 <= parsed < float("inf"):
        sys.exit(f"{name} has to be a number of 0 or more, not {value!r}")
    return parsed


def bootstrap() -> list[str]:
    """Returns the addresses of brokers."""
    return text("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092").split(",")


def stop_event() -> threading.Event:
    """Returns an event that SIGTERM and Ctrl-C set, so that work in progress is finished first."""
    stop = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda *_: stop.set())
    return stop
