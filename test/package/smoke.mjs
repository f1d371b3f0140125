import { readFileSync } from 'node:fs';
import * as sallyport from 'sallyport';
import { expressGuard } from 'sallyport/express';
import { fastifyGuard } from 'sallyport/fastify';
import { fetchGuard } from 'sallyport/fetch';
import * as keys from 'sallyport/keys';
import { planFile } from 'sallyport/plan';
import { postgresKeys } from 'sallyport/postgres';
import * as redis from 'sallyport/redis';
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
      ...keys,
      planFile,
      postgresKeys,
      ...redis,
      createTestIssuer,
      guardCases,
    },
    schema: JSON.parse(readFileSync(new URL(import.meta.resolve('sallyport/plan.schema.json')))),
    express: await installed('express'),
    fastify: await installed('fastify'),
  }),
);
