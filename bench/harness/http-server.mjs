import { start } from '../contestants/servers.mjs';
import { processTime, sweep } from './measure.mjs';

/** A server with one contestant, that tells on request what it has used since it was last asked. */
let since;

const use = {
  begin() {
    sweep();
    since = { cpu: processTime(), elu: performance.eventLoopUtilization() };
    return {};
  },
  end() {
    const { cpu, elu } = since;
    const { utilization } = performance.eventLoopUtilization(elu);
    return { cpu: processTime() - cpu, busy: utilization };
  },
};

process.once('disconnect', () => process.exit());
process.on('message', async ({ framework, name, issuer, ask }) => {
  process.send(ask ? use[ask]() : { port: await start(framework, name, issuer) });
});
