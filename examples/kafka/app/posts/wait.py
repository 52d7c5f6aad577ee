"""Waits until the topic is there and each of its partitions has a leader: the init container of producer and consumer."""

import sys
import time

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from posts import settings


def partitions(servers: list[str], topic: str) -> int:
    """Returns how many partitions the topic has whose first offset its leader tells; 0 if it is not there."""
    consumer = KafkaConsumer(bootstrap_servers=servers, client_id="posts-wait", enable_auto_commit=False)
    try:
        found = consumer.partitions_for_topic(topic) or set()
        if found:
            consumer.beginning_offsets([TopicPartition(topic, p) for p in found])
        return len(found)
    finally:
        consumer.close()


def main() -> int:
    servers, topic = settings.bootstrap(), settings.text("TOPIC", "posts")
    deadline = time.monotonic() + settings.number("WAIT_SECONDS", 300)
    while True:
        try:
            if count := partitions(servers, topic):
                print(f"topic {topic} has {count} partitions", flush=True)
                return 0
            reason = "it does not exist"
        except KafkaError as error:
            reason = repr(error)
        if time.monotonic() > deadline:
            print(f"topic {topic} at {','.join(servers)}: {reason}", file=sys.stderr)
            return 1
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
