#!/usr/bin/env python3
"""Print the messages of some topics as they come: the topic, a space, the message.

    python3 subscriber.py "Kitchen/#"
    python3 subscriber.py home/led Kitchen/+ --qos 1

Needs paho-mqtt, 1.6.1 or later:  python3 -m pip install "paho-mqtt>=1.6.1"
"""

import argparse
import os
import signal
import sys

import paho.mqtt.client as mqtt


def arguments():
    parser = argparse.ArgumentParser(description="Print the messages of some topics as they come.")
    parser.add_argument("topics", nargs="+", metavar="topic",
                        help="what to listen to; + stands for one level, # for all below")
    parser.add_argument("--host", default="127.0.0.1", help="the broker's address (default: this computer)")
    parser.add_argument("--port", type=int, default=1883, help="the broker's port (default: 1883)")
    parser.add_argument("--qos", type=int, choices=(0, 1, 2), default=0,
                        help="0: sent once, 1: arrives at least once, 2: arrives exactly once (default: 0)")
    parser.add_argument("--count", type=int, metavar="N", help="stop after so many messages")
    parser.add_argument("--user", help="the user name, if the broker asks for one")
    parser.add_argument("--password", help="the password that goes with it")
    parser.add_argument("--id", default="", help="the client id (default: one that the broker or the library makes up)")
    return parser.parse_args()


def new_client(client_id):
    # paho-mqtt 2 asks which kind of callbacks a program has; 1.x has one kind.
    if hasattr(mqtt, "CallbackAPIVersion"):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id)
    return mqtt.Client(client_id=client_id)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Subscriber:
    """What happens when the broker answers, sends or goes away."""

    def __init__(self, options):
        self.options = options
        self.seen = 0
        self.failure = None

    # paho-mqtt 2 hands over one value more than 1.x: the *_ takes it.
    def on_connect(self, client, _userdata, _flags, reason, *_):
        if reason != 0:
            text = mqtt.connack_string(reason) if isinstance(reason, int) else str(reason)
            self.fail(client, f"the broker refused the connection: {text}")
            return
        # Here, and not once at the start: after a reconnection it is due again.
        client.subscribe([(topic, self.options.qos) for topic in self.options.topics])

    def on_subscribe(self, client, _userdata, _mid, granted, *_):
        codes = [getattr(code, "value", code) for code in granted]
        refused = [topic for topic, code in zip(self.options.topics, codes) if code >= 128]
        if refused:
            self.fail(client, f"the broker refused the subscription to {', '.join(refused)}")
        else:
            say(f"listening to {', '.join(self.options.topics)}")

    def on_message(self, client, _userdata, message):
        if self.options.count is not None and self.seen >= self.options.count:
            return
        print(message.topic, message.payload.decode("utf-8", "backslashreplace"), flush=True)
        self.seen += 1
        if self.seen == self.options.count:
            client.disconnect()

    def on_disconnect(self, _client, _userdata, *reason):
        # 1.x passes the reason first, 2.x after the flags.
        reason = reason[0] if len(reason) == 1 else reason[1]
        if reason != 0 and self.failure is None:
            say("the connection is lost, trying again")

    def fail(self, client, text):
        self.failure = text
        client.disconnect()


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    options = arguments()
    subscriber = Subscriber(options)
    client = new_client(options.id)
    client.on_connect = subscriber.on_connect
    client.on_subscribe = subscriber.on_subscribe
    client.on_message = subscriber.on_message
    client.on_disconnect = subscriber.on_disconnect
    client.reconnect_delay_set(min_delay=1, max_delay=30)
    if options.user is not None:
        client.username_pw_set(options.user, options.password)
    signal.signal(signal.SIGTERM, interrupt)

    try:
        try:
            client.connect(options.host, options.port)
        except (OSError, ValueError) as error:
            sys.exit(f"no connection to {options.host}:{options.port}: {error}")
        client.loop_forever()
    except KeyboardInterrupt:
        client.disconnect()
    except BrokenPipeError:
        # Whoever read the output has gone; without this, Python complains once
        # more as it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ValueError as error:
        sys.exit(str(error))
    if subscriber.failure is not None:
        sys.exit(subscriber.failure)


if __name__ == "__main__":
    main()
