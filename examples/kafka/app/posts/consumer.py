"""Handles posts, each at least once, and stores each once.

GROUP: all consumers of a group share the partitions, and their offsets are the lag that the autoscaler scales on.
WORK_MILLISECONDS: what a post costs. SINK: a SQLite file for what was handled; without it, a line is printed for each batch.
"""

import json
import sqlite3
import sys
import time

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from posts import settings


class Sink:
    """Stores posts by their id, so that a post that is delivered twice is stored once."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("CREATE TABLE IF NOT EXISTS posts (id TEXT PRIMARY KEY, deliveries INTEGER NOT NULL)")

    def store(self, ids: list[str]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO posts VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET deliveries = deliveries + 1", [(i,) for i in ids])
        self._db.execute("COMMIT")


class Log:
    """Prints how many posts were handled."""

    def store(self, ids: list[str]) -> None:
        print(json.dumps({"handled": len(ids), "last": ids[-1]}), flush=True)


def handle(message, seconds: float) -> str | None:
    """Does the work for a post and returns its id; None for what is no post. An error here would stop the partition for good."""
    try:
        post_id = json.loads(message.value)["id"]
    except (ValueError, TypeError, KeyError) as error:
        print(json.dumps({"skipped": f"{message.topic}/{message.partition}@{message.offset}", "reason": repr(error)}), flush=True)
        return None
    time.sleep(seconds)
    return post_id


def commit_start(consumer: KafkaConsumer, batches: dict, known: set) -> None:
    """Commits where the group starts on a partition of which it has no offset, so that its lag is known without any post, and without a member."""
    for partition in consumer.assignment() - known:
        if consumer.committed(partition) is None:
            start = batches[partition][0].offset if batches.get(partition) else consumer.position(partition)
            if start is None:
                continue  # it is not known yet
            consumer.commit({partition: OffsetAndMetadata(start, "", -1)})
        known.add(partition)


def consume(consumer: KafkaConsumer, sink, seconds: float, stop) -> None:
    """Handles batches until stop is set. An offset is committed after its post was stored, never before."""
    known = set()
    while not stop.is_set():
        batches = consumer.poll(timeout_ms=500, max_records=50)
        commit_start(consumer, batches, known)
        for partition, messages in batches.items():
            done, following = [], None
            for message in messages:
                if stop.is_set():
                    break
                if post_id := handle(message, seconds):
                    done.append(post_id)
                following = message.offset + 1
            if done:
                sink.store(done)
            if following is not None:
                consumer.commit({TopicPartition(partition.topic, partition.partition): OffsetAndMetadata(following, "", -1)})


def main() -> int:
    stop, path = settings.stop_event(), settings.text("SINK", "-")
    consumer = KafkaConsumer(
        settings.text("TOPIC", "posts"),
        bootstrap_servers=settings.bootstrap(),
        client_id="posts-consumer",
        group_id=settings.text("GROUP", "posts"),  # without it there are no committed offsets, so no lag
        enable_auto_commit=False,  # it would commit what is not handled yet
        auto_offset_reset="earliest",  # a new group misses nothing
        session_timeout_ms=15_000,  # so long a member that died, or could not leave the group, keeps its partitions
    )
    consume(consumer, Log() if path == "-" else Sink(path), settings.number("WORK_MILLISECONDS", 5) / 1000, stop)
    consumer.close(autocommit=False)  # leaves the group, so that the others take over at once
    return 0


if __name__ == "__main__":
    sys.exit(main())
