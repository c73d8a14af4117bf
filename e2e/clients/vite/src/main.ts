// A page in TypeScript: it shows the fridge's temperature, or what went wrong.

import { connect, MqttError } from 'client-wasm';
import type { Acknowledgement, AnyMqttError, ConnectOptions, Message, PublishReasonCode } from 'client-wasm';

const shown = document.querySelector<HTMLElement>('#fridge')!;
const url = new URLSearchParams(location.search).get('broker') ?? 'ws://localhost:9001/';

function explain(error: AnyMqttError): string {
  switch (error.kind) {
    case 'refused':
      return `${error.operation}: ${error.reasonCode} ${error.properties?.reasonString ?? ''}`;
    case 'connectTimeout':
      return `${error.url} within ${error.timeout} ms`;
    case 'connectionLost':
      return `code ${error.closeCode}`;
    case 'storeInUse':
      return error.by satisfies 'caller';
    default:
      // @ts-expect-error: only some errors have it.
      error.reasonCode satisfies number;
      return error.advice ?? error.message;
  }
}

async function main(): Promise<void> {
  const options: ConnectOptions = {
    credentials: async () => ({ username: 'ada', password: new Uint8Array([1]) }),
    properties: { sessionExpiryInterval: 60, userProperties: { page: 'vite' } },
    queue: { overflow: 'dropOldest', messages: 100 },
    offline: 'queue',
    store: { name: 'fridge', wait: true },
  };
  const client = await connect(url, options);
  client.on('error', (error) => (shown.textContent = explain(error)));
  client.on('close', ({ retryIn }) => console.log(retryIn?.toFixed()));
  const fridge = await client.subscribe('Kitchen/Fridge', { qos: 1 });
  const told: Acknowledgement<PublishReasonCode> = await client.publish('Kitchen/Fridge', JSON.stringify({ celsius: 14 }), {
    qos: 1,
    retain: true,
    properties: { contentType: 'application/json' },
  });
  for await (const message of fridge) {
    const seen: Message = message;
    seen.number satisfies number | undefined;
    const { celsius } = seen.json<{ celsius: number }>();
    shown.textContent = `${celsius} °C, ${told.reasonCode}, ${seen.properties.contentType?.toUpperCase()}`;
    break;
  }
  await client.end({ reasonCode: 4, properties: { reasonString: 'seen' } });
}

// What the types refuse.
export function refused(): void {
  // @ts-expect-error: one way to log in, not two.
  void connect(url, { username: 'ada', scram: { username: 'ada', password: '' } });
  // @ts-expect-error: there is no QoS 3.
  void connect(url).then((client) => client.publish('a', 'b', { qos: 3 }));
  // @ts-expect-error: no such event.
  void connect(url).then((client) => client.on('packetsend', () => {}));
  // @ts-expect-error: a store has a name.
  void connect(url, { store: { wait: true } });
  // @ts-expect-error: it is called keepAlive.
  void connect(url, { keepalive: 5 });
}

main().catch((error: unknown) => {
  shown.textContent = error instanceof MqttError ? explain(error as AnyMqttError) : String(error);
});
