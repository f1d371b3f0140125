import { type AuditDecision, type AuditLine, schema } from './audit-line.js';
import { mistake, otherType } from './settings.js';

/** A plain object that can be serialized as JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Returns a line, parsed if it is a string.
 * @throws ConfigError if it is not a line of this schema
 */
export function readLine(where: string, line: AuditLine | string): AuditLine {
  const parsed = typeof line === 'string' ? parse(line) : line;
  const { schema: name, kind } = Object(parsed) as Partial<AuditLine>;
  if (name !== schema || (kind !== 'decision' && kind !== 'dropped')) {
    const advice = 'pass a line that auditLog has written';
    throw mistake(where, `requires a line of ${schema}; got ${otherType(line)}: ${advice}`);
  }
  return parsed as AuditLine;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Returns whether a credential was invalid or missing, as opposed to lacking permissions. */
export const isRejectedCredential = ({ outcome, status }: AuditDecision): boolean =>
  outcome === 'deny' && status !== 403;

/** Returns the members for which neither schema has a field. */
export const restOf = (line: AuditDecision): Fields => ({
  schema: line.schema,
  method: line.method,
  mode: line.mode,
  cohort: line.cohort,
  client_id: line.clientId,
  issuer: line.issuer,
  token_id: line.tokenId,
  key_id: line.keyId,
  key_place: line.keyPlace,
  actors: line.actors,
  route: line.route,
  scopes: line.scopes,
  required_scopes: line.requiredScopes,
  missing_scopes: line.missingScopes,
  would_deny: line.wouldDeny,
  claimed: line.claimed && { issuer: line.claimed.issuer, client_id: line.claimed.clientId },
  sample_rate: line.sampleRate,
  cut: line.cut,
});

/** Returns a copy without undefined members and empty objects, at any depth. */
export function prune(fields: Fields): Fields {
  const entries = Object.entries(fields).flatMap(([name, value]): [string, unknown][] => {
    if (value === undefined) return [];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[name, value]];
    const inner = prune(value as Fields);
    return Object.keys(inner).length > 0 ? [[name, inner]] : [];
  });
  return Object.fromEntries(entries);
}
