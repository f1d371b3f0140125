import { readFileSync } from 'node:fs';
import * as sallyport from 'sallyport';
import * as keys from 'sallyport/api-keys';
import { auditLog } from 'sallyport/audit';
import { expressGuard } from 'sallyport/express';
import { fastifyGuard } from 'sallyport/fastify';
import { fetchGuard } from 'sallyport/fetch';
import { planFile } from 'sallyport/plan';
import { postgresApiKeys } from 'sallyport/postgres';
import * as redis from 'sallyport/redis';
import { migrationReport, renderHtml, reportPage } from 'sallyport/report';
import { conformanceCases, createTestIssuer } from 'sallyport/testing';
import { fileUsageStore } from 'sallyport/usage';
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
      postgresApiKeys,
      ...redis,
      ...{ auditLog, fileUsageStore, migrationReport, renderHtml, reportPage },
      createTestIssuer,
      conformanceCases,
    },
    schema: JSON.parse(readFileSync(new URL(import.meta.resolve('sallyport/plan.schema.json')))),
    express: await installed('express'),
    fastify: await installed('fastify'),
  }),
);
