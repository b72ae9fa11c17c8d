"""Runs within the virtual environment: what a service in another language does with Kafka, by Confluent's client.

    python letters.py BOOTSTRAP give COUNT     topics, then so many letters on orders.dlq, one after the other
    python letters.py BOOTSTRAP read TOPIC     what lies on a topic, a JSON object a line

TLS and password are those of the variables `KAFKA_…` in the environment, as skopos reads them.
"""

import json
import os
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

QUIET_SECONDS = 3


def settings(bootstrap):
    """`KAFKA_SSL_CA_LOCATION` is `ssl.ca.location`, and so on."""
    found = {name.removeprefix("KAFKA_").lower().replace("_", "."): value
             for name, value in os.environ.items() if name.startswith("KAFKA_")}
    return {"bootstrap.servers": bootstrap, **found}


def letter(number):
    """A dead letter as docs/dead-letters.md describes it: what a writer must say, and its trace."""
    return {
        "original_event": {"order": number},
        "source_topic": "orders",
        "error_message": f"order {number} has no customer",
        "error_type": "decode" if number < 3 else "timeout",
        "retry_count": 3,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "trace_id": f"{number + 1:032x}",
    }


def give(bootstrap, count):
    topics = [NewTopic(name, num_partitions=1, replication_factor=1) for name in ("orders", "orders.dlq")]
    admin = AdminClient(settings(bootstrap))
    for made in admin.create_topics(topics, request_timeout=30).values():
        made.result()
    producer = Producer(settings(bootstrap))
    for number in range(count):
        traceparent = f"00-{number + 1:032x}-{number + 1:016x}-01"
        producer.produce("orders.dlq", json.dumps(letter(number)), headers={"traceparent": traceparent})
        # Letters come one by one, each when a service gives an event up.
        if producer.flush(30):
            raise SystemExit("a letter was not taken")


def read(bootstrap, topic):
    consumer = Consumer({**settings(bootstrap), "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    while (message := consumer.poll(QUIET_SECONDS)) is not None:
        if message.error():
            raise SystemExit(str(message.error()))
        headers = {name: value.decode() for name, value in message.headers() or []}
        print(json.dumps({"value": json.loads(message.value()), "headers": headers}))
    consumer.close()


if __name__ == "__main__":
    _, bootstrap, action, what = sys.argv
    give(bootstrap, int(what)) if action == "give" else read(bootstrap, what)
