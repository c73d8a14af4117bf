"""paho-mqtt, driven by lines on its standard input.

    python paho_agent.py PORT ID VERSION [--keep] [--will TOPIC QOS RETAIN HEX]

VERSION is the protocol's number: 3 (3.1), 4 (3.1.1) or 5. A payload is written
in hexadecimal, an empty one as "-".

    subscribe QOS FILTER              -> subscribed CODE
    publish TOPIC QOS RETAIN HEX      -> published MILLISECONDS (since 1970, before it)
    leave                             -> left
    (connected)                       -> connected SESSION_PRESENT
    (a message)                       -> message TOPIC QOS RETAIN HEX
"""

import sys
import threading
import time

import paho.mqtt.client as mqtt

HOUR = 3600
PATIENCE = 30

port, client_id, version = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
keep = "--keep" in sys.argv
will = sys.argv[sys.argv.index("--will") + 1:][:4] if "--will" in sys.argv else None

output = threading.Lock()
subscribed = threading.Event()


def say(*words):
    with output:
        sys.stdout.write(" ".join(str(word) for word in words) + "\n")
        sys.stdout.flush()


def to_bytes(text):
    return b"" if text == "-" else bytes.fromhex(text)


# paho-mqtt 2 hands over one value more than 1.x, and so does MQTT 5: *_ takes it.
def on_connect(_client, _userdata, flags, reason, *_):
    if reason != 0:
        say("refused", reason)
        return
    present = flags["session present"] if isinstance(flags, dict) else flags.session_present
    say("connected", int(present))


def on_subscribe(_client, _userdata, _mid, codes, *_):
    code = codes[0]
    say("subscribed", getattr(code, "value", code))


def on_message(_client, _userdata, message):
    say("message", message.topic, message.qos, int(message.retain), message.payload.hex() or "-")


options = {"client_id": client_id, "protocol": version}
if version < mqtt.MQTTv5:
    options["clean_session"] = not keep
if hasattr(mqtt, "CallbackAPIVersion"):
    options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
client = mqtt.Client(**options)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
if will is not None:
    client.will_set(will[0], to_bytes(will[3]), int(will[1]), will[2] == "1")

if version == mqtt.MQTTv5:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    properties = Properties(PacketTypes.CONNECT)
    if keep:
        properties.SessionExpiryInterval = HOUR
    client.connect("127.0.0.1", port, clean_start=not keep, properties=properties)
else:
    client.connect("127.0.0.1", port)
client.loop_start()

for line in sys.stdin:
    verb, *words = line.split()
    if verb == "subscribe":
        client.subscribe(words[1], int(words[0]))
    elif verb == "publish":
        topic, qos, retain, payload = words
        before = int(time.time() * 1000)
        client.publish(topic, to_bytes(payload), int(qos), retain == "1").wait_for_publish(PATIENCE)
        say("published", before)
    elif verb == "leave":
        break
client.disconnect()
client.loop_stop()
say("left")
