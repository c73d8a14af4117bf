// A button that switches home/led: each press publishes "Turn On" or "Turn Off".
//
// Needs the library PubSubClient 2.8. Type your Wi-Fi and the broker's address
// into config.h, the next tab.

#include "connection.h"

static const char* TOPIC = "home/led";

// The button marked FLASH on the board: nothing to wire. For a button of your
// own between D2 and GND: `D2`.
static const uint8_t BUTTON_PIN = D3;

// A button's contacts bounce for some milliseconds; what changes faster than
// this is no press.
static const unsigned long BOUNCE_MS = 30;

static bool ledIsOn = false;
static bool pressed = false;
static bool lastReading = false;
static unsigned long lastChange = 0;

static void onConnected() {
  connectionSubscribe(TOPIC);
}

// The dashboard may switch the LED too: the next press is then the opposite of
// what it did.
static void onMessage(const char*, const char* message) {
  if (strcmp(message, "Turn On") == 0) {
    ledIsOn = true;
  } else if (strcmp(message, "Turn Off") == 0) {
    ledIsOn = false;
  }
}

// True once for each press.
static bool buttonWasPressed() {
  bool reading = digitalRead(BUTTON_PIN) == LOW;
  if (reading != lastReading) {
    lastReading = reading;
    lastChange = millis();
  }
  if (reading == pressed || millis() - lastChange < BOUNCE_MS) {
    return false;
  }
  pressed = reading;
  return pressed;
}

void setup() {
  Serial.begin(115200);
  pinMode(BUTTON_PIN, INPUT_PULLUP);
  // Held down while the board starts: no press.
  pressed = lastReading = digitalRead(BUTTON_PIN) == LOW;
  connectionBegin("button", nullptr, onConnected, onMessage);
}

void loop() {
  connectionLoop();
  if (!buttonWasPressed()) {
    return;
  }
  // A press while there is no connection is lost, on purpose: a light that goes
  // on minutes later is worse than one to press for again.
  if (connectionPublish(TOPIC, ledIsOn ? "Turn Off" : "Turn On", false)) {
    ledIsOn = !ledIsOn;
  }
}
