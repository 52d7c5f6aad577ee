"""Sends posts, and ends with 0 only if the cluster has acknowledged every one of them.

MESSAGES: how many, 0 for no end. RATE: messages a second, 0 for as many as go.
"""

import json
import sys
import threading
import time
import uuid

from kafka import KafkaProducer

from posts import settings


class Tally:
    """Counts what became of the messages; callbacks come from the producer's thread."""

    def __init__(self) -> None:
        self.sent = self.acknowledged = self.failed = 0
        self.first_error = ""
        self._lock = threading.Lock()

    def ok(self, _metadata) -> None:
        with self._lock:
            self.acknowledged += 1

    def error(self, error: BaseException) -> None:
        with self._lock:
            self.failed += 1
            self.first_error = self.first_error or repr(error)


def post(run: str, number: int) -> tuple[bytes, bytes]:
    """Returns the key and the value of a post. All posts of an author are in one partition, in their order."""
    author = f"author-{number % 100}"
    value = {"id": f"{run}-{number}", "author": author, "text": f"Post {number}", "at": time.time()}
    return author.encode(), json.dumps(value).encode()


def send_all(producer: KafkaProducer, topic: str, messages: float, rate: float, stop: threading.Event) -> Tally:
    """Sends the posts and waits until each is acknowledged or has failed."""
    tally, run, started = Tally(), uuid.uuid4().hex[:8], time.monotonic()
    while not stop.is_set() and (messages == 0 or tally.sent < messages):
        if rate and (ahead := tally.sent / rate - (time.monotonic() - started)) > 0:
            stop.wait(ahead)
            continue
        key, value = post(run, tally.sent)
        producer.send(topic, key=key, value=value).add_callback(tally.ok).add_errback(tally.error)
        tally.sent += 1
    # send() only puts a message into a buffer. Without this, the program ends before the buffer is sent.
    producer.flush()
    return tally


def main() -> int:
    stop, topic = settings.stop_event(), settings.text("TOPIC", "posts")
    messages, rate = settings.number("MESSAGES", 1000), settings.number("RATE", 50)
    producer = KafkaProducer(
        bootstrap_servers=settings.bootstrap(),
        client_id="posts-producer",
        acks="all",  # of min.insync.replicas nodes at least
        enable_idempotence=True,  # a message that is sent again is stored once
        delivery_timeout_ms=120_000,  # longer than a node takes to restart
        linger_ms=100,  # posts wait for others that go with them: with 20, brokers and producer take twice the CPU time at 200 a second
    )
    tally = send_all(producer, topic, messages, rate, stop)
    producer.close()
    print(json.dumps({"sent": tally.sent, "acknowledged": tally.acknowledged, "failed": tally.failed, "error": tally.first_error}), flush=True)
    return 0 if tally.acknowledged == tally.sent else 1


if __name__ == "__main__":
    sys.exit(main())
