// #region quickstart
import { fetchGuard } from 'sallyport/fetch';

const check = fetchGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

export default {
  async fetch(request: Request): Promise<Response> {
    const pass = await check(request, { scopes: ['orders:read'] });
    if (pass instanceof Response) return pass;
    const orders = { orders: [], for: pass.principal.subject };
    return Response.json(orders, { headers: pass.headers });
  },
};
// #endregion
