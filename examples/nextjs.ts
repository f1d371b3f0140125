// #region quickstart
// app/orders/route.ts
import type { Principal, Requirements } from 'sallyport';
import { fetchGuard } from 'sallyport/fetch';

const check = fetchGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

type Handler = (request: Request, principal: Principal) => Response | Promise<Response>;

/** Wraps a route handler: it runs only for a valid token. */
const withToken = (requirements: Requirements, handler: Handler) => async (request: Request) => {
  const pass = await check(request, { ...requirements, optional: false });
  if (pass instanceof Response) return pass;
  const response = await handler(request, pass.principal);
  for (const [name, value] of Object.entries(pass.headers)) response.headers.set(name, value);
  return response;
};

export const GET = withToken({ scopes: ['orders:read'] }, (_request, principal) =>
  Response.json({ orders: [], for: principal.subject }),
);
// #endregion
