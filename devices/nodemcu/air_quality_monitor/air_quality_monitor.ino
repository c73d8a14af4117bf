// The air's carbon dioxide: publishes "CO2:640" (parts per million) to
// Kitchen/AirQuality every 30 seconds.
//
// The sensor is an MH-Z19B or MH-Z19C, which really measures CO2. (An MQ-135
// reacts to many gases and has to be calibrated to give a number.)
//
// Needs the library PubSubClient 2.8; SoftwareSerial comes with the board's
// package. Type your Wi-Fi and the broker's address into config.h, the next tab.

#include <SoftwareSerial.h>

#include "connection.h"

static const char* TOPIC = "Kitchen/AirQuality";
static const unsigned long EVERY_MS = 30000;

static const uint8_t SENSOR_TX_PIN = D5;  // the sensor's Tx
static const uint8_t SENSOR_RX_PIN = D6;  // the sensor's Rx

// The sensor heats up first, and says little of the air until then.
static const unsigned long WARM_UP_MS = 180000;
static const unsigned long ANSWER_MS = 500;

// "Read the CO2", and its answer: 9 bytes each, the last a checksum of the seven
// before it.
static const uint8_t FRAME = 9;
static const uint8_t READ_CO2[FRAME] = {0xFF, 0x01, 0x86, 0, 0, 0, 0, 0, 0x79};

static SoftwareSerial sensor(SENSOR_TX_PIN, SENSOR_RX_PIN);

static bool asked = false;
static unsigned long askedAt = 0;
static uint8_t answer[FRAME];
static uint8_t received = 0;

static uint8_t checksum(const uint8_t* frame) {
  uint8_t sum = 0;
  for (uint8_t i = 1; i < FRAME - 1; i++) {
    sum += frame[i];
  }
  return (uint8_t)(0xFF - sum + 1);
}

static void ask() {
  while (sensor.available() > 0) {
    sensor.read();
  }
  sensor.write(READ_CO2, FRAME);
  received = 0;
  asked = true;
  askedAt = millis();
}

// True once, when a whole answer is there.
static bool answered() {
  while (received < FRAME && sensor.available() > 0) {
    uint8_t byte = (uint8_t)sensor.read();
    // An answer begins with 0xFF 0x86: anything before that is noise.
    bool fits = received > 1 || (received == 0 && byte == 0xFF) || (received == 1 && byte == 0x86);
    if (fits) {
      answer[received++] = byte;
    } else {
      received = 0;
    }
  }
  return received == FRAME;
}

static void publishCo2() {
  if (checksum(answer) != answer[FRAME - 1]) {
    Serial.println("The sensor's answer is damaged: look at its wires");
    return;
  }
  unsigned int ppm = answer[2] * 256u + answer[3];
  char message[16];
  snprintf(message, sizeof(message), "CO2:%u", ppm);
  connectionPublish(TOPIC, message, false);
}

void setup() {
  Serial.begin(115200);
  sensor.begin(9600);
  connectionBegin("air-quality", "Kitchen/AirQuality/status", nullptr, nullptr);
  Serial.printf("The sensor warms up for %lu s\n", WARM_UP_MS / 1000);
}

void loop() {
  static bool warm = false;
  bool connected = connectionLoop();
  warm = warm || millis() >= WARM_UP_MS;
  if (asked && answered()) {
    asked = false;
    publishCo2();
  } else if (asked && millis() - askedAt > ANSWER_MS) {
    asked = false;
    Serial.println("The sensor does not answer: are its Tx and Rx on D5 and D6?");
  }
  bool due = askedAt == 0 || millis() - askedAt >= EVERY_MS;
  if (warm && connected && !asked && due) {
    ask();
  }
}
