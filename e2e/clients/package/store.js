// A program with a store, to be killed at any moment. It publishes without an
// end, and writes down all that it is given, in a database of its own:
//
//   got     by number: what was received
//   acked   what was published and acknowledged
//   left    what an earlier page had stored and not yet got rid of
//   wrong   what must not be

import { connect } from './package/index.js';

const STORE = 'killed';

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const opening = indexedDB.open('notes');
opening.onupgradeneeded = () => {
  for (const name of ['got', 'acked', 'left', 'wrong']) opening.result.createObjectStore(name);
};
const notes = await done(opening);

const committed = (transaction) => new Promise((resolve) => (transaction.oncomplete = resolve));

const note = (name, ...texts) => {
  const transaction = notes.transaction(name, 'readwrite');
  for (const text of texts) transaction.objectStore(name).put('', text);
  return committed(transaction);
};

const wrong = (what) => note('wrong', String(what));

// What is kept, as a program should: the number and what is made of the message
// in one transaction.
const keep = (message) => {
  const transaction = notes.transaction('got', 'readwrite');
  const got = transaction.objectStore('got');
  const known = got.get(message.number);
  known.onsuccess = () => {
    if (known.result === undefined) got.put(message.text(), message.number);
    else if (known.result !== message.text() || !message.dup) wrong(`${message.number} was ${known.result}`);
  };
  return committed(transaction);
};

// The records of a client's own store.
export const records = async (store = STORE) => {
  const name = `mqtt/${store}`;
  const known = await indexedDB.databases();
  if (!known.some((one) => one.name === name)) return { keys: [], texts: [] };
  const database = await done(indexedDB.open(name));
  const all = database.transaction('records').objectStore('records');
  const [keys, values] = await Promise.all([done(all.getAllKeys()), done(all.getAll())]);
  database.close();
  const texts = values.map((value) => /out-.*$/.exec(new TextDecoder().decode(value))?.[0]);
  return { keys, texts: texts.filter(Boolean) };
};

const begin = async (url, reconnect) => {
  const client = await connect(url, {
    store: { name: STORE, wait: true },
    offline: 'queue',
    waitForConnection: false,
    reconnect,
  });
  client.on('error', (error) => ['connectionLost', 'unreachable'].includes(error.kind) || wrong(error.message));
  client.subscribe('in', { qos: 2, onMessage: keep }).catch(wrong);
  return client;
};

/** A life that only ends by being killed. */
export const live = async (url, life) => {
  await note('left', ...(await records()).texts);
  // One connection, at the end of which it is killed.
  const client = await begin(url, { first: 1e6, longest: 1e6 });
  let count = 0;
  const publish = async () => {
    for (;;) {
      const qos = count % 4 ? 2 : 1;
      const text = `out-${qos}-${life}-${count++}`;
      await client.publish('out', text, { qos });
      note('acked', text);
    }
  };
  for (let at = 0; at < 6; at++) publish().catch(wrong);
};

/** The last one: gives what was noted, when `count` texts have come and all has been sent. */
export const last = async (url, count) => {
  await note('left', ...(await records()).texts);
  const client = await begin(url, { first: 20, longest: 50 });
  const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
  const got = async () => {
    const all = notes.transaction('got').objectStore('got');
    return done(all.getAll());
  };
  while (new Set(await got()).size < count) await pause();
  while ((await records()).keys.length > 1) await pause();
  await client.end();
  const noted = (name) => done(notes.transaction(name).objectStore(name).getAllKeys());
  const [acked, left, mistakes] = await Promise.all(['acked', 'left', 'wrong'].map(noted));
  return { got: await got(), acked, left, wrong: mistakes };
};

const [url, life] = ['broker', 'life'].map((name) => new URLSearchParams(location.search).get(name));
if (life) live(url, life).catch(wrong);
