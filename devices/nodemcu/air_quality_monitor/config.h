// The only lines to change. The same file serves all five sketches.
#pragma once

// Your Wi-Fi. The ESP8266 knows 2.4 GHz networks only.
#define WIFI_NAME "your Wi-Fi's name"
#define WIFI_PASSWORD "your Wi-Fi's password"

// The computer that runs the broker: `cargo xtask start` shows its address.
#define BROKER_HOST "192.168.1.20"
#define BROKER_PORT 1883

// Only for a broker that asks for a name and a password; "" otherwise.
#define BROKER_USER ""
#define BROKER_PASSWORD ""
