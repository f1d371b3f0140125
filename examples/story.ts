import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { inspect } from 'node:util';
import type { MigrationEvent } from 'sallyport';

/** What `/orders` answers: the status and, of a refusal, its code. */
export async function ask(
  origin: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const response = await fetch(`${origin}/orders`, { headers: { ...headers } });
  const [, code = ''] = /"code":"(\w+)"/.exec(await response.text()) ?? [];
  return `${response.status} ${code}`.trim();
}

/** Asks with a key, prints the answer, and throws if it is another than expected. */
export async function tryKey(
  [origin, whose, key]: readonly [origin: string, whose: string, key: string],
  expected: string,
): Promise<void> {
  const answer = await ask(origin, { 'x-api-key': key });
  console.log(`  ${whose}: ${answer}`);
  assert.equal(answer, expected, whose);
}

/** Hears what a guard tells of its migration. */
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
