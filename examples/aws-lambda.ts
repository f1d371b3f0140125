// #region quickstart
import { fetchGuard } from 'sallyport/fetch';

// Outside the handler: the guard and its cached keys last as long as the execution environment.
const check = fetchGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

/** What the guard reads of an event of a function URL, or of an HTTP API (payload version 2.0). */
interface HttpEvent {
  rawPath: string;
  rawQueryString: string;
  headers: Record<string, string | undefined>;
  requestContext: { domainName: string; http: { method: string } };
}

function toRequest({ rawPath, rawQueryString, headers, requestContext }: HttpEvent): Request {
  const query = rawQueryString === '' ? '' : `?${rawQueryString}`;
  const given = Object.entries(headers).filter(
    (one): one is [string, string] => one[1] !== undefined,
  );
  return new Request(`https://${requestContext.domainName}${rawPath}${query}`, {
    method: requestContext.http.method,
    headers: given,
  });
}

async function toResult(response: Response) {
  const headers = Object.fromEntries(response.headers);
  return { statusCode: response.status, headers, body: await response.text() };
}

export async function handler(event: HttpEvent) {
  const pass = await check(toRequest(event), { scopes: ['orders:read'] });
  if (pass instanceof Response) return toResult(pass);
  const orders = { orders: [], for: pass.principal.subject };
  return toResult(Response.json(orders, { headers: pass.headers }));
}
// #endregion
