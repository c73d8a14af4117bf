// The fridge's temperature: publishes "Temperature:14" to Kitchen/Fridge.
//
// The sensor is a DS18B20 on a cable: waterproof, right below freezing point,
// and thin enough for the door's seal. (A DHT11 or DHT22 suffers from the damp.)
//
// Needs the libraries PubSubClient 2.8, OneWire and DallasTemperature. Type your
// Wi-Fi and the broker's address into config.h, the next tab.

#include <DallasTemperature.h>
#include <OneWire.h>

#include "connection.h"

static const char* TOPIC = "Kitchen/Fridge";
static const unsigned long EVERY_MS = 5000;

// Digits after the point: 0 gives Temperature:4, 1 gives Temperature:4.3
static const uint8_t DECIMALS = 0;

static const uint8_t SENSOR_PIN = D4;

// What the sensor says of itself just after power came, in degrees.
static const float POWER_ON_VALUE = 85.0;
// Measuring takes it so long; asking earlier gives the previous value.
static const unsigned long CONVERSION_MS = 800;

static OneWire wire(SENSOR_PIN);
static DallasTemperature sensor(&wire);

static bool measuring = false;
static bool measuredBefore = false;
static unsigned long began = 0;

static void publishTemperature(float celsius) {
  if (celsius <= DEVICE_DISCONNECTED_C) {
    Serial.println("No sensor answers: look at its three wires and the resistor");
    measuredBefore = false;
    return;
  }
  if (!measuredBefore && celsius == POWER_ON_VALUE) {
    return;
  }
  measuredBefore = true;
  char number[12];
  char message[32];
  dtostrf(celsius, 1, DECIMALS, number);
  // What rounds to zero from below would read "-0".
  const char* digits = atof(number) == 0 && number[0] == '-' ? number + 1 : number;
  snprintf(message, sizeof(message), "Temperature:%s", digits);
  connectionPublish(TOPIC, message, false);
}

void setup() {
  Serial.begin(115200);
  sensor.begin();
  // Otherwise asking for a value would hold everything up while it is measured.
  sensor.setWaitForConversion(false);
  connectionBegin("fridge", "Kitchen/Fridge/status", nullptr, nullptr);
  began = millis() - EVERY_MS;
}

void loop() {
  bool connected = connectionLoop();
  if (measuring && millis() - began >= CONVERSION_MS) {
    measuring = false;
    if (connected) {
      publishTemperature(sensor.getTempCByIndex(0));
    }
  }
  if (!measuring && connected && millis() - began >= EVERY_MS) {
    sensor.requestTemperatures();
    began = millis();
    measuring = true;
  }
}
