import { redisInvalidations } from '../../src/redis.js';
import { redisClients } from './redis-server.js';

// A process of its own: says what it hears, and publishes what it is told.

const [, , name = '', port] = process.argv;
const connect = redisClients[name];
if (!connect || !process.send) throw new Error('to be forked, with a client and a port');
const tell = process.send.bind(process);
const [talking, listening] = [await connect(Number(port)), await connect(Number(port))];
const invalidations = redisInvalidations(talking.client, listening.client);
const stop = await invalidations.subscribe((id) => void tell(`heard ${id}`));

process.on('message', async (message: string) => {
  if (message !== 'stop') return invalidations.publish(message);
  await stop();
  talking.close();
  listening.close();
  process.disconnect();
});
tell('listening');
