// #region quickstart
import { initTRPC, TRPCError } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import type { Requirements } from 'sallyport';
import { fetchGuard } from 'sallyport/fetch';

const check = fetchGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

interface Context {
  request: Request;
  headers: Headers; // of the response
}
const t = initTRPC.context<Context>().create();

const codes = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  503: 'SERVICE_UNAVAILABLE',
} as const;

/** A procedure that needs a token; `ctx.principal` is its caller. */
const requireToken = (requirements?: Omit<Requirements, 'optional'>) =>
  t.procedure.use(async ({ ctx, next }) => {
    const pass = await check(ctx.request, requirements);
    if (pass instanceof Response) {
      for (const name of ['www-authenticate', 'retry-after', 'cache-control']) {
        const value = pass.headers.get(name);
        if (value !== null) ctx.headers.set(name, value);
      }
      const { title } = await pass.json();
      throw new TRPCError({
        code: codes[pass.status as keyof typeof codes] ?? 'UNAUTHORIZED',
        message: title,
      });
    }
    for (const [name, value] of Object.entries(pass.headers)) ctx.headers.set(name, value);
    return next({ ctx: { principal: pass.principal } });
  });

const router = t.router({
  orders: requireToken({ scopes: ['orders:read'] }).query(({ ctx }) => ({
    orders: [],
    for: ctx.principal.subject,
  })),
});

export default {
  fetch: (req: Request): Promise<Response> =>
    fetchRequestHandler({
      endpoint: '/trpc',
      req,
      router,
      createContext: ({ resHeaders }) => ({ request: req, headers: resHeaders }),
    }),
};
// #endregion
