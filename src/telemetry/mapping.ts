import { type AuditDecision, type AuditLine, schema } from './audit-line.js';
import { mistake } from './settings.js';

/** A plain object, for JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * A line, as text or read already.
 * @throws ConfigError for what is no line of this schema
 */
export function readLine(where: string, line: AuditLine | string): AuditLine {
  const read = typeof line === 'string' ? parse(line) : line;
  const { schema: named, kind } = Object(read) as Partial<AuditLine>;
  if (named !== schema || (kind !== 'decision' && kind !== 'dropped')) {
    throw mistake(where, `was given what is no line of ${schema}`);
  }
  return read as AuditLine;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a credential was looked at and refused, or none was there: no question of permissions. */
export const isRefusedCredential = ({ outcome, status }: AuditDecision): boolean =>
  outcome === 'deny' && status !== 403;

/** What neither schema has a name for. */
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

/** Without the members that say nothing, however deep. */
export function prune(fields: Fields): Fields {
  const said = Object.entries(fields).flatMap(([name, value]): [string, unknown][] => {
    if (value === undefined) return [];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[name, value]];
    const inner = prune(value as Fields);
    return Object.keys(inner).length > 0 ? [[name, inner]] : [];
  });
  return Object.fromEntries(said);
}
