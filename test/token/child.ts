import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a process says that was left to itself. */
export interface Said {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

/** Runs a module, which may import what is in src/, as one file in a process of its own. */
export async function runAlone(module: string, flags: readonly string[] = []): Promise<Said> {
  const { outputFiles } = await build({
    stdin: { contents: module, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    write: false,
  });
  const node = spawn(process.execPath, [...flags, '--input-type=module', '-'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  onTestFinished(() => void node.kill());
  const code = new Promise<number | null>((done) => node.once('close', done));
  node.stdin.on('error', () => {});
  node.stdin.end(outputFiles[0]?.text);
  const [out, err] = await Promise.all([text(node.stdout), text(node.stderr)]);
  return { out, err, code: await code };
}
