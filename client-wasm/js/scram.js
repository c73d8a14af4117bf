// SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's end, as an authenticator.
// Programs in Rust have protocol's; here it takes a page a third of the room.

import { bytes, strict } from './fields.js';

// SHA-256 (FIPS 180-4): its constants are the first bits of what primes' roots
// have behind the point.
const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
const bitsOf = (root) => ((root % 1) * 2 ** 32) | 0;
const ROUNDS = primes.map((prime) => bitsOf(Math.cbrt(prime)));
const BEGIN = primes.slice(0, 8).map((prime) => bitsOf(Math.sqrt(prime)));

const turned = (x, n) => (x >>> n) | (x << (32 - n));
const schedule = new Int32Array(64);

// A state of eight words, and what it is behind one block more.
const compressed = (state, view, at) => {
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    if (i < 16) {
      schedule[i] = view.getInt32(at + 4 * i);
    } else {
      const [x, y] = [schedule[i - 15], schedule[i - 2]];
      schedule[i] =
        schedule[i - 16] + schedule[i - 7] +
        (turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)) + (turned(y, 17) ^ turned(y, 19) ^ (y >>> 10));
    }
    const one = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[i] + schedule[i];
    const other = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + other) | 0;
  }
  return [a, b, c, d, e, f, g, h].map((word, i) => (word + state[i]) | 0);
};

// The hash of data that stands behind so many bytes, which led to a state.
const hash = (data, state = BEGIN, before = 0) => {
  const padded = new Uint8Array((((data.length + 8) >> 6) + 1) * 64);
  padded.set(data);
  padded[data.length] = 128;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, (before + data.length) * 8);
  for (let at = 0; at < padded.length; at += 64) state = compressed(state, view, at);
  state.forEach((word, i) => view.setInt32(4 * i, word));
  return padded.slice(0, 32);
};

// HMAC (RFC 2104) with a key.
const signer = (key) => {
  const short = key.length > 64 ? hash(key) : key;
  const [inner, outer] = [0x36, 0x5c].map((byte) => {
    const block = new Uint8Array(64).fill(byte);
    short.forEach((one, i) => (block[i] ^= one));
    return compressed(BEGIN, new DataView(block.buffer), 0);
  });
  return (data) => hash(hash(bytes(data), inner, 64), outer, 64);
};

const mixed = (one, other) => one.map((byte, i) => byte ^ other[i]);

// PBKDF2 (RFC 8018, section 5.2), one block.
const salted = (password, salt, iterations) => {
  const sign = signer(password);
  let last = sign(Uint8Array.of(...salt, 0, 0, 0, 1));
  let sum = last;
  while (--iterations) sum = mixed(sum, (last = sign(last)));
  return sum;
};

const toBase64 = (data) => btoa(String.fromCharCode(...data));
const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** The authenticator of a user name and a password, which may be bytes. */
export const scramWith = (username, password) => {
  let nonce;
  let bare;
  let verifier;
  return {
    method: 'SCRAM-SHA-256',
    begin: () => {
      nonce = toBase64(crypto.getRandomValues(new Uint8Array(18)));
      bare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
      verifier = undefined;
      return `n,,${bare}`;
    },
    answer: (challenge) => {
      const first = strict.decode(challenge);
      if (first.startsWith('m=')) throw 'mandatory SCRAM extension';
      const [, whole, salt, count] = /^r=([!-+\--~]+),s=([A-Za-z\d+/=]*),i=(\d+)(?:,|$)/.exec(first) ?? [];
      if (bare === undefined) throw 'SCRAM message out of turn';
      if (count === undefined) throw 'malformed SCRAM message';
      // Without something of the broker's in it, an old exchange could be
      // played again.
      if (!whole.startsWith(nonce) || whole === nonce) throw 'wrong nonce';
      // Fewer are not safe, and a hostile broker must not stop a page for long.
      if (!(count >= 4096 && count <= 600_000)) throw 'fewer iterations than are safe, or more than anybody needs';
      const key = salted(password, fromBase64(salt), +count);
      const clientKey = signer(key)('Client Key');
      const last = `c=biws,r=${whole}`;
      const exchange = `${bare},${first},${last}`;
      bare = undefined;
      verifier = `v=${toBase64(signer(signer(key)('Server Key'))(exchange))}`;
      return `${last},p=${toBase64(mixed(clientKey, signer(hash(clientKey))(exchange)))}`;
    },
    finish: (data) => {
      const last = strict.decode(data);
      if (verifier === undefined) throw 'SCRAM message out of turn';
      if (last.startsWith('e=')) throw last.slice(2, 102);
      if (last.split(',')[0] !== verifier) throw 'the server cannot prove that it knows the password';
    },
  };
};
