# A fridge that reports its temperature.
import random
import time

from paho.mqtt import publish

broker = "{broker}"
temperature = 14

while True:
    temperature += random.choice([-1, 0, 1])
    publish.single("Kitchen/Fridge",
                   f"Temperature:{temperature}",
                   hostname=broker, port=1883)
    time.sleep(2)
