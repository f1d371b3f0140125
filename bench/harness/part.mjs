import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Runs a part of the bench in a process of its own; its result is plain data. */
export async function runPart(name, order, answers) {
  const file = new URL(`../parts/${name}.mjs`, import.meta.url);
  const child = fork(file, { execArgv: ['--expose-gc'], serialization: 'advanced' });
  let result;
  child.on('message', (message) => {
    if (message.question) child.send({ answer: answers[message.question]() });
    if (message.result) result = message.result;
  });
  child.send({ order });
  const [code] = await once(child, 'exit');
  if (result === undefined) throw new Error(`the part "${name}" failed (exit code ${code})`);
  return result;
}

/** What a part's file does: waits for its order, does it, and hands back what it found. */
export function part(work) {
  process.once('disconnect', () => process.exit(1));
  process.once('message', async ({ order }) => {
    const result = await work({ ...order, ask });
    process.send({ result }, () => process.exit(0));
  });
}

/** Asks the process that started this one. */
async function ask(question) {
  const answered = once(process, 'message');
  process.send({ question });
  const [{ answer }] = await answered;
  return answer;
}
