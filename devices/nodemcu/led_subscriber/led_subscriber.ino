// An LED that obeys home/led: "Turn On" and "Turn Off".
//
// Needs the library PubSubClient 2.8. Type your Wi-Fi and the broker's address
// into config.h, the next tab.

#include "connection.h"

static const char* TOPIC = "home/led";

// The blue LED on the board, which is on while its pin is LOW. For an LED of
// your own on D1: `D1` and `HIGH`.
static const uint8_t LED_PIN = LED_BUILTIN;
static const uint8_t LED_ON = LOW;

static void setLed(bool on) {
  digitalWrite(LED_PIN, on ? LED_ON : !LED_ON);
  Serial.println(on ? "The LED is on" : "The LED is off");
}

static void onConnected() {
  connectionSubscribe(TOPIC);
}

static void onMessage(const char* topic, const char* message) {
  if (strcmp(message, "Turn On") == 0) {
    setLed(true);
  } else if (strcmp(message, "Turn Off") == 0) {
    setLed(false);
  } else {
    Serial.printf("%s says \"%s\", which is neither Turn On nor Turn Off\n", topic, message);
  }
}

void setup() {
  Serial.begin(115200);
  pinMode(LED_PIN, OUTPUT);
  setLed(false);
  connectionBegin("led", "home/led/status", onConnected, onMessage);
}

void loop() {
  connectionLoop();
}
