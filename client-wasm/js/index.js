// For browsers and bundlers: the wasm is a file beside this one.

import { connectWith, start } from './client.js';

// The last two are node.js's.
export { Client, Message, MqttError, Subscription, connectWith, start } from './client.js';

export const connect = connectWith(async () => {
  try {
    const file = fetch(new URL('./core_bg.wasm', import.meta.url));
    await start(await WebAssembly.compileStreaming(file));
  } catch {
    // Some development servers move scripts and leave files behind.
    const { bytes } = await import('./wasm.js');
    await start(bytes());
  }
}, () => import('./store.js'));
