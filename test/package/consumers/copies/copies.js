import { createRequire } from 'node:module';
import * as esmCore from 'sallyport';
import * as esmKeys from 'sallyport/api-keys';
import * as esmAudit from 'sallyport/audit';
import * as esmExpress from 'sallyport/express';
import * as esmFastify from 'sallyport/fastify';
import * as esmFetch from 'sallyport/fetch';
import * as esmPlan from 'sallyport/plan';
import * as esmPostgres from 'sallyport/postgres';
import * as esmRedis from 'sallyport/redis';
import * as esmReport from 'sallyport/report';
import * as esmTesting from 'sallyport/testing';
import * as esmUsage from 'sallyport/usage';

// Both builds in one process: as when a CommonJS dependency of an ESM application uses sallyport.
const require = createRequire(import.meta.url);

export const esm = {
  ...{ ...esmCore, ...esmExpress, ...esmFastify, ...esmFetch, ...esmTesting },
  ...{ ...esmKeys, ...esmPlan, ...esmPostgres, ...esmRedis },
  ...{ ...esmAudit, ...esmReport, ...esmUsage },
};
export const cjs = {
  ...require('sallyport'),
  ...require('sallyport/express'),
  ...require('sallyport/fastify'),
  ...require('sallyport/fetch'),
  ...require('sallyport/testing'),
  ...require('sallyport/api-keys'),
  ...require('sallyport/plan'),
  ...require('sallyport/postgres'),
  ...require('sallyport/redis'),
  ...require('sallyport/audit'),
  ...require('sallyport/report'),
  ...require('sallyport/usage'),
};

/** Every pair of a copy and the other one. */
export const pairs = [
  [esm, cjs],
  [cjs, esm],
];

if (esm.AuthError === cjs.AuthError) throw new Error('these must be two copies');
