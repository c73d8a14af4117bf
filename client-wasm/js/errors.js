// What the core's errors come to: their kinds, their words, and advice. The
// core says no more than which error it is and what is known of it, since words
// take less room here.

/** What went wrong; `kind` tells errors apart. */
export class MqttError extends Error {
  constructor(message, fields) {
    super(message);
    this.name = 'MqttError';
    Object.assign(this, fields);
  }
}

// The caller's, about what was passed in.
export const usage = (message) => new MqttError(message, { kind: 'usage', by: 'caller' });

// What an exception says.
export const wordsOf = (error) =>
  error?.message ?? (typeof error === 'string' ? error : 'it threw something without a message');

// Nothing came back. A browser does not tell a page why; its console often
// tells the user.
const aboutAddress = ({ url }) => {
  const [, scheme, host, port, path] = /^(\w*):\/\/(\[[^\]]*\]|[^:/?#]*)(?::(\d+))?(.*)/.exec(url) ?? ['', '', url, '', ''];
  if (port === '1883' || port === '8883') {
    return (
      `port ${port} is for MQTT over TCP, which browsers do not speak: use the broker's port for WebSockets ` +
      '(often 9001, 8083 or 8084; in mosquitto.conf: `listener 9001`, then `protocol websockets`)'
    );
  }
  let advice = "look into the browser's console, which often says more";
  if (scheme === 'wss') {
    advice += `; open https://${host}${port ? `:${port}` : ''}/ in this browser: if it warns of the certificate, that is the reason`;
  }
  return path === '' || path === '/' ? `${advice}; many brokers want the path /mqtt` : advice;
};

// The browser does not even try.
const aboutRefusal = ({ url }, words) => {
  if (words.includes('is not defined')) {
    return 'this JavaScript has no WebSocket: Node has one from version 22 on, and before that with --experimental-websocket';
  }
  return url.startsWith('ws:')
    ? 'a page that came over https may only use wss: (mixed content); give the broker a certificate, or load the page over http'
    : 'the address must begin with ws:// or wss://';
};

// What the reason codes of failures mean (table 2-6), from 0x80 on.
const REASON_TEXTS =
  'unspecified error|malformed packet|protocol error|implementation specific error|unsupported protocol version|client identifier not valid|bad user name or password|not authorised|server unavailable|server busy|banned|server shutting down|bad authentication method|keep alive timeout|session taken over|topic filter invalid|topic name invalid|packet identifier in use|packet identifier not found|receive maximum exceeded|topic alias invalid|packet too large|message rate too high|quota exceeded|administrative action|payload format invalid|retain not supported|QoS not supported|use another server|server moved|shared subscriptions not supported|connection rate exceeded|maximum connect time|subscription identifiers not supported|wildcard subscriptions not supported'.split('|');

const OPERATIONS = ['connect', 'publish', 'subscribe', 'unsubscribe'];

// By operation and reason code, or the code of a DISCONNECT alone.
const REASONS = {
  connect134: "check user name and password against the broker's password file",
  connect135: 'check user name and password: the broker wants some or others, or does not let this user in',
  connect132: 'the broker speaks an older MQTT: try version 3.1.1',
  connect133: 'leave the client identifier out, or take letters and digits only',
  connect140: 'the broker does not know this method: log in with user name and password',
  publish135: "the broker's access list (acl_file) does not give this topic to this user",
  subscribe135: "the broker's access list (acl_file) does not give this topic to this user",
  142: 'another client has the same client identifier: give each its own, or none',
  149: 'a message is larger than the broker takes',
};

const textOf = (code) => REASON_TEXTS[code - 128] ?? 'success';

// The broker's code, and its words if it has any.
const said = ({ reasonCode, properties }) =>
  textOf(reasonCode) + (properties?.reasonString ? ` (${properties.reasonString})` : '');

// By number, as the core has them (src/js/errors.rs): the kind, whose doing it
// was, the name of the number that belongs to it, what it says, and advice.
const ERRORS = [
  ['unreachable', 'network', , ({ url }) => `cannot reach ${url}: no broker listens there, it does not speak MQTT over WebSocket, the network is down, or (wss) its certificate is not trusted`, aboutAddress],
  ['blocked', 'browser', , ({ url }, words) => `the browser refuses to connect to ${url}: ${words}`, aboutRefusal],
  ['options', 'caller', , (_, words) => `CONNECT cannot be sent: ${words}`],
  ['connectTimeout', 'network', 'timeout', ({ url, timeout }) => `no answer from ${url} within ${timeout} ms`, aboutAddress],
  ['refused', 'broker', , (e) => `the broker refuses to ${e.operation}: ${said(e)}`, (e) => REASONS[e.operation + e.reasonCode]],
  ['disconnected', 'broker', , (e) => `the broker ended the connection: ${said(e)}`, (e) => REASONS[e.reasonCode]],
  ['connectionLost', 'network', 'closeCode', (e) => `the connection was lost (WebSocket close code ${e.closeCode})`, (e) => e.closeCode === 1006 && 'the broker was stopped, or the network was cut'],
  ['keepAliveTimeout', 'network', , 'the broker does not answer any more'],
  ['protocolViolation', 'broker', , (_, __, code) => `the broker broke the protocol: ${textOf(code)}`],
  ['protocolViolation', 'broker', , 'the broker broke the protocol: a text frame, where MQTT needs binary ones', 'something that is no MQTT broker may listen there'],
  ['notConnected', 'caller', , 'not connected', 'wait for the connection, or let messages wait for it: see the option `offline`'],
  ['queueFull', 'caller', , 'too many messages wait to be sent', 'wait for the outcome of a publish before the next one, or choose what is dropped: see the option for overflow'],
  ['dropped', 'caller', , 'it waited to be sent, and gave way to others: the queue was full'],
  ['expired', 'network', , 'the message expired before it could be sent'],
  ['tooLarge', 'caller', , 'larger than the broker accepts'],
  ['qosNotSupported', 'caller', , 'the broker does not support this QoS'],
  ['retainNotSupported', 'caller', , 'the broker does not support retained messages'],
  ['sessionLost', 'broker', , 'the session was lost in the middle of a QoS 2 handshake'],
  ['nobodyThere', 'network', , 'nobody is there to answer'],
  ['noAnswer', 'network', 'timeout', ({ timeout }) => `no answer within ${timeout} ms`],
  ['needsVersion5', 'caller', , 'requests need MQTT 5.0', 'connect with version 5'],
  ['authentication', 'broker', , (_, words) => `cannot authenticate: ${words}`],
  ['credentials', 'caller', , (_, words) => `no credentials to connect with: ${words}`],
  ['goodbye', 'caller', , (_, words) => `DISCONNECT cannot be sent: ${words}`],
  ['topic', 'caller', , (_, words) => `no topic name or filter: ${words}`],
  ['ended', 'caller', , 'ended'],
  ['store', 'browser', , (_, words) => `the store cannot be used: ${words}`],
  ['storeInUse', 'caller', , 'the store is in use, by another tab or by another client of this one', 'give each its own, or let it wait: store: { name, wait: true }'],
  ['storeFull', 'browser', , 'the browser gives the store no more room', 'publish less while there is no connection, or call navigator.storage.persist()'],
  ['wrongSubprotocol', 'broker', , ({ url }) => `a server at ${url} speaks WebSocket, but not with the subprotocol mqtt`, "no MQTT broker has this path: use the broker's own, often /mqtt; a proxy before it must pass Sec-WebSocket-Protocol on"],
];

const filled = (text, ...known) => (typeof text === 'function' ? text(...known) : text);

// `number` is the operation, as a place in OPERATIONS, of what was refused.
export const errorOf = (which, url, words, number, reasonCode, properties) => {
  const [kind, by, name, text, advise] = ERRORS[which];
  const error = { kind, by };
  if (url) error.url = url;
  if (name) error[name] = number;
  if (kind === 'refused') error.operation = OPERATIONS[number];
  if (reasonCode) Object.assign(error, { reasonCode, properties });
  const message = filled(text, error, words, number);
  const advice = filled(advise, error, words);
  if (!advice) return new MqttError(message, error);
  return new MqttError(`${message}. Advice: ${advice}`, { ...error, advice });
};
