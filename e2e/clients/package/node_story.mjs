// The story in Node: node node_story.mjs MODULE URL

import { pathToFileURL } from 'node:url';
import { story } from './story.js';

const [module, url] = process.argv.slice(2);
const client = await import(module.startsWith('/') ? pathToFileURL(module) : module);
console.log((await story(client, url)).join(' '));
