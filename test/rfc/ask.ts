import type {
  Decision,
  Denial,
  Guard,
  GuardRequest,
  ProblemDetails,
  Requirements,
} from '../../src/index.js';

/** A request as a literal: where a door adds nothing, none is opened. */
export const requestOf = (
  headers: Readonly<Record<string, string>>,
  more: Partial<GuardRequest> = {},
): GuardRequest => ({
  method: 'GET',
  url: '/',
  header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
  ...more,
});

/** A request with this value of Authorization. */
export const sending = (authorization: string, more?: Partial<GuardRequest>): GuardRequest =>
  requestOf({ authorization }, more);

/** A request with this access token. */
export const bearing = (token: string, more?: Partial<GuardRequest>): GuardRequest =>
  sending(`Bearer ${token}`, more);

/** What came of it: `allowed`, or the code of the refusal. */
export const verdict = (decision: Decision): string =>
  decision.allowed ? 'allowed' : decision.error.code;

/** What a guard makes of a token. */
export const judge = async (
  guard: Guard,
  token: string,
  requirements?: Requirements,
): Promise<string> => verdict(await guard(bearing(token), requirements));

/** The answer to a request that has to be refused. */
export async function refuse(
  guard: Guard,
  request: GuardRequest,
  requirements?: Requirements,
): Promise<Denial<ProblemDetails>> {
  const decision = await guard(request, requirements);
  if (decision.allowed) throw new Error('the guard let it through');
  return decision.denial as Denial<ProblemDetails>;
}
