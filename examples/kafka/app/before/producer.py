"""The producer as it was: it says "sent", and nothing arrives. Kept for the test that shows why."""

import os

from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(","))
for n in range(int(os.environ.get("MESSAGES", "20"))):
    producer.send("posts", f"Post {n}".encode())
    print("sent")
# No flush: the messages are in the producer's buffer when the program ends. kafka-python 2.0.2 gives the buffer no time.
