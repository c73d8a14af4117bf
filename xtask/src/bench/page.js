// One client's turn on the page of `cargo xtask bench client`: it measures, and
// tells what came of it. `/turn` says whose turn it is, and how much is done.

const turn = await (await fetch('/turn')).json();
const utf8 = new TextDecoder();

const memories = [];
for (const name of ['instantiate', 'instantiateStreaming']) {
  const make = WebAssembly[name];
  WebAssembly[name] = async (...given) => {
    const made = await make(...given);
    const { memory } = (made.instance ?? made).exports;
    if (memory) memories.push(memory);
    return made;
  };
}

// Each client as its own documentation has it: how to connect, subscribe with a
// callback that gets the payload as bytes, publish with a promise, and end.
const clients = {
  'client-wasm': async () => {
    const { connect } = await import('/package/index.js');
    return async () => {
      const client = await connect(turn.url);
      return {
        subscribe: (topic, qos, seen) => client.subscribe(topic, { qos, onMessage: (m) => seen(m.payload) }),
        publish: (topic, payload, qos) => client.publish(topic, payload, { qos }),
        end: () => client.end(),
      };
    };
  },
  'MQTT.js': async () => {
    const { default: mqtt } = await import('/mqttjs.js');
    return async () => {
      const client = await mqtt.connectAsync(turn.url, { protocolVersion: 5 });
      let heard = () => {};
      client.on('message', (_, payload) => heard(payload));
      return {
        subscribe: (topic, qos, seen) => {
          heard = seen;
          return client.subscribeAsync(topic, { qos });
        },
        publish: (topic, payload, qos) => client.publishAsync(topic, payload, { qos }),
        end: () => client.endAsync(),
      };
    };
  },
  'Paho JS': async () => {
    await new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement('script'), { src: '/paho.js', onload: resolve, onerror: reject });
      document.head.append(script);
    });
    const { Client, Message } = (globalThis.Paho.Client ? globalThis.Paho : globalThis.Paho.MQTT);
    return () =>
      new Promise((resolve, reject) => {
        const client = new Client(turn.url, `paho-${Math.random()}`.replace('.', ''));
        const waiting = [];
        client.onMessageDelivered = () => waiting.shift()?.resolve();
        client.onConnectionLost = ({ errorMessage }) => {
          for (const { reject } of waiting.splice(0)) reject(new Error(errorMessage));
        };
        client.connect({
          onFailure: ({ errorMessage }) => reject(new Error(errorMessage)),
          onSuccess: () =>
            resolve({
              subscribe: (topic, qos, seen) => {
                client.onMessageArrived = (message) => seen(message.payloadBytes);
                return new Promise((onSuccess) => client.subscribe(topic, { qos, onSuccess }));
              },
              publish: (topic, payload, qos) => {
                const message = new Message(payload);
                message.destinationName = topic;
                message.qos = qos;
                // It tells of QoS 0 too, in the order of sending.
                const { promise, ...settle } = Promise.withResolvers();
                waiting.push(settle);
                client.send(message);
                return promise;
              },
              end: async () => client.disconnect(),
            }),
        });
      });
  },
};

const cpu = async () => (await fetch('/cpu')).json();
const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];

async function connecting(open) {
  const times = [];
  for (let n = 0; n < turn.connects; n++) {
    const begin = performance.now();
    const client = await open();
    times.push(performance.now() - begin);
    await client.end();
  }
  return median(times);
}

// All that somebody else publishes, from the first message to the last. Each
// message is looked at, as a program would.
async function receiving(open, qos, size, count) {
  const client = await open();
  const topic = `bench/${Math.random()}`;
  let first, last, seen = 0, wrong = 0, over;
  const all = new Promise((resolve) => (over = resolve));
  let latest = 0;
  await client.subscribe(topic, qos, (payload) => {
    latest = last = performance.now();
    first ??= last;
    if (payload.length !== size || payload[0] !== 120) wrong++;
    if (++seen === count) over();
  });
  const before = await cpu();
  await fetch(`/flood?${new URLSearchParams({ topic, qos, size, count })}`);
  const watch = setInterval(() => latest && performance.now() - latest > 5000 && over(), 500);
  await all;
  clearInterval(watch);
  const { seconds } = await cpu();
  await client.end();
  const lost = count - seen;
  if (wrong || (lost && qos > 0)) throw new Error(`${lost} lost, ${wrong} wrong`);
  return { perSecond: seen / ((last - first) / 1000), perCpuSecond: seen / (seconds - before.seconds), lost };
}

async function publishing(open, qos, size, count) {
  const client = await open();
  const payload = new Uint8Array(size).fill(120);
  const begin = performance.now();
  for (let n = 0; n < count; ) {
    const batch = [];
    for (; n < count && batch.length < 500; n++) batch.push(client.publish('bench/out', payload, qos));
    await Promise.all(batch);
  }
  // What is before it in the connection has arrived with it.
  await client.publish('bench/out', payload, 1);
  const seconds = (performance.now() - begin) / 1000;
  await client.end();
  return count / seconds;
}

async function heap(open) {
  await receiving(open, 0, 64, turn.many);
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const wasm = memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
  return performance.memory.usedJSHeapSize + wasm;
}

const report = { client: turn.client };
try {
  const open = await clients[turn.client]();
  await receiving(open, 0, 64, turn.messages >> 3);
  report.connect = await connecting(open);
  for (const [name, size, count] of [['64 B', 64, turn.messages], ['4 KB', 4096, turn.messages >> 2]]) {
    for (const qos of [0, 1]) {
      const { perSecond, perCpuSecond, lost } = await receiving(open, qos, size, count);
      report[`received ${name} QoS ${qos}`] = perSecond;
      report[`received ${name} QoS ${qos} CPU`] = perCpuSecond;
      if (lost) report.lost = (report.lost ?? 0) + lost;
    }
  }
  // Fewer than there are packet identifiers: after the last one Paho JS sends 0.
  for (const qos of [0, 1]) report[`published QoS ${qos}`] = await publishing(open, qos, 64, turn.messages >> 2);
  report.heap = await heap(open);
} catch (error) {
  report.failure = `${error.message ?? utf8.decode(error)}`;
}
const more = await (await fetch('/report', { method: 'POST', body: JSON.stringify(report) })).json();
if (more) location.reload();
