import * as sallyport from 'sallyport';
import { expressGuard } from 'sallyport/express';
import { fastifyGuard } from 'sallyport/fastify';
import { fetchGuard } from 'sallyport/fetch';
import { createTestIssuer, guardCases } from 'sallyport/testing';
import smoke from './smoke-steps.cjs';

const installed = (name) =>
  import(name).then(
    (framework) => framework.default,
    () => undefined,
  );

console.log(
  await smoke({
    sallyport: {
      ...sallyport,
      expressGuard,
      fastifyGuard,
      fetchGuard,
      createTestIssuer,
      guardCases,
    },
    express: await installed('express'),
    fastify: await installed('fastify'),
  }),
);
