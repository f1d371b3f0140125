import { createRequire } from 'node:module';
import * as esmCore from 'sallyport';
import * as esmExpress from 'sallyport/express';
import * as esmFastify from 'sallyport/fastify';
import * as esmFetch from 'sallyport/fetch';
import * as esmTesting from 'sallyport/testing';

// Both builds in one process: as when a CommonJS dependency of an ESM application uses sallyport.
const require = createRequire(import.meta.url);

export const esm = { ...esmCore, ...esmExpress, ...esmFastify, ...esmFetch, ...esmTesting };
export const cjs = {
  ...require('sallyport'),
  ...require('sallyport/express'),
  ...require('sallyport/fastify'),
  ...require('sallyport/fetch'),
  ...require('sallyport/testing'),
};

/** Every pair of a copy and the other one. */
export const pairs = [
  [esm, cjs],
  [cjs, esm],
];

if (esm.AuthError === cjs.AuthError) throw new Error('these must be two copies');
