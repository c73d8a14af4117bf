#!/usr/bin/env python3
"""Publish a message over MQTT, once or again and again.

    python3 publisher.py Kitchen/Fridge Temperature:14
    python3 publisher.py home/led "Turn On"
    python3 publisher.py Kitchen/AirQuality CO2:640 --repeat 30

Needs paho-mqtt, 1.6.1 or later:  python3 -m pip install "paho-mqtt>=1.6.1"
"""

import argparse
import signal
import sys
import threading

import paho.mqtt.client as mqtt

ANSWER_SECONDS = 10


def arguments():
    parser = argparse.ArgumentParser(description="Publish a message over MQTT.")
    parser.add_argument("topic", help="where to publish, such as Kitchen/Fridge")
    parser.add_argument("message", help="what to publish, such as Temperature:14")
    parser.add_argument("--host", default="127.0.0.1", help="the broker's address (default: this computer)")
    parser.add_argument("--port", type=int, default=1883, help="the broker's port (default: 1883)")
    parser.add_argument("--qos", type=int, choices=(0, 1, 2), default=0,
                        help="0: sent once, 1: arrives at least once, 2: arrives exactly once (default: 0)")
    parser.add_argument("--retain", action="store_true", help="the broker keeps it for those who subscribe later")
    parser.add_argument("--repeat", type=float, metavar="SECONDS", help="publish again every so many seconds, until Ctrl-C")
    parser.add_argument("--user", help="the user name, if the broker asks for one")
    parser.add_argument("--password", help="the password that goes with it")
    parser.add_argument("--id", default="", help="the client id (default: one that the broker or the library makes up)")
    options = parser.parse_args()
    if options.repeat is not None and options.repeat <= 0:
        parser.error("--repeat takes a number of seconds above 0")
    if "+" in options.topic or "#" in options.topic or not options.topic:
        parser.error("a topic to publish to has no + and no # in it")
    return options


def new_client(client_id):
    # paho-mqtt 2 asks which kind of callbacks a program has; 1.x has one kind.
    if hasattr(mqtt, "CallbackAPIVersion"):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id)
    return mqtt.Client(client_id=client_id)


def main():
    options = arguments()
    connected = threading.Event()
    answered = threading.Event()
    stop = threading.Event()
    refusal = []

    # paho-mqtt 2 hands over one value more than 1.x: the *_ takes it.
    def on_connect(_client, _userdata, _flags, reason, *_):
        if reason == 0:
            connected.set()
        else:
            refusal.append(str(reason) if not isinstance(reason, int) else mqtt.connack_string(reason))
            stop.set()
        answered.set()

    def on_disconnect(*_):
        connected.clear()

    client = new_client(options.id)
    client.on_connect = on_connect
    client.on_disconnect = on_disconnect
    client.reconnect_delay_set(min_delay=1, max_delay=30)
    if options.user is not None:
        client.username_pw_set(options.user, options.password)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())

    try:
        client.connect(options.host, options.port)
    except (OSError, ValueError) as error:
        sys.exit(f"no connection to {options.host}:{options.port}: {error}")

    client.loop_start()
    try:
        if not answered.wait(ANSWER_SECONDS):
            sys.exit(f"{options.host}:{options.port} does not answer as an MQTT broker")
        while not stop.is_set():
            if connected.is_set():
                publish(client, options)
            else:
                print("not connected, nothing published", file=sys.stderr, flush=True)
            if options.repeat is None:
                break
            stop.wait(options.repeat)
        if refusal:
            sys.exit(f"{options.host}:{options.port} refused the connection: {refusal[0]}")
    finally:
        client.disconnect()
        client.loop_stop()


def publish(client, options):
    sent = client.publish(options.topic, options.message, qos=options.qos, retain=options.retain)
    try:
        sent.wait_for_publish(ANSWER_SECONDS)
        done = sent.is_published()
    except (RuntimeError, ValueError):
        done = False
    if done:
        print(options.topic, options.message, flush=True)
    elif options.repeat is None:
        sys.exit("the broker has not confirmed the message")
    else:
        print("the broker has not confirmed the message", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
