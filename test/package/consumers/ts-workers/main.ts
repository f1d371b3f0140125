import { createGuard } from 'sallyport';
import { fetchGuard } from 'sallyport/fetch';

// A host with Request and Response and without the types of Node.

const guard = createGuard({ issuer: 'https://issuer.test', audience: 'https://api.test' });
const check = fetchGuard(guard);

export default {
  async fetch(request: Request): Promise<Response> {
    const pass = await check(request, { scopes: ['orders:read'] });
    return pass instanceof Response ? pass : new Response(pass.principal.subject ?? 'nobody');
  },
};
