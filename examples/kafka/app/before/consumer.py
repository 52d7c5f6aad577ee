"""The consumer as it was: without a group there are no committed offsets, and so no lag. Kept for the test that shows why."""

import os

from kafka import KafkaConsumer

consumer = KafkaConsumer("posts", bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(","), auto_offset_reset="earliest")
for message in consumer:
    print(message.offset, flush=True)
