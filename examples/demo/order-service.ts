export interface OrderServiceOptions {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
  /** The clock, in milliseconds since 1970. */
  now?(): number;
}

/** Takes orders, and so has to know what is in stock. */
export function createOrderService(options: OrderServiceOptions) {
  const { tokenUrl, clientId, clientSecret, scope, now = Date.now } = options;
  let cached: { readonly token: string; readonly freshUntil: number } | undefined;

  async function accessToken(): Promise<string> {
    if (cached && now() < cached.freshUntil) return cached.token;
    const response = await fetch(tokenUrl, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope,
        org_id: 'acme',
      }),
    });
    const body: unknown = await response.json();
    if (!isTokenResponse(body)) throw new Error(`no token: the issuer said ${response.status}`);
    // Half a minute early, so that no token expires on its way.
    cached = { token: body.access_token, freshUntil: now() + (body.expires_in - 30) * 1000 };
    return cached.token;
  }

  async function call(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${await accessToken()}`);
    return fetch(url, { ...init, headers });
  }

  return {
    readStock: (inventory: string, org: string) => call(`${inventory}/orgs/${org}/stock`),
    writeStock: (inventory: string, org: string, [item, count]: readonly [string, number]) =>
      call(`${inventory}/orgs/${org}/stock/${item}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ count }),
      }),
  };
}

function isTokenResponse(body: unknown): body is { access_token: string; expires_in: number } {
  return (
    typeof body === 'object' &&
    body !== null &&
    'access_token' in body &&
    typeof body.access_token === 'string' &&
    'expires_in' in body &&
    typeof body.expires_in === 'number'
  );
}
