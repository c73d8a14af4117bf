// MQTT.js over WebSocket, driven by lines on its standard input, as
// paho_agent.py is, which says what the lines are:
//
//     node mqttjs_agent.mjs PORT ID VERSION [--keep] [--will TOPIC QOS RETAIN HEX]

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const modules = createRequire(`${process.env.E2E_NODE_MODULES}/`);
const mqtt = modules('mqtt');

const HOUR = 3600;
const [port, clientId, version, ...rest] = process.argv.slice(2);
const keep = rest.includes('--keep');
const will = rest.includes('--will') ? rest.slice(rest.indexOf('--will') + 1) : undefined;

const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);
const toBytes = (text) => Buffer.from(text === '-' ? '' : text, 'hex');

const client = mqtt.connect(`ws://127.0.0.1:${port}/mqtt`, {
  protocolVersion: Number(version),
  protocolId: version === '3' ? 'MQIsdp' : 'MQTT',
  clientId,
  clean: !keep,
  reconnectPeriod: 0,
  ...(keep && version === '5' && { properties: { sessionExpiryInterval: HOUR } }),
  ...(will && {
    will: { topic: will[0], qos: Number(will[1]), retain: will[2] === '1', payload: toBytes(will[3]) },
  }),
});
client.on('connect', ({ sessionPresent }) => say('connected', Number(sessionPresent)));
client.on('error', (error) => say('refused', error.message));
client.on('message', (topic, payload, { qos, retain }) =>
  say('message', topic, qos, Number(retain), payload.toString('hex') || '-'));

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...words] = line.split(' ');
  if (verb === 'subscribe') {
    const [granted] = await client.subscribeAsync(words[1], { qos: Number(words[0]) });
    say('subscribed', granted.qos);
  } else if (verb === 'publish') {
    const [topic, qos, retain, payload] = words;
    const before = Date.now();
    await client.publishAsync(topic, toBytes(payload), { qos: Number(qos), retain: retain === '1' });
    say('published', before);
  } else if (verb === 'leave') {
    break;
  }
}
await client.endAsync();
say('left');
