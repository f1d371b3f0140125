// #region quickstart
import { createSchema, createYoga } from 'graphql-yoga';
import type { Principal } from 'sallyport';
import { fetchGuard } from 'sallyport/fetch';

const check = fetchGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

const yoga = createYoga<{ principal: Principal }>({
  schema: createSchema({
    typeDefs: 'type Query { orders: [ID!]!, for: String }',
    resolvers: {
      Query: {
        orders: () => [],
        for: (_parent, _args, { principal }) => principal.subject,
      },
    },
  }),
});

export default {
  async fetch(request: Request): Promise<Response> {
    const pass = await check(request, { scopes: ['orders:read'] });
    if (pass instanceof Response) return pass;
    const response = await yoga.fetch(request, { principal: pass.principal });
    for (const [name, value] of Object.entries(pass.headers)) response.headers.set(name, value);
    return response;
  },
};
// #endregion
