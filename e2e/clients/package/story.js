// What a program does with the package, whoever loads it: in a page, in a
// worker, in Node. It gives the names of what held, and throws at what does not.

const same = (got, wanted) => {
  const [one, other] = [got, wanted].map((value) => JSON.stringify(value));
  if (one !== other) throw new Error(`${one} instead of ${other}`);
};

const failure = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('nothing failed');
};

export async function story({ connect, MqttError, Message }, url, topic = `story/${Math.random()}`) {
  const held = [];
  const client = await connect(url, {
    keepAlive: 30,
    properties: { userProperties: { of: 'the story' } },
    will: { topic: `${topic}/will`, payload: 'gone' },
  });
  same([client.connected, client.clientId.length > 0], [true, true]);
  held.push('connect');

  // An iterator, at each QoS, text and bytes, in order.
  const all = await client.subscribe(`${topic}/values`, { qos: 2 });
  same([all.filter, all.qos], [`${topic}/values`, 2]);
  const codes = [];
  for (const qos of [0, 1, 2]) {
    codes.push((await client.publish(`${topic}/values`, `Temperature:${qos}`, { qos })).reasonCode);
  }
  await client.publish(`${topic}/values`, new Uint8Array([0xff, 0]), { qos: 1 });
  same(codes, [0, 0, 0]);
  const values = [];
  for await (const message of all) {
    if (!(message instanceof Message)) throw new Error('no message');
    values.push([message.qos, message.payload.length === 2 ? [...message.payload] : message.text()]);
    if (values.length === 4) break;
  }
  same(values, [[0, 'Temperature:0'], [1, 'Temperature:1'], [2, 'Temperature:2'], [1, [255, 0]]]);
  held.push('iterator');

  // Large payloads, some of them over the border of a frame, each as it was sent
  // and so it stays; some are read when later ones have come.
  const large = await client.subscribe(`${topic}/large`, { qos: 1 });
  const sizes = Array.from({ length: 60 }, (_, n) => 900 + 7 * n * n);
  const sent = sizes.map((size, n) => new Uint8Array(size).fill(n + 1));
  const kept = [];
  for (const half of [sent.slice(0, 30), sent.slice(30)]) {
    await Promise.all(half.map((payload) => client.publish(`${topic}/large`, payload, { qos: 1 })));
    while (kept.length < half[0][0] + 19) kept.push((await large.next()).value.payload);
  }
  while (kept.length < sizes.length) kept.push((await large.next()).value.payload);
  for (const [n, payload] of kept.entries()) {
    same([payload.length, payload.every((byte) => byte === n + 1)], [sizes[n], true]);
  }
  await large.unsubscribe();
  held.push('large');

  // Leaving the loop has ended the subscription.
  same(await client.publish(`${topic}/values`, '', { qos: 1 }), { reasonCode: 0x10, properties: {} });
  same((await all.next()).done, true);
  held.push('break');

  // Callbacks of the subscription, and of the client as with MQTT.js.
  const heard = [];
  const listener = (where, message) => heard.push(`client ${message}`);
  client.on('message', listener);
  await new Promise((resolve) => {
    const onMessage = (message) => heard.push(`own ${message.text()}`) && setTimeout(resolve);
    client.subscribe(`${topic}/called`, { onMessage }).then(() => client.publish(`${topic}/called`, 'x'));
  });
  // What no loop reads comes to the client's listeners.
  await client.subscribe(`${topic}/uncalled`);
  await new Promise((resolve) => {
    client.once('message', () => setTimeout(resolve));
    client.publish(`${topic}/uncalled`, 'y');
  });
  client.off('message', listener);
  same(heard, ['own x', 'client x', 'client y']);
  held.push('callbacks');

  // Properties, both ways.
  const typed = await client.subscribe(`${topic}/typed`, { properties: { userProperties: [['a', 'b']] } });
  await client.publish(`${topic}/typed`, '{"celsius":14}', {
    properties: {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'application/json',
      responseTopic: 'answers',
      correlationData: new Uint8Array([1, 2]),
      userProperties: { b: ['1', '2'], a: '0' },
    },
  });
  const { value: message } = await typed.next();
  same(message.json(), { celsius: 14 });
  const { correlationData, messageExpiryInterval, ...properties } = message.properties;
  same([...correlationData], [1, 2]);
  same(messageExpiryInterval <= 60 && messageExpiryInterval > 0, true);
  same(Object.fromEntries(Object.entries(properties).sort()), {
    contentType: 'application/json',
    payloadFormatIndicator: true,
    responseTopic: 'answers',
    userProperties: [['b', '1'], ['b', '2'], ['a', '0']],
  });
  held.push('properties');

  // Request and answer.
  await client.subscribe(`${topic}/question`, {
    onMessage: (question) => client.answer(question, `${question.text()} 14`),
  });
  const answer = await client.request(`${topic}/question`, 'celsius?', { qos: 1, timeout: 20_000 });
  same(answer.text(), 'celsius? 14');
  held.push('request');

  // Errors say whose doing it was.
  const misspelt = await failure(connect(url, { keepalive: 5 }));
  same([misspelt instanceof MqttError, misspelt.kind, misspelt.by], [true, 'usage', 'caller']);
  same(misspelt.message, 'there is no options.keepalive: here it is called keepAlive');
  const wrongs = [
    [() => client.publish('a/+', 'x'), 'topic'],
    [() => client.publish(7, 'x'), 'usage'],
    [() => client.publish('a', { an: 'object' }), 'usage'],
    [() => client.publish('a', 'x', { qos: 3 }), 'usage'],
    [() => client.publish('a', 'x', { properties: { responseTopic: 7 } }), 'usage'],
    [() => client.subscribe('a/#/b'), 'topic'],
    [() => client.request(`${topic}/nobody`, '', { qos: 1 }), 'nobodyThere'],
    [() => connect('mqtt://nowhere'), 'blocked'],
    [() => connect('ws://127.0.0.1:1/'), ['unreachable', 'blocked']],
  ];
  for (const [attempt, kind] of wrongs) {
    const error = await failure(attempt());
    if (![kind].flat().includes(error.kind)) throw new Error(`${error.kind} instead of ${kind}: ${error.message}`);
  }
  held.push('errors');

  // A client of its own that ends with its will.
  const will = await client.subscribe(`${topic}/will`);
  const other = await connect(url, { protocolVersion: 5, will: { topic: `${topic}/will`, payload: 'gone' } });
  const ended = new Promise((resolve) => other.on('end', resolve));
  await other.end({ reasonCode: 4 });
  await ended;
  same((await will.next()).value.text(), 'gone');
  same((await failure(other.publish('a', 'b'))).kind, 'ended');
  await client.end();
  same(client.connected, false);
  same((await will.next()).done, true);
  held.push('end');
  return held;
}
