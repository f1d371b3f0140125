import { createWriteStream } from 'node:fs';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import type { Meter } from '@opentelemetry/api';
import Fastify from 'fastify';
import { pino } from 'pino';
import {
  type AuditCounts,
  type AuditLine,
  type AuditLog,
  type auditHash,
  auditLog,
  redactedLogger,
  redactPaths,
  type redactUrl,
  toEcs,
  toOcsf,
} from '../../src/audit.js';
import { type ApiKeySource, createGuard, type DecisionEvent } from '../../src/index.js';
import { otelDecisions } from '../../src/otel.js';

// Never run: `tsc` compiles it, and a mistake that begins to compile is an unused directive.

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function must<_Truth extends true>(): void;
declare const from: readonly ApiKeySource[];
declare const meter: Meter;
declare const line: AuditLine;

const one = { issuer: 'https://login.example.com', audience: 'https://api.example.com' };
const secret = 'x'.repeat(32);

// What is meant compiles.
const audit = auditLog({ stream: createWriteStream('audit.jsonl'), secret });
auditLog({ stream: process.stdout, secret: new Uint8Array(32) });
auditLog({ stream: connect(1, '127.0.0.1'), secret });
auditLog({ stream: new PassThrough(), secret });
auditLog({ write: (text) => text.length > 1, secret });
auditLog({ write: async (text) => void text, secret });
auditLog({
  write: () => {},
  identifiers: { subject: 'raw', actors: 'omit', client: 'hash', key: 'raw' },
  secret,
  service: 'orders',
  correlate: ({ route }) => ({ requestId: 'a', route }),
  sample: ({ httpMethod }) => (httpMethod === 'GET' ? 0.1 : 1),
  random: () => 0,
  queue: { lines: 10 },
  now: () => 0,
});
createGuard({ ...one, onDecision: audit });
createGuard({
  ...one,
  onDecision: otelDecisions({ meter, clients: ['a'], identities: ['client'] }),
});
Fastify({ logger: redactedLogger(from) });
pino(redactedLogger(from));
pino({ redact: redactPaths([{ header: 'x-api-key' }]) });

// What comes out is typed.
must<Equal<Parameters<AuditLog>, [event: DecisionEvent]>>();
must<Equal<ReturnType<AuditLog>, void>>();
must<Equal<ReturnType<AuditLog['close']>, Promise<boolean>>>();
must<Equal<ReturnType<AuditLog['counts']>, AuditCounts>>();
must<Equal<ReturnType<typeof redactPaths>, string[]>>();
must<Equal<ReturnType<typeof redactUrl>, string>>();
must<Equal<ReturnType<typeof auditHash>, string>>();
must<Equal<ReturnType<typeof toEcs>, Readonly<Record<string, unknown>>>>();
toOcsf(line);
toEcs('{}');
if (line.kind === 'dropped') must<Equal<typeof line.count, number>>();
else must<Equal<typeof line.outcome, 'allow' | 'deny' | 'error'>>();

// What is not does not.
// @ts-expect-error a place for lines is needed
auditLog({ secret });
// @ts-expect-error one place, not two
auditLog({ write: () => {}, stream: process.stdout, secret });
// @ts-expect-error a stream is given as stream
auditLog({ write: process.stdout, secret });
// @ts-expect-error a form that is not known
auditLog({ write: () => {}, secret, identifiers: { subject: 'plain' } });
// @ts-expect-error a kind that is not known
auditLog({ write: () => {}, secret, identifiers: { user: 'raw' } });
// @ts-expect-error a variable that may be unset
auditLog({ write: () => {}, secret: process.env.AUDIT_SECRET });
// @ts-expect-error an identity that is not known
otelDecisions({ identities: ['email'] });
// @ts-expect-error no key source
redactPaths([{ headers: 'x-api-key' }]);
