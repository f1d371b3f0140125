import { openSync, readSync } from 'node:fs';
import { quantile } from './rounds.mjs';

/**
 * What is called event-loop time here: for how long the main thread kept the processor, in
 * milliseconds. Node 22.19 and 24 say it; on older ones Linux does. Elsewhere it is the time in
 * which the event loop did not wait, which other programs on the machine lengthen.
 */
export const loopClock = chooseLoopClock();

function chooseLoopClock() {
  if (process.threadCpuUsage) {
    return {
      name: 'CPU time of the main thread, by process.threadCpuUsage()',
      read: () => milliseconds(process.threadCpuUsage()),
    };
  }
  if (process.platform === 'linux') {
    return {
      name: 'CPU time of the main thread, by /proc/self/schedstat',
      read: schedulerStatistics(),
    };
  }
  return {
    name: 'time in which the event loop did not wait, by eventLoopUtilization()',
    read: () => performance.eventLoopUtilization().active,
  };
}

function schedulerStatistics() {
  const file = openSync('/proc/self/schedstat');
  const text = Buffer.alloc(64);
  const cell = new Int32Array(new SharedArrayBuffer(4));
  return () => {
    // Linux counts a thread's time up to when it last stopped running: so it has to stop.
    Atomics.wait(cell, 0, 0, 1);
    readSync(file, text, 0, text.length, 0);
    return Number.parseInt(text.toString('latin1'), 10) / 1e6;
  };
}

const milliseconds = ({ user, system }) => (user + system) / 1000;

/** The CPU time of all threads so far, in milliseconds. */
export const processTime = () => milliseconds(process.cpuUsage());

/**
 * Runs `work`, which does `count` operations, and tells what one of them took in microseconds:
 * `wall`, `cpu` (all threads of the process) and, where `loop` is asked for, `loop`.
 */
export async function measure(count, work, { loop = false } = {}) {
  const loopBefore = loop ? loopClock.read() : 0;
  const cpuBefore = processTime();
  const begun = performance.now();
  await work();
  const wall = performance.now() - begun;
  const cpu = processTime() - cpuBefore;
  const each = (time) => (time * 1000) / count;
  if (!loop) return { wall: each(wall), cpu: each(cpu) };
  const busy = loopClock.read() - loopBefore;
  return { wall: each(wall), cpu: each(cpu), loop: each(busy - (await costOfReading())) };
}

let cost;

/** What reading the clock adds to what it tells. */
function costOfReading() {
  cost ??= (async () => {
    const idle = [];
    for (let i = 0; i < 31; i++) {
      const before = loopClock.read();
      processTime();
      await undefined;
      processTime();
      idle.push(loopClock.read() - before);
    }
    return quantile(idle);
  })();
  return cost;
}

/**
 * Young garbage is collected, so that nobody pays for what the one before has left. Not all of it:
 * that throws away what the engine has learned, and was seen to double the next numbers.
 */
export const sweep = () => globalThis.gc({ type: 'minor' });

/** All garbage is collected. */
export const sweepAll = () => globalThis.gc();
