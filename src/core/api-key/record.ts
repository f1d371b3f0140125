import { bare, memberOf, parseObject } from '../base/json.js';
import { nearest } from '../base/nearest.js';
import { isScope } from '../base/validate.js';
import type { ApiKeyRecord } from '../principal.js';
import { copyOfData } from './metadata.js';

/** The last second of the year 9999 anywhere on earth. A larger number was meant in milliseconds. */
export const latestTime = 253_402_387_200;

const text = (value: unknown): unknown =>
  typeof value === 'string' && value !== '' ? value : undefined;

function idOf(value: unknown): unknown {
  return Number.isSafeInteger(value) ? String(value) : text(value);
}

function scopesOf(value: unknown): unknown {
  if (!Array.isArray(value)) return undefined;
  const scopes: unknown[] = [...value];
  const fits = scopes.every((scope) => typeof scope === 'string' && isScope(scope));
  return fits ? Object.freeze(scopes) : undefined;
}

function timeOf(value: unknown): unknown {
  const time = value instanceof Date ? value.getTime() / 1000 : value;
  return typeof time === 'number' && Math.abs(time) <= latestTime ? time : undefined;
}

/** How each member is read; `undefined` for a value that it cannot have. */
const members: Readonly<Record<keyof ApiKeyRecord, (value: unknown) => unknown>> = {
  id: idOf,
  issuer: text,
  clientId: text,
  orgId: text,
  subject: text,
  scopes: scopesOf,
  expiresAt: timeOf,
  disabled: (value) => (typeof value === 'boolean' ? value : undefined),
  environment: text,
  createdBy: text,
  metadata: copyOfData,
};

const names = Object.keys(members);

const filledText = 'must be a string that is not empty, or absent';
const meanings: Readonly<Record<string, string>> = {
  id: 'must be a string that is not empty, or a safe integer',
  scopes: 'must be a list of scopes, each a string of its own (RFC 6749 §3.3), or absent',
  expiresAt:
    'must be a number of seconds since 1970 (not milliseconds) or a valid Date, at most of the ' +
    'year 9999; absent for a key that does not expire',
  disabled: 'must be true or false, or absent',
  metadata:
    'must be a plain object of strings, numbers, booleans, null, lists and plain objects, with ' +
    'at most 1,000 values and 16 levels, or absent',
};

/** What other systems call the members. Most of these are too far from the name to be found by it. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  expiresAt: ['expires', 'expiry', 'expiration', 'exp', 'validuntil', 'validto', 'endsat', 'ttl'],
  disabled: [
    'revoked',
    'revokedat',
    'isrevoked',
    'enabled',
    'isenabled',
    'active',
    'isactive',
    'inactive',
    'disabledat',
    'isdisabled',
    'status',
    'state',
    'deleted',
    'deletedat',
    'blocked',
    'suspended',
    'banned',
    'valid',
    'isvalid',
  ],
  clientId: ['client', 'customer', 'customerid', 'app', 'appid', 'application', 'applicationid'],
  orgId: ['org', 'organization', 'organizationid', 'organisationid', 'tenant', 'tenantid'],
  subject: ['sub', 'user', 'userid', 'owner', 'ownerid'],
  scopes: ['scope', 'permissions', 'grants'],
  environment: ['env', 'mode'],
  createdBy: ['creator', 'author'],
  issuer: ['iss'],
  metadata: ['meta', 'data', 'extra', 'attributes', 'custom'],
  id: ['keyid', 'uuid', '_id'],
};

/** A promise that was meant to be awaited is nobody's: its rejection must not end the process. */
export const ignoreRejection = (value: unknown): void => {
  Promise.resolve(value).catch(() => {});
};

/**
 * A copy of the record that a lookup returned, with nothing in it that could be changed. `null` is an
 * absent member. Members are the enumerable ones of the object and the getters of its class.
 * `besides` is one more that may be there, and is not copied.
 * @throws TypeError for anything else: a bug in the lookup, never an invalid key
 */
export function checkRecord(
  answer: unknown,
  where = 'apiKeys.lookup returned',
  besides?: string,
): ApiKeyRecord {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    const what = answer === null ? 'null' : Array.isArray(answer) ? 'a list' : `a ${typeof answer}`;
    throw new TypeError(`${where} ${what}: return a record, or undefined for an unknown key`);
  }
  const record: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(members)) {
    // A record may be of a class, with getters.
    const value = memberOf(answer, name);
    if ((value === undefined || value === null) && name !== 'id') continue;
    const found = read(value);
    if (found === undefined) {
      ignoreRejection(value);
      const must = meanings[name] ?? filledText;
      throw new TypeError(`${where} a record whose ${name} ${must}; got ${kindOf(value)}`);
    }
    record[name] = found;
  }
  for (const name of membersOf(answer)) {
    if (!names.includes(name) && name !== besides)
      throw new TypeError(`${where} a record with ${strange(name)}`);
  }
  return Object.freeze(bare(record)) as unknown as ApiKeyRecord;
}

/**
 * What a text says, if it is one JSON object in which no name stands twice; the rest is up to
 * {@link checkRecord}. `undefined` for any other text.
 */
export const objectIn = (text: string): object | undefined => parseObject(Buffer.from(text));

/** The names of what an object has: its own enumerable members, and its classes' getters. */
function membersOf(value: object): string[] {
  const found = Object.keys(value);
  let one = Object.getPrototypeOf(value);
  for (; one && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(one))) {
      if (get && name !== '__proto__') found.push(name);
    }
  }
  return found;
}

function strange(name: string): string {
  const known = nearestMember(name);
  const meant = known ? `did you mean "${known}"?` : `the members are ${names.join(', ')}.`;
  // A name with digits in it, or a long one, may be a key: a lookup that returns the whole table.
  const shown = /^[A-Za-z_]{1,32}$/.test(name) || known ? ` "${name.slice(0, 40)}"` : '';
  return `an unknown member${shown}: ${meant} Put data of your own into "metadata"`;
}

/** The member that another name was probably meant to be. */
export function nearestMember(name: string): string | undefined {
  const plain = name.replace(/[^A-Za-z]/g, '').toLowerCase();
  const alias = Object.keys(aliases).find((member) => aliases[member]?.includes(plain));
  return alias ?? (name.length <= 40 ? nearest(plain, names) : undefined);
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  if (value === '') return 'an empty string';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a Date that is invalid or out of range';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
