const mostValues = 1_000;
const mostLevels = 16;

/**
 * A deeply frozen copy of an application's own data, a plain object of what JSON can say; `undefined`
 * for anything else, and for what has too many values or levels: it is remembered with the key.
 */
export function copyOfData(data: unknown): Readonly<Record<string, unknown>> | undefined {
  if (Array.isArray(data)) return undefined;
  let values = 0;

  function copyOf(value: unknown, level: number): unknown {
    values += 1;
    if (values > mostValues || level > mostLevels) return undefined;
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value;
    if (Array.isArray(value)) return copyOfList(value, level);
    return isPlain(value) ? copyOfMembers(value, level) : undefined;
  }

  function copyOfList(list: readonly unknown[], level: number): unknown {
    if (list.length > mostValues) return undefined;
    const copies = Array.from(list, (item) => copyOf(item, level + 1));
    return copies.includes(undefined) ? undefined : Object.freeze(copies);
  }

  function copyOfMembers(object: object, level: number): Record<string, unknown> | undefined {
    // Without a prototype, so that nothing of Object.prototype is taken for a member.
    const copy: Record<string, unknown> = Object.create(null);
    for (const [name, value] of Object.entries(object)) {
      if (value === undefined) continue;
      const own = copyOf(value, level + 1);
      if (own === undefined || name === '__proto__') return undefined;
      copy[name] = own;
    }
    return Object.freeze(copy);
  }

  return isPlain(data) ? copyOfMembers(data, 1) : undefined;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  // Of another realm, such as a worker's or a test runner's.
  return (
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype as object, 'hasOwnProperty')
  );
}
