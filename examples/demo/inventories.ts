import { createServer } from 'node:http';
import type { GuardOptions } from 'sallyport';
import { listen } from '../listen.js';
import { createInventory as onExpress } from './inventory-express.js';
import { createInventory as onFastify } from './inventory-fastify.js';

/** What the inventory API is built on. */
export const frameworks = ['Express', 'Fastify'] as const;

/** The inventory API, served on a port of its own. */
export interface Inventory {
  readonly origin: string;
  close(): unknown;
}

/** Starts it on each framework, in that order. */
export async function startInventories(options: GuardOptions): Promise<readonly Inventory[]> {
  const express = await listen(createServer(onExpress(options)));
  const fastify = await onFastify(options);
  const origin = await fastify.listen({ port: 0, host: '127.0.0.1' });
  return [express, { origin, close: () => fastify.close() }];
}
