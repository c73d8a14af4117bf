// Wi-Fi and MQTT that come back by themselves. The same file serves all five
// sketches; there is nothing to change in it.
//
// A sketch calls connectionBegin() in setup() and connectionLoop() in loop(),
// as often as it can: nothing else may wait, so no delay() there.
#pragma once

#include <ESP8266WiFi.h>
#include <PubSubClient.h>

#include "config.h"

typedef void (*ConnectedHandler)();
typedef void (*MessageHandler)(const char* topic, const char* message);

static WiFiClient connectionSocket;
static PubSubClient connectionMqtt(connectionSocket);
static char connectionClientId[32];
static const char* connectionStatusTopic = nullptr;
static ConnectedHandler connectionOnConnected = nullptr;
static MessageHandler connectionOnMessage = nullptr;
static bool connectionHadWifi = false;
static unsigned long connectionLastTry = 0;
static unsigned long connectionWait = 0;

static const unsigned long CONNECTION_FIRST_WAIT_MS = 1000;
static const unsigned long CONNECTION_LONGEST_WAIT_MS = 30000;
static const size_t CONNECTION_LONGEST_TOPIC = 64;
static const size_t CONNECTION_LONGEST_MESSAGE = 64;

// PubSubClient lends its own buffer, which the next publish overwrites, and the
// message in it has no end mark: handlers get copies. A message that is too long
// for this sketch is none that it understands, so it is left out, never cut.
static void connectionReceive(char* topic, uint8_t* payload, unsigned int length) {
  char topicCopy[CONNECTION_LONGEST_TOPIC + 1];
  char messageCopy[CONNECTION_LONGEST_MESSAGE + 1];
  if (strlen(topic) > CONNECTION_LONGEST_TOPIC || length > CONNECTION_LONGEST_MESSAGE) {
    return;
  }
  strcpy(topicCopy, topic);
  memcpy(messageCopy, payload, length);
  messageCopy[length] = '\0';
  if (connectionOnMessage != nullptr) {
    connectionOnMessage(topicCopy, messageCopy);
  }
}

// `name` tells this device from the others; the chip's own number is added, so
// that two boards with the same sketch do not push each other out.
// `statusTopic` will read "online" while the board is there, and "offline" when
// it is gone: the broker says that in its place. nullptr for none.
// `onConnected` is called after every connection, the place to subscribe.
inline void connectionBegin(const char* name, const char* statusTopic,
                            ConnectedHandler onConnected, MessageHandler onMessage) {
  snprintf(connectionClientId, sizeof(connectionClientId), "%.20s-%06x", name,
           (unsigned int)ESP.getChipId());
  connectionStatusTopic = statusTopic;
  connectionOnConnected = onConnected;
  connectionOnMessage = onMessage;

  WiFi.persistent(false);  // the flash memory wears out when it is written at every start
  WiFi.mode(WIFI_STA);
  WiFi.setAutoReconnect(true);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);

  connectionSocket.setTimeout(3000);
  connectionMqtt.setSocketTimeout(3);
  connectionMqtt.setKeepAlive(15);
  connectionMqtt.setServer(BROKER_HOST, BROKER_PORT);
  connectionMqtt.setCallback(connectionReceive);
  Serial.printf("\nI am %s. Joining the Wi-Fi \"%s\"\n", connectionClientId, WIFI_NAME);
}

// PubSubClient's state(), in words.
inline const char* connectionProblem(int state) {
  switch (state) {
    case MQTT_CONNECTION_TIMEOUT: return "the broker does not answer";
    case MQTT_CONNECTION_LOST: return "the connection was lost";
    case MQTT_CONNECT_FAILED: return "nobody answers at that address and port";
    case MQTT_CONNECT_BAD_CLIENT_ID: return "the broker refuses the client id";
    case MQTT_CONNECT_UNAVAILABLE: return "the broker is not ready";
    case MQTT_CONNECT_BAD_CREDENTIALS: return "wrong user or password";
    case MQTT_CONNECT_UNAUTHORIZED: return "the broker does not let this device in";
    default: return "the connection failed";
  }
}

inline bool connectionTry() {
  const char* user = strlen(BROKER_USER) > 0 ? BROKER_USER : nullptr;
  const char* password = user != nullptr ? BROKER_PASSWORD : nullptr;
  if (connectionStatusTopic == nullptr) {
    return connectionMqtt.connect(connectionClientId, user, password);
  }
  if (!connectionMqtt.connect(connectionClientId, user, password, connectionStatusTopic, 1, true,
                              "offline")) {
    return false;
  }
  connectionMqtt.publish(connectionStatusTopic, "online", true);
  return true;
}

// Keeps the connection, or tries for one, less and less often. True while there
// is one.
inline bool connectionLoop() {
  if (WiFi.status() != WL_CONNECTED) {
    if (connectionHadWifi) {
      Serial.println("The Wi-Fi is gone, waiting for it");
    }
    connectionHadWifi = false;
    connectionWait = 0;
    return false;
  }
  if (!connectionHadWifi) {
    connectionHadWifi = true;
    Serial.printf("In the Wi-Fi as %s\n", WiFi.localIP().toString().c_str());
  }
  if (connectionMqtt.loop()) {
    return true;
  }
  // Differences of unsigned times are right even when millis() starts again from
  // zero, after 50 days.
  if (connectionWait > 0 && millis() - connectionLastTry < connectionWait) {
    return false;
  }
  Serial.printf("Connecting to the broker at %s:%d\n", BROKER_HOST, BROKER_PORT);
  bool connected = connectionTry();
  connectionLastTry = millis();
  if (!connected) {
    connectionWait = connectionWait == 0 ? CONNECTION_FIRST_WAIT_MS : connectionWait * 2;
    if (connectionWait > CONNECTION_LONGEST_WAIT_MS) {
      connectionWait = CONNECTION_LONGEST_WAIT_MS;
    }
    // Boards that lost the broker together do not all return in the same moment.
    connectionWait += random(connectionWait / 4);
    Serial.printf("Not connected: %s. Trying again in %lu s\n",
                  connectionProblem(connectionMqtt.state()), (connectionWait + 999) / 1000);
    return false;
  }
  Serial.println("Connected to the broker");
  // A broker that lets us in and throws us out again is not to be asked at once.
  connectionWait = CONNECTION_FIRST_WAIT_MS;
  if (connectionOnConnected != nullptr) {
    connectionOnConnected();
  }
  return true;
}

// Publishes when there is a connection; says on the serial monitor what it did.
inline bool connectionPublish(const char* topic, const char* message, bool retained) {
  bool sent = connectionMqtt.connected() && connectionMqtt.publish(topic, message, retained);
  Serial.printf("%s %s%s\n", topic, message, sent ? "" : "  (not sent)");
  return sent;
}

// Subscribes with QoS 1: the broker repeats what did not arrive.
inline void connectionSubscribe(const char* topic) {
  if (!connectionMqtt.subscribe(topic, 1)) {
    Serial.printf("Subscribing to %s failed\n", topic);
  }
}
