// The story in a worker; it tells the page what came of it.

import * as client from './package/index.js';
import { story } from './story.js';

onmessage = async ({ data: url }) => {
  try {
    postMessage((await story(client, url)).join(' '));
  } catch (error) {
    postMessage(`failed: ${error.stack}`);
  }
};
