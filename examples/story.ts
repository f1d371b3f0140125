import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { inspect } from 'node:util';
import type { MigrationEvent } from 'sallyport';

/** Returns the response of `/orders`: its status and, if it was denied, the code. */
export async function ask(
  origin: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const response = await fetch(`${origin}/orders`, { headers: { ...headers } });
  const [, code = ''] = /"code":"(\w+)"/.exec(await response.text()) ?? [];
  return `${response.status} ${code}`.trim();
}

/** Sends a request with a key, prints the response, and throws if it is not the expected one. */
export async function tryKey(
  [origin, whose, key]: readonly [origin: string, whose: string, key: string],
  expected: string,
): Promise<void> {
  const answer = await ask(origin, { 'x-api-key': key });
  console.log(`  ${whose}: ${answer}`);
  assert.equal(answer, expected, whose);
}

/** Collects the migration events of a guard. */
export function createNews() {
  const events = new EventEmitter();
  return {
    listener(event: MigrationEvent): void {
      events.emit(event.kind, event);
    },
    /** Prints the next event of a kind. */
    async next(kind: MigrationEvent['kind']): Promise<void> {
      const [{ time: _, ...event }] = await once(events, kind);
      console.log(`  onMigration: ${inspect(event, { breakLength: Number.POSITIVE_INFINITY })}`);
    },
  };
}
