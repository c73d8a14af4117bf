// For Node: the wasm is read from the package.

import { readFile } from 'node:fs/promises';
import { connectWith, start } from './index.js';

export { Client, Message, MqttError, Subscription } from './index.js';

export const connect = connectWith(async () => {
  await start(await readFile(new URL('./core_bg.wasm', import.meta.url)));
}, () => import('./store.js'));
