// What a program passes in, read field by field: each must be of its kind, and
// one that nobody knows is an error, since a misspelt option does nothing.

import { usage } from './errors.js';

const LONGEST = 2 ** 31 - 1; // What timers can wait, milliseconds.
const utf8 = new TextEncoder();
export const strict = new TextDecoder('utf-8', { fatal: true });

// What other clients call it.
const ELSEWHERE = {
  clean: 'cleanStart',
  cleanSession: 'cleanStart',
  keepAliveInterval: 'keepAlive',
  reconnectPeriod: 'reconnect.first',
  mqttVersion: 'protocolVersion',
  willMessage: 'will',
  rh: 'retainHandling',
};

// `name` should have been something else.
const wrong = (name, what, value) => {
  const given = Array.isArray(value)
    ? 'an array'
    : typeof value === 'number' || (typeof value === 'string' && value.length < 40)
      ? typeof value === 'string' ? `'${value}'` : value
      : typeof value;
  return usage(`${name} must be ${what}, and is ${given}`);
};

const kind = (what, is) => (value, name) => {
  if (is(value)) return value;
  throw wrong(name, what, value);
};

export const text = kind('a string', (value) => typeof value === 'string');
const truth = kind('true or false', (value) => typeof value === 'boolean');
const whole = (max) =>
  kind(`a whole number from 0 to ${max}`, (value) => Number.isInteger(value) && value >= 0 && value <= max);
const callable = kind('a function', (value) => typeof value === 'function');
const choice = (...words) => {
  const known = kind(`one of '${words.join("', '")}'`, (value) => words.includes(value));
  return (value, name) => words.indexOf(known(value, name));
};
const [byte, twoBytes, fourBytes, milliseconds] = [2 ** 8 - 1, 2 ** 16 - 1, 2 ** 32 - 1, LONGEST].map(whole);
const qos = whole(2);

export const bytes = (value, name, what = 'a string or a Uint8Array') => {
  if (typeof value === 'string') return utf8.encode(value);
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw wrong(name, what, value);
};

export const content = (payload) =>
  bytes(payload, 'the payload', 'a string or a Uint8Array (JSON.stringify makes a string of anything)');

// The values of a table's fields, in its order, in one array: those of an
// object within stand where it stands.
export const read = (table, given, name, values = []) => {
  given ??= {};
  if (typeof given !== 'object' || Array.isArray(given)) throw wrong(name, 'an object', given);
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(table, key)) continue;
    const names = Object.keys(table);
    const ours = names.find((one) => one.toLowerCase() === key.toLowerCase()) ?? ELSEWHERE[key];
    throw usage(
      `there is no ${name}.${key}` + (ours ? `: here it is called ${ours}` : `; there are: ${names.join(', ')}`),
    );
  }
  for (const [key, kind] of Object.entries(table)) {
    const value = given[key] ?? undefined;
    if (typeof kind === 'object') read(kind, value, `${name}.${key}`, values);
    else values.push(value === undefined ? undefined : kind(value, `${name}.${key}`));
  }
  return values;
};

// Properties of MQTT 5.0 (section 2.2.2), as they stand in packets.

const number = (length) => [
  [whole(2), whole(2 ** 8 - 1), whole(2 ** 16 - 1), , fourBytes][length],
  (value) => Array.from({ length }, (_, at) => (value >>> (8 * (length - 1 - at))) & 255),
  (view, at) => [length, view[`getUint${8 * length}`](at)],
];
const field = (value) => {
  if (value.length > 65_535) throw usage('a string or binary field of a property is longer than 65,535 bytes');
  return [value.length >> 8, value.length & 255, ...value];
};
const sized = (view, at) => new Uint8Array(view.buffer, view.byteOffset + at + 2, view.getUint16(at));
const worded = (view, at) => new TextDecoder().decode(sized(view, at));
const FLAG = [truth, (value) => [+value], (view, at) => [1, view.getUint8(at) === 1]];
const [BYTE, TWO, , FOUR] = [1, 2, 3, 4].map(number);
const TEXT = [(value, name) => utf8.encode(text(value, name)), field, (view, at) => [2 + view.getUint16(at), worded(view, at)]];
const DATA = [bytes, field, (view, at) => [2 + view.getUint16(at), sized(view, at).slice()]];

// By name: the identifier, and how a value is checked, written and read.
const PROPERTIES = {
  payloadFormatIndicator: [0x01, FLAG],
  messageExpiryInterval: [0x02, FOUR],
  contentType: [0x03, TEXT],
  responseTopic: [0x08, TEXT],
  correlationData: [0x09, DATA],
  sessionExpiryInterval: [0x11, FOUR],
  assignedClientIdentifier: [0x12, TEXT],
  serverKeepAlive: [0x13, TWO],
  authenticationMethod: [0x15, TEXT],
  authenticationData: [0x16, DATA],
  willDelayInterval: [0x18, FOUR],
  responseInformation: [0x1a, TEXT],
  serverReference: [0x1c, TEXT],
  reasonString: [0x1f, TEXT],
  receiveMaximum: [0x21, TWO],
  topicAliasMaximum: [0x22, TWO],
  maximumQoS: [0x24, BYTE],
  retainAvailable: [0x25, FLAG],
  maximumPacketSize: [0x27, FOUR],
  wildcardSubscriptionAvailable: [0x28, FLAG],
  subscriptionIdentifierAvailable: [0x29, FLAG],
  sharedSubscriptionAvailable: [0x2a, FLAG],
};
const NAMES = Object.entries(PROPERTIES).reduce((names, [name, [id]]) => ((names[id] = name), names), []);
const USER_PROPERTY = 0x26;

const userProperties = (value, name) => {
  const what = 'an array of [name, value], or an object of strings';
  if (value === null || typeof value !== 'object') throw wrong(name, what, value);
  const pairs = Array.isArray(value)
    ? value
    : Object.entries(value).flatMap(([key, one]) => [one].flat().map((each) => [key, each]));
  return pairs.flatMap((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2 || pair.some((one) => typeof one !== 'string')) {
      throw wrong(name, what, value);
    }
    return [USER_PROPERTY, ...pair.flatMap((one) => field(utf8.encode(one)))];
  });
};

// A kind of field: an object with these properties, and user properties.
const properties = (...names) => {
  const table = {};
  for (const one of names) {
    const [id, [check, write]] = PROPERTIES[one];
    table[one] = (value, name) => [id, ...write(check(value, name))];
  }
  table.userProperties = userProperties;
  return (value, name) => Uint8Array.from(read(table, value, name).flatMap((one) => one ?? []));
};

// What stands in a packet, as fields of an object; undefined if nothing does.
export const propertiesOf = (packed) => {
  if (packed.length === 0) return undefined;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const object = {};
  for (let at = 0; at < packed.length; ) {
    const id = view.getUint8(at++);
    if (id === USER_PROPERTY) {
      const pair = [worded(view, at)];
      at += 2 + view.getUint16(at);
      pair.push(worded(view, at));
      at += 2 + view.getUint16(at);
      (object.userProperties ??= []).push(pair);
      continue;
    }
    const name = NAMES[id];
    const [length, value] = PROPERTIES[name][1][2](view, at);
    object[name] = value;
    at += length;
  }
  return object;
};

// What the functions of the client take. The core reads the values in this
// order (src/js/options.rs).

const ofMessage = ['payloadFormatIndicator', 'messageExpiryInterval', 'contentType', 'responseTopic', 'correlationData'];
const BOUNDS = { messages: fourBytes, bytes: fourBytes };

const version = kind('5, 4 (3.1.1) or 3 (3.1)', (value) => value === 5 || value === 4 || value === 3);

export const CONNECT = {
  protocolVersion: version,
  clientId: text,
  namedByBroker: truth,
  username: text,
  password: bytes,
  credentials: callable,
  authenticator: { method: text, begin: callable, answer: callable, finish: callable },
  will: { topic: text, payload: bytes, qos, retain: truth, properties: properties(...ofMessage, 'willDelayInterval') },
  keepAlive: twoBytes,
  cleanStart: truth,
  properties: {
    sessionExpiryInterval: fourBytes,
    receiveMaximum: twoBytes,
    maximumPacketSize: fourBytes,
    topicAliasMaximum: twoBytes,
    requestResponseInformation: truth,
    requestProblemInformation: truth,
    userProperties: (value, name) => Uint8Array.from(userProperties(value, name)),
  },
  responseBase: text,
  connectTimeout: milliseconds,
  reconnect: { first: milliseconds, longest: milliseconds },
  offline: choice('refuse', 'queue'),
  queue: { ...BOUNDS, overflow: choice('refuse', 'dropOldest', 'dropNewest') },
  buffer: BOUNDS,
  backgroundTimer: truth,
};

export const SCRAM = { username: text, password: bytes };
export const STORE = { name: text, wait: truth };

const NONE = new Uint8Array();
const only = { properties: properties() };
const publishing = { qos, retain: truth, properties: properties(...ofMessage) };
const subscribing = { qos, noLocal: truth, retainAsPublished: truth, retainHandling: qos, ...only };
const CREDENTIALS = { username: text, password: bytes };
const END = { reasonCode: byte, properties: properties('sessionExpiryInterval', 'reasonString') };

// The flags of PUBLISH (section 3.3.1), and properties.
export const readPublishing = (options) => {
  if (options === undefined) return [0, NONE];
  const [level = 0, retain = false, packed = NONE] = read(publishing, options, 'options');
  return [(level << 1) | +retain, packed];
};

// The subscription options (section 3.8.3.1), and properties.
export const readSubscribing = (options) => {
  const [level = 0, noLocal = false, asPublished = false, handling = 0, packed = NONE] = read(subscribing, options, 'options');
  return [level | (noLocal << 2) | (asPublished << 3) | (handling << 4), packed];
};

export const readOnlyProperties = (options) => read(only, options, 'options')[0] ?? NONE;

export const readCredentials = (credentials, name) => read(CREDENTIALS, credentials, name);

export const readEnd = (options) => {
  const [reasonCode = 0, packed = NONE] = read(END, options, 'options');
  return [reasonCode, packed];
};
