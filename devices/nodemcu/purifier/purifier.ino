// An air purifier on a relay that follows the CO2: it listens to
// Kitchen/AirQuality and says on Kitchen/Purifier what it does.
//
// Needs the library PubSubClient 2.8. Type your Wi-Fi and the broker's address
// into config.h, the next tab.

#include "connection.h"

static const char* AIR_QUALITY = "Kitchen/AirQuality";
static const char* PURIFIER = "Kitchen/Purifier";

// On above the one, off below the other. The gap keeps it from switching to and
// fro when the air is just at the limit.
static const long ON_ABOVE_PPM = 1000;
static const long OFF_BELOW_PPM = 800;

// When nobody has measured for so long, nobody knows that it is still needed.
static const unsigned long STALE_MS = 300000;

static const uint8_t RELAY_PIN = D1;
// Many relay boards switch on with LOW: then write LOW here.
static const uint8_t RELAY_ON = HIGH;

static bool running = false;
static bool told = false;
static unsigned long lastMeasured = 0;

static void tell() {
  // Retained: who looks later sees at once whether it runs.
  told = connectionPublish(PURIFIER, running ? "Turn On" : "Turn Off", true);
}

static void setRunning(bool on) {
  digitalWrite(RELAY_PIN, on ? RELAY_ON : !RELAY_ON);
  if (on != running) {
    running = on;
    told = false;
  }
}

// The number in "CO2:640", or -1 when it is something else.
static long readPpm(const char* message) {
  static const char LABEL[] = "CO2:";
  const size_t length = sizeof(LABEL) - 1;
  if (strncmp(message, LABEL, length) != 0) {
    return -1;
  }
  char* end = nullptr;
  long ppm = strtol(message + length, &end, 10);
  return end == message + length || ppm < 0 ? -1 : ppm;
}

static void onConnected() {
  connectionSubscribe(AIR_QUALITY);
  told = false;
}

static void onMessage(const char* topic, const char* message) {
  long ppm = readPpm(message);
  if (ppm < 0) {
    Serial.printf("%s says \"%s\", which is not like CO2:640\n", topic, message);
    return;
  }
  lastMeasured = millis();
  if (ppm > ON_ABOVE_PPM) {
    setRunning(true);
  } else if (ppm < OFF_BELOW_PPM) {
    setRunning(false);
  }
}

void setup() {
  Serial.begin(115200);
  // The level first, or the relay clicks when the pin becomes an output.
  digitalWrite(RELAY_PIN, !RELAY_ON);
  pinMode(RELAY_PIN, OUTPUT);
  connectionBegin("purifier", "Kitchen/Purifier/status", onConnected, onMessage);
}

void loop() {
  bool connected = connectionLoop();
  if (running && millis() - lastMeasured > STALE_MS) {
    Serial.println("No CO2 reading for 5 minutes, switching off");
    setRunning(false);
  }
  if (connected && !told) {
    tell();
  }
}
