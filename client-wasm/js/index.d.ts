/// <reference lib="esnext.disposable" />

/** The content of a message: text is sent as UTF-8. */
export type Payload = string | Uint8Array;

/**
 * How surely a message is delivered: 0 at most once, 1 at least once, 2
 * exactly once.
 */
export type QoS = 0 | 1 | 2;

/**
 * Names and values, in order; when given, an object will do, with an array
 * where a name has several values.
 */
export type UserProperties = ReadonlyArray<readonly [name: string, value: string]>;
export type UserPropertiesInput = UserProperties | Readonly<Record<string, string | readonly string[]>>;

/** Properties of a message to be published (MQTT 5.0, section 3.3.2.3). */
export interface PublishProperties {
  /** Whether the payload is UTF-8 text. */
  payloadFormatIndicator?: boolean;
  /** How long the message is worth delivering, seconds. */
  messageExpiryInterval?: number;
  /** What the payload is, such as `application/json`. */
  contentType?: string;
  /** Where an answer goes. {@link Client.request} sets it by itself. */
  responseTopic?: string;
  /** Which request an answer is for. */
  correlationData?: Payload;
  userProperties?: UserPropertiesInput;
}

/** Properties of a message that was received. */
export interface MessageProperties {
  readonly payloadFormatIndicator?: boolean;
  /** What is left of its time, seconds. */
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly userProperties?: UserProperties;
}

/** A message that was received. */
export class Message {
  private constructor();
  readonly topic: string;
  /**
   * The content. From 1 KB on it may be part of a larger `buffer`, which other
   * messages share: `payload.slice()` has one of its own, to keep or to transfer.
   */
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** It had been kept by the broker. */
  readonly retain: boolean;
  /** It may have come before. */
  readonly dup: boolean;
  /** Empty before MQTT 5.0. */
  readonly properties: MessageProperties;
  /**
   * At QoS 1 and 2 with a {@link CommonOptions.store}: its number there, greater
   * than that of any message before, and the same if it comes again. A program
   * that writes it down together with what it makes of the message knows
   * whether it has done so already.
   */
  readonly number?: number;
  /** The payload as text. Throws a TypeError if it is not UTF-8. */
  text(): string;
  /** The payload as JSON. Throws if it is none. */
  json<T = unknown>(): T;
  /** The payload as text, with U+FFFD for what is not UTF-8. */
  toString(): string;
}

export interface PublishOptions {
  /** 0 unless said otherwise. */
  qos?: QoS;
  /** The broker keeps it for later subscribers. */
  retain?: boolean;
  properties?: PublishProperties;
}

export interface RequestOptions extends PublishOptions {
  /** How long to wait for the answer, milliseconds; 10,000 unless said otherwise. */
  timeout?: number;
}

/** What the broker says to a publish: 0x00 success, 0x10 nobody subscribes. */
export type PublishReasonCode = 0x00 | 0x10;

/** What the broker may say with its consent, MQTT 5.0. */
export interface AcknowledgementProperties {
  readonly reasonString?: string;
  readonly userProperties?: UserProperties;
}

/** The broker's consent: its reason code, and what it says besides. */
export interface Acknowledgement<Code extends number = number> {
  readonly reasonCode: Code;
  readonly properties: AcknowledgementProperties;
}

export interface SubscribeOptions {
  /** The highest QoS at which messages come; 0 unless said otherwise. */
  qos?: QoS;
  /** The client's own messages stay away. */
  noLocal?: boolean;
  /** Messages keep the retain flag that their publisher set. */
  retainAsPublished?: boolean;
  /** When retained messages come: 0 always, 1 if the subscription is new, 2 never. */
  retainHandling?: 0 | 1 | 2;
  properties?: { userProperties?: UserPropertiesInput };
  /**
   * Called for each message. With a {@link CommonOptions.store} a message is
   * taken when this has returned and what it promises is done; the next comes
   * after that.
   */
  onMessage?: (message: Message) => void | PromiseLike<void>;
}

export interface SubscriptionEvents {
  message: [topic: string, message: Message];
}

/**
 * The messages of one subscription. It goes on over lost connections.
 *
 * ```ts
 * for await (const message of await client.subscribe('Kitchen/#')) { ... }
 * ```
 *
 * Leaving the loop ends the subscription. Listeners, and `onMessage`, do
 * without a loop. What nobody reads is held within
 * {@link ConnectOptions.buffer}.
 */
export class Subscription implements AsyncIterableIterator<Message> {
  private constructor();
  readonly filter: string;
  /** The QoS that the broker has granted. */
  readonly qos: QoS;
  /** What the broker says besides. */
  readonly properties: AcknowledgementProperties;
  /** How many messages at QoS 0 gave way because they were not read in time. */
  readonly missed: number;
  on<E extends keyof SubscriptionEvents>(event: E, listener: (...detail: SubscriptionEvents[E]) => void): this;
  once<E extends keyof SubscriptionEvents>(event: E, listener: (...detail: SubscriptionEvents[E]) => void): this;
  off<E extends keyof SubscriptionEvents>(event: E, listener: (...detail: SubscriptionEvents[E]) => void): this;
  /** The next message, as soon as there is one. */
  next(): Promise<IteratorResult<Message, undefined>>;
  return(): Promise<IteratorResult<Message, undefined>>;
  /** Ends it; resolves when the broker has agreed. */
  unsubscribe(): Promise<Acknowledgement>;
  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
  [Symbol.asyncIterator](): this;
}

/** A message that the broker publishes when the client vanishes. */
export interface Will {
  topic: string;
  payload?: Payload;
  qos?: QoS;
  retain?: boolean;
  properties?: PublishProperties & {
    /** How long the broker waits for the client to come back, seconds. */
    willDelayInterval?: number;
  };
}

/** User name and password, or one of them. */
export interface Credentials {
  username?: string;
  password?: Payload;
}

/** Extended authentication of the application's own (MQTT 5.0, section 4.12). */
export interface Authenticator {
  /** The name of the method. */
  method: string;
  /** What is said first, if anything. */
  begin?: () => Payload | undefined;
  /** Answers a challenge; throws to give the connection up. */
  answer: (challenge: Uint8Array) => Payload | Promise<Payload>;
  /** The broker accepts; throws if it is not who it says it is. */
  finish?: (data: Uint8Array) => void;
}

/** One way to log in; they exclude each other. */
export type Login =
  | (Credentials & { credentials?: never; scram?: never; authenticator?: never })
  | {
      /** Asked before each connection: for tokens that expire. */
      credentials: () => Credentials | Promise<Credentials>;
      username?: never;
      password?: never;
      scram?: never;
      authenticator?: never;
    }
  | {
      /** SCRAM-SHA-256: the password stays on the page, and the broker must know it too. */
      scram: { username: string; password: Payload };
      username?: never;
      password?: never;
      credentials?: never;
      authenticator?: never;
    }
  | {
      authenticator: Authenticator;
      username?: never;
      password?: never;
      credentials?: never;
      scram?: never;
    };

export interface Bounds {
  /** Messages; 65,536 unless said otherwise. */
  messages?: number;
  /** Bytes of topics and payloads; 16 MiB unless said otherwise. */
  bytes?: number;
}

export interface CommonOptions {
  /** 5 (unless said otherwise), 4 for MQTT 3.1.1, 3 for MQTT 3.1. */
  protocolVersion?: 5 | 4 | 3;
  /** Random unless said otherwise. Two clients with the same one throw each other out. */
  clientId?: string;
  /** Lets the broker choose the client identifier (MQTT 5.0). */
  namedByBroker?: boolean;
  will?: Will;
  /** The longest silence, seconds; 60 unless said otherwise, 0 for no limit. */
  keepAlive?: number;
  /** Throws away what an older session has left; true unless said otherwise, and false with a `store`. */
  cleanStart?: boolean;
  /** Properties of CONNECT (MQTT 5.0, section 3.1.2.11). */
  properties?: {
    /** How long the broker keeps the session without a connection, seconds. */
    sessionExpiryInterval?: number;
    /** How many messages of QoS 1 and 2 the broker may send before the first is acknowledged. */
    receiveMaximum?: number;
    /** The largest packet that the broker may send, bytes. */
    maximumPacketSize?: number;
    topicAliasMaximum?: number;
    requestResponseInformation?: boolean;
    requestProblemInformation?: boolean;
    userProperties?: UserPropertiesInput;
  };
  /** Answers to requests go to the client identifier below this; `response` unless said otherwise. */
  responseBase?: string;
  /** How long an attempt to connect may take, milliseconds; 10,000 unless said otherwise. */
  connectTimeout?: number;
  /** Pauses between attempts, milliseconds: 1,000 to 10,000 unless said otherwise. */
  reconnect?: { first?: number; longest?: number };
  /**
   * What becomes of a message that is published without a connection:
   * `refuse` (unless said otherwise), or `queue`: it waits for the next one.
   */
  offline?: 'refuse' | 'queue';
  /**
   * What waits to be sent at most, and what gives way beyond that: a publish
   * is refused (unless said otherwise), or the oldest or the newest message is
   * dropped. The promise of a dropped one is rejected with the kind `dropped`.
   */
  queue?: Bounds & { overflow?: 'refuse' | 'dropOldest' | 'dropNewest' };
  /** What each subscription holds unread at most. */
  buffer?: Bounds;
  /**
   * A place in the browser, by its name, for what is on its way at QoS 1 and 2
   * in either direction, so that it survives a reload or a crash of the tab:
   * exactly once at QoS 2. One client at a time can have it; another is refused
   * with the kind `storeInUse`, or waits.
   *
   * It needs a session that goes on, so that `cleanStart` is false and the
   * session expiry a week unless it is said otherwise, and, without `clientId`,
   * has one of its own.
   */
  store?: string | { name: string; wait?: boolean };
  /** Keeps the time in a worker while the page is hidden; true unless said otherwise. */
  backgroundTimer?: boolean;
  /**
   * Whether {@link connect} waits for the first connection, and is rejected
   * when it does not come about; true unless said otherwise. With false the
   * client goes on trying.
   */
  waitForConnection?: boolean;
}

export type ConnectOptions = CommonOptions & Login;

/** What the broker says of itself when it accepts (MQTT 5.0, section 3.2.2.3). */
export interface ConnAckProperties {
  readonly sessionExpiryInterval?: number;
  readonly receiveMaximum?: number;
  readonly maximumQoS?: 0 | 1;
  readonly retainAvailable?: boolean;
  readonly maximumPacketSize?: number;
  readonly assignedClientIdentifier?: string;
  readonly topicAliasMaximum?: number;
  readonly reasonString?: string;
  readonly userProperties?: UserProperties;
  readonly wildcardSubscriptionAvailable?: boolean;
  readonly subscriptionIdentifierAvailable?: boolean;
  readonly sharedSubscriptionAvailable?: boolean;
  readonly serverKeepAlive?: number;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Uint8Array;
}

export interface Connected {
  /** The broker kept the session of an earlier connection. */
  readonly sessionPresent: boolean;
  readonly clientId: string;
  readonly properties: ConnAckProperties;
}

export interface Closed {
  /** Why; not there after {@link Client.end}. */
  readonly error?: AnyMqttError;
  /** Milliseconds until the next attempt; not there after {@link Client.end}. */
  readonly retryIn?: number;
}

/** Events, by the names that they have in MQTT.js. */
export interface ClientEvents {
  /** The broker has accepted. */
  connect: [connected: Connected];
  /** Another attempt to connect begins. */
  reconnect: [];
  /** A connection was lost. */
  offline: [];
  /** A connection, or an attempt at one, is over. */
  close: [closed: Closed];
  /** What went wrong. Nothing is thrown when nobody listens. */
  error: [error: AnyMqttError];
  /**
   * A message of any subscription; once for each that it belongs to. While
   * somebody listens, subscriptions that no loop reads are read for it.
   */
  message: [topic: string, message: Message];
  /** The client was ended. */
  end: [];
}

export interface EndOptions {
  /** Why: 0 unless said otherwise; 4 lets the broker publish the will. */
  reasonCode?: number;
  properties?: {
    sessionExpiryInterval?: number;
    reasonString?: string;
    userProperties?: UserPropertiesInput;
  };
}

/** A client: it connects, and connects again when the connection is lost, until {@link Client.end}. */
export class Client {
  private constructor();
  /** Whether the broker has accepted and the connection still stands. */
  readonly connected: boolean;
  readonly clientId: string;
  on<E extends keyof ClientEvents>(event: E, listener: (...detail: ClientEvents[E]) => void): this;
  once<E extends keyof ClientEvents>(event: E, listener: (...detail: ClientEvents[E]) => void): this;
  off<E extends keyof ClientEvents>(event: E, listener: (...detail: ClientEvents[E]) => void): this;
  /**
   * Publishes, at once and in the order of the calls. Resolves with the
   * broker's answer when the handshake is over, at QoS 0 when the message is on
   * its way. What is open when the connection is lost goes on with the next one.
   */
  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<Acknowledgement<PublishReasonCode>>;
  /** Publishes a request, and resolves with the answer (MQTT 5.0, section 4.10). */
  request(topic: string, payload: Payload, options?: RequestOptions): Promise<Message>;
  /** Answers a request, where it wants the answer. */
  answer(request: Message, payload: Payload, options?: PublishOptions): Promise<Acknowledgement<PublishReasonCode>>;
  /** Subscribes; resolves when the broker has granted it. */
  subscribe(filter: string, options?: SubscribeOptions): Promise<Subscription>;
  /** Ends all subscriptions to a filter. */
  unsubscribe(filter: string, options?: { properties?: { userProperties?: UserPropertiesInput } }): Promise<Acknowledgement>;
  /** Authenticates again on the connection that there is (MQTT 5.0, section 4.12.1). */
  reauthenticate(): Promise<Acknowledgement>;
  /** Uses these from the next connection on. */
  setCredentials(credentials: Credentials): void;
  /** Connects at once, if it would have waited. */
  reconnect(): void;
  /** Ends the client; resolves when the socket is closed. */
  end(options?: EndOptions): Promise<void>;
  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

interface ErrorOf<K extends string, B extends 'caller' | 'network' | 'browser' | 'broker'> extends MqttError {
  readonly kind: K;
  readonly by: B;
}

/** What the broker says with a refusal. */
export interface RefusalProperties {
  readonly reasonString?: string;
  readonly serverReference?: string;
  readonly userProperties?: UserProperties;
}

/** The broker says no; `reasonCode` is that of MQTT 5.0, table 2-6. */
export interface RefusedError extends ErrorOf<'refused', 'broker'> {
  readonly operation: 'connect' | 'publish' | 'subscribe' | 'unsubscribe';
  readonly reasonCode: number;
  readonly properties?: RefusalProperties;
  /** The subscription that was lost, after a reconnect. */
  readonly filter?: string;
}

/** Every error of this client. `switch (error.kind)` tells them apart. */
export type AnyMqttError =
  | RefusedError
  | (ErrorOf<'unreachable', 'network'> & { readonly url: string })
  | (ErrorOf<'wrongSubprotocol', 'broker'> & { readonly url: string })
  | (ErrorOf<'blocked', 'browser'> & { readonly url: string })
  | (ErrorOf<'connectTimeout', 'network'> & { readonly url: string; readonly timeout: number })
  | (ErrorOf<'disconnected', 'broker'> & { readonly reasonCode: number; readonly properties?: RefusalProperties })
  | (ErrorOf<'connectionLost', 'network'> & { readonly closeCode: number })
  | (ErrorOf<'noAnswer', 'network'> & { readonly timeout: number })
  | ErrorOf<'keepAliveTimeout' | 'expired' | 'nobodyThere', 'network'>
  | ErrorOf<'protocolViolation' | 'sessionLost' | 'authentication', 'broker'>
  | ErrorOf<'load' | 'store' | 'storeFull', 'browser'>
  | ErrorOf<
      | 'usage'
      | 'options'
      | 'topic'
      | 'notConnected'
      | 'queueFull'
      | 'dropped'
      | 'tooLarge'
      | 'qosNotSupported'
      | 'retainNotSupported'
      | 'needsVersion5'
      | 'credentials'
      | 'goodbye'
      | 'storeInUse'
      | 'ended',
      'caller'
    >;

/** What went wrong. {@link AnyMqttError} is the union of what it can be. */
export class MqttError extends Error {
  private constructor();
  readonly kind: string;
  /** Whose doing it was. */
  readonly by: 'caller' | 'network' | 'browser' | 'broker';
  /** What to look at or to do, where there is something to say. */
  readonly advice?: string;
  /**
   * In `error` events, with a {@link CommonOptions.store}: what an earlier page
   * has published and is given up, such as a message that the broker refuses.
   */
  readonly packet?: Message;
}

/**
 * Connects to the broker at `url`, `ws://` or `wss://`.
 *
 * ```ts
 * const client = await connect('ws://localhost:9001/');
 * ```
 */
export function connect(url: string | URL, options?: ConnectOptions): Promise<Client>;
