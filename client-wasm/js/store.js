// A place for what is on its way: records under numbers in IndexedDB, and a Web
// Lock, so that only one client has them at a time. What they are is
// src/journal/record.rs's affair.

const VERSION = 1;
const RECORDS = 'records';
// A page that is on its way out, or was killed, holds its lock a little longer.
const GRACE = 2000;
// The keys of handshakes: of all that has a packet identifier.
const HANDSHAKES = [1, 2 ** 51 - 1];

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

// Gives what lets the lock go.
const lock = (name, waits) =>
  new Promise((resolve, reject) => {
    const signal = waits ? undefined : AbortSignal.timeout(GRACE);
    const held = () => new Promise((release) => resolve(release));
    navigator.locks.request(name, { signal }, held).catch((error) => {
      reject(signal?.aborted ? Object.assign(new Error('it is in use'), { name: 'InUse' }) : error);
    });
  });

const database = async (name) => {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => request.result.createObjectStore(RECORDS);
  try {
    return await done(request);
  } catch (error) {
    if (error.name !== 'VersionError') throw error;
    throw new Error('a newer version of this client has written it, in a format of its own');
  }
};

export const open = async (store, waits) => {
  if (!globalThis.indexedDB) throw new Error('there is no IndexedDB here');
  if (!globalThis.navigator?.locks) {
    throw new Error(
      'there are no Web Locks here, without which two tabs could damage it: browsers have them for pages that come over https or from localhost',
    );
  }
  const name = `mqtt/${store}`;
  const release = await lock(name, waits);
  try {
    const records = await database(name);
    const all = records.transaction(RECORDS).objectStore(RECORDS);
    const [keys, values] = await Promise.all([done(all.getAllKeys()), done(all.getAll())]);
    return {
      keys,
      values,
      // Writes what has a value and deletes what has none, all or nothing.
      commit: (keys, values) =>
        new Promise((resolve, reject) => {
          // What the system has, no crash of a page or of the browser loses.
          const transaction = records.transaction(RECORDS, 'readwrite', { durability: 'relaxed' });
          const all = transaction.objectStore(RECORDS);
          transaction.oncomplete = () => resolve();
          transaction.onabort = () => reject(transaction.error);
          keys.forEach((key, at) => {
            if (values[at]) all.put(values[at], key);
            else all.delete(key < 0 ? IDBKeyRange.bound(...HANDSHAKES) : key);
          });
        }),
      // What is being written still is; whoever comes next reads after that.
      close: () => {
        records.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
};
