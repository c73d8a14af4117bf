// NodeMCU: the LED obeys the topic home/led.
#include <ESP8266WiFi.h>
#include <PubSubClient.h>

const char* wifi     = "YOUR-WIFI";
const char* password = "YOUR-PASSWORD";
const char* broker   = "{broker}";

WiFiClient net;
PubSubClient mqtt(net);

void received(char*, byte* payload, unsigned int n) {
  String text;
  for (unsigned int i = 0; i < n; i++) {
    text += (char)payload[i];
  }
  // The built-in LED is on at LOW.
  if (text == "Turn On") digitalWrite(LED_BUILTIN, LOW);
  if (text == "Turn Off") digitalWrite(LED_BUILTIN, HIGH);
}

void setup() {
  pinMode(LED_BUILTIN, OUTPUT);
  digitalWrite(LED_BUILTIN, HIGH);
  WiFi.begin(wifi, password);
  mqtt.setServer(broker, 1883);
  mqtt.setCallback(received);
}

void loop() {
  if (!mqtt.connected()) {
    String id = "nodemcu-" + String(ESP.getChipId(), HEX);
    if (mqtt.connect(id.c_str())) {
      mqtt.subscribe("home/led");
    } else {
      delay(1000);
    }
  }
  mqtt.loop();
}
