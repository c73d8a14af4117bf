// Servers that speak WebSocket and are no brokers, one by path; it says its port.
// `/foreign` ignores subprotocols, and `/picky` refuses them.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const [TEXT, BINARY, CLOSE] = [1, 2, 8];
const frame = (kind, ...bytes) => Buffer.from([0x80 | kind, bytes.length, ...bytes]);

// What each answers to the first frame.
const ANSWERS = {
  '/foreign': [],
  '/picky': [],
  '/silent': [],
  '/text': [frame(TEXT, 104, 105)],
  '/garbage': [frame(BINARY, 0xff, 0xff)],
  // CONNACK, then the close code 1011.
  '/leaves': [frame(BINARY, 0x20, 3, 0, 0, 0), frame(CLOSE, 0x03, 0xf3)],
};

const server = createServer();
server.on('upgrade', ({ url, headers }, socket) => {
  socket.on('error', () => {});
  const wanted = headers['sec-websocket-protocol'];
  if (!(url in ANSWERS) || (url === '/picky' && wanted)) {
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const accept = createHash('sha1').update(headers['sec-websocket-key'] + GUID).digest('base64');
  const granted = !wanted || url === '/foreign' ? '' : 'Sec-WebSocket-Protocol: mqtt\r\n';
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${granted}Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.once('data', () => socket.write(Buffer.concat(ANSWERS[url])));
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
