// For Node: the wasm is read from the package.

import { readFile } from 'node:fs/promises';
import { connectWith, start } from './client.js';

export { Client, Message, MqttError, Subscription } from './client.js';

export const connect = connectWith(async () => {
  await start(await readFile(new URL('./core_bg.wasm', import.meta.url)));
}, () => import('./store.js'));
