// The face of the client: what JavaScript does better than Rust. The rest is
// in core.js, which wasm-bindgen makes of src/js.

import start, { RawClient, install } from './core.js';
import { MqttError, errorOf, usage, wordsOf } from './errors.js';
import {
  CONNECT,
  SCRAM,
  STORE,
  bytes,
  content,
  propertiesOf,
  read,
  readCredentials,
  readEnd,
  readOnlyProperties,
  readPublishing,
  readSubscribing,
  strict,
  text,
} from './fields.js';
import { scramWith } from './scram.js';

export { MqttError, start };

/** A message that was received. */
export class Message {
  #text;

  constructor(topic, payload, flags, properties = {}, number) {
    this.topic = topic;
    this.payload = payload;
    this.qos = (flags >> 1) & 3;
    this.retain = (flags & 1) === 1;
    this.dup = (flags & 8) === 8;
    this.properties = properties;
    if (number !== undefined) this.number = number;
  }

  text() {
    return (this.#text ??= strict.decode(this.payload));
  }

  json() {
    return JSON.parse(this.text());
  }

  toString() {
    return new TextDecoder().decode(this.payload);
  }
}

class Emitter {
  #listeners = new Map();

  on(name, listener) {
    if (typeof listener !== 'function') throw usage(`the listener of '${name}' must be a function`);
    const known = this.#listeners.get(name);
    this.#listeners.set(name, known ? [...known, listener] : [listener]);
    return this;
  }

  once(name, listener) {
    const wrapper = (...detail) => {
      this.off(name, wrapper);
      return listener(...detail);
    };
    wrapper.listener = listener;
    return this.on(name, wrapper);
  }

  off(name, listener) {
    const known = this.#listeners.get(name) ?? [];
    const at = known.findLastIndex((one) => one === listener || one.listener === listener);
    if (at >= 0) this.#listeners.set(name, known.toSpliced(at, 1));
    return this;
  }

  _hears(name) {
    return (this.#listeners.get(name)?.length ?? 0) > 0;
  }

  // What a listener throws is reported as an uncaught exception is, and keeps
  // nobody else from hearing. Gives what listeners promise.
  _emit(name, ...detail) {
    let promises;
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        const given = listener(...detail);
        if (typeof given?.then === 'function') (promises ??= []).push(given);
      } catch (error) {
        report(error);
      }
    }
    return promises;
  }
}

const report = (error) =>
  setTimeout(() => {
    throw error;
  });

/** The messages of one subscription. */
export class Subscription extends Emitter {
  #client;
  #raw;
  #isPumping = false;
  #isIterated = false;
  #taking;

  constructor(client, raw, filter) {
    super();
    this.#client = client;
    this.#raw = raw;
    this.filter = filter;
    const { reasonCode, properties } = raw.granted;
    this.qos = reasonCode;
    this.properties = properties;
  }

  get missed() {
    return this.#raw.missed;
  }

  on(name, listener) {
    super.on(name, listener);
    this._flow();
    return this;
  }

  // Reads by itself while somebody listens, and nobody iterates.
  async _flow() {
    const isHeard = () => this._hears('message') || this.#client._hears('message');
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (isHeard() && !this.#isIterated) {
      const message = this.#take();
      if (message === null) break;
      if (message === undefined) await this.#raw.ready();
      if (this.#taking) await this.#taking;
    }
    this.#isPumping = false;
  }

  #take() {
    const message = this.#raw.take();
    if (message) {
      const own = this._emit('message', message.topic, message);
      const whole = this.#client._emit('message', message.topic, message);
      // One that is stored is taken when they are kept.
      if (message.number !== undefined) {
        const promises = [own, whole].flat().filter(Boolean);
        this.#taking = promises.length && Promise.all(promises.map((one) => one.then(null, report)));
      }
    } else if (message === null) {
      this.#client._forget(this);
    }
    return message;
  }

  async next() {
    this.#isIterated = true;
    for (;;) {
      if (this.#taking) await this.#taking;
      const message = this.#take();
      if (message) return { done: false, value: message };
      if (message === null) return { done: true, value: undefined };
      await this.#raw.ready();
    }
  }

  async return() {
    await this.unsubscribe();
    return { done: true, value: undefined };
  }

  async unsubscribe() {
    this.#client._forget(this);
    return this.#raw.unsubscribe();
  }

  [Symbol.asyncIterator]() {
    this.#isIterated = true;
    return this;
  }
}

/** A client: it connects, and connects again, until it is ended. */
export class Client extends Emitter {
  #raw;
  // They are read though the program keeps none of them.
  #subscriptions = new Set();
  #state = 'first';
  #first;

  constructor(raw) {
    super();
    this.#raw = raw(this.#listener());
    this.#first = new Promise((resolve, reject) => {
      this.once('connect', resolve);
      this.once('error', reject);
      this.once('end', () => reject(usage('the client was ended before it was connected')));
    });
    // Whoever waits for it hears it.
    this.#first.catch(() => {});
  }

  // What the core tells of the connection.
  #listener() {
    return {
      connecting: () => {
        if (this.#state === 'first') this.#state = 'connecting';
        else this._emit('reconnect');
      },
      connected: (sessionPresent, clientId, packed) => {
        this.#state = 'connected';
        this._emit('connect', { sessionPresent, clientId, properties: propertiesOf(packed) ?? {} });
      },
      disconnected: (error, retryIn) => {
        const wasConnected = this.#state === 'connected';
        this.#state = 'offline';
        if (error) this._emit('error', error);
        this._emit('close', { ...(error && { error }), ...(retryIn !== undefined && { retryIn }) });
        if (retryIn === undefined) this._emit('end');
        else if (wasConnected) this._emit('offline');
      },
      // A subscription, by its filter, or what an earlier page has published.
      refused: (what, error) => {
        error[typeof what === 'string' ? 'filter' : 'packet'] = what;
        this._emit('error', error);
      },
    };
  }

  _ready() {
    return this.#first;
  }

  _forget(subscription) {
    this.#subscriptions.delete(subscription);
  }

  get connected() {
    return this.#raw.connected;
  }

  get clientId() {
    return this.#raw.client_id;
  }

  on(name, listener) {
    super.on(name, listener);
    if (name === 'message') for (const subscription of this.#subscriptions) subscription._flow();
    return this;
  }

  async publish(topic, payload, options) {
    const told = this.#raw.publish(text(topic, 'the topic'), content(payload), ...readPublishing(options));
    return told ?? { reasonCode: 0, properties: {} };
  }

  async request(topic, payload, { timeout = 10_000, ...options } = {}) {
    if (!(Number.isInteger(timeout) && timeout >= 0 && timeout < 2 ** 31)) {
      throw usage('options.timeout must be milliseconds');
    }
    return this.#raw.request(text(topic, 'the topic'), content(payload), ...readPublishing(options), timeout);
  }

  async answer(request, payload, options = {}) {
    const { responseTopic, correlationData } = request.properties;
    if (responseTopic === undefined) throw usage('this message asks for no answer: it has no responseTopic');
    const properties = { correlationData, ...options.properties };
    return this.publish(responseTopic, payload, { qos: request.qos, ...options, properties });
  }

  async subscribe(filter, { onMessage, ...options } = {}) {
    const raw = await this.#raw.subscribe(text(filter, 'the topic filter'), ...readSubscribing(options));
    const subscription = new Subscription(this, raw, filter);
    this.#subscriptions.add(subscription);
    if (onMessage !== undefined) subscription.on('message', (_, message) => onMessage(message));
    else if (this._hears('message')) subscription._flow();
    return subscription;
  }

  async unsubscribe(filter, options) {
    return this.#raw.unsubscribe(text(filter, 'the topic filter'), readOnlyProperties(options));
  }

  async reauthenticate() {
    return this.#raw.reauthenticate();
  }

  setCredentials(credentials) {
    this.#raw.set_credentials(...readCredentials(credentials, 'credentials'));
  }

  reconnect() {
    this.#raw.reconnect();
  }

  async end(options) {
    await this.#raw.end(...readEnd(options));
  }

  _answerChallenge(data) {
    this.#raw.answer_challenge(bytes(data, 'the answer'));
  }
}

// Engines without explicit resource management do without.
if (Symbol.asyncDispose) {
  Client.prototype[Symbol.asyncDispose] = function () {
    return this.end();
  };
  Subscription.prototype[Symbol.asyncDispose] = function () {
    return this.unsubscribe();
  };
}

let loading;

// Compiles the wasm, once.
const load = (compile) =>
  (loading ??= compile().then(() => {
    install({
      message: (topic, payload, flags, packed, number) =>
        new Message(topic, payload, flags, propertiesOf(packed), number),
      acknowledgement: (reasonCode, packed) => ({ reasonCode, properties: propertiesOf(packed) ?? {} }),
      error: (which, url, words, number, reasonCode, packed) =>
        errorOf(which, url, words, number, reasonCode, propertiesOf(packed)),
    });
  }));

// Opens a store, with the module that knows how.
const openStore = async (load, store) => {
  const [name, wait = false] = read(STORE, typeof store === 'string' ? { name: store } : store, 'options.store');
  if (!name) throw usage('options.store needs a name');
  try {
    return await (await load()).open(name, wait);
  } catch (error) {
    throw errorOf({ InUse: 27, QuotaExceededError: 28 }[error.name] ?? 26, '', wordsOf(error));
  }
};

/**
 * `connect`, for a module that knows how to compile the wasm, and how to load
 * store.js.
 */
export const connectWith = (compile, loadStore) => async (url, options = {}) => {
  try {
    await load(compile);
  } catch (error) {
    loading = undefined;
    throw new MqttError(
      `the client's wasm cannot be loaded: ${error.message}. Advice: serve the .wasm file beside the script, ` +
        "and allow 'wasm-unsafe-eval' in script-src of the page's Content-Security-Policy",
      { kind: 'load', by: 'browser', cause: error },
    );
  }
  const { waitForConnection = true, store, ...rest } = options;
  let client;
  const values = read(CONNECT, prepared(rest, () => client), 'options');
  const opened = store === undefined ? undefined : await openStore(loadStore, store);
  try {
    client = new Client((listener) => new RawClient(String(url), values, listener, opened));
  } catch (error) {
    opened?.close();
    throw error;
  }
  if (waitForConnection) {
    try {
      await client._ready();
    } catch (error) {
      await client.end();
      throw error;
    }
  }
  return client;
};

// Options whose functions give what the core takes: bytes or nothing, and words
// when they throw.
const prepared = ({ will, scram, credentials, authenticator, ...rest }, client) => {
  const needs = (whole, name, ...fields) => {
    if (whole && fields.some((field) => whole[field] == null)) throw usage(`options.${name} needs ${fields.join(' and ')}`);
    return whole;
  };
  const guarded = (action) => (...given) => {
    try {
      const data = action(...given);
      return data == null ? undefined : bytes(data, 'what the authenticator gives');
    } catch (error) {
      throw wordsOf(error);
    }
  };
  if (typeof credentials === 'function') {
    const ask = credentials;
    credentials = async () => {
      try {
        return readCredentials(await ask(), 'the answer of options.credentials');
      } catch (error) {
        throw wordsOf(error);
      }
    };
  }
  if (needs(scram, 'scram', 'username', 'password')) authenticator = scramWith(...read(SCRAM, scram, 'options.scram'));
  if (typeof needs(authenticator, 'authenticator', 'method', 'answer')?.answer === 'function') {
    const { begin, answer, finish, ...others } = authenticator;
    authenticator = {
      ...others,
      begin: guarded(() => begin?.()),
      // The core takes an answer at once, or later: not a promise.
      answer: guarded((challenge) => {
        const data = answer(challenge);
        if (typeof data?.then !== 'function') return data;
        data
          .then((later) => client()._answerChallenge(later))
          .catch((error) => client()._emit('error', error));
      }),
      finish: guarded((last) => void finish?.(last)),
    };
  }
  return {
    ...rest,
    credentials,
    authenticator,
    will: needs(will, 'will', 'topic'),
  };
};
