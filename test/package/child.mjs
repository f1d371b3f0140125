import { execFile } from 'node:child_process';

// What `npm run` tells its scripts about this project would mislead an npm in another folder, and
// colours, asked for here, would stand in what is read there.
const misleading =
  /^(npm_(package|lifecycle)_|npm_config_local_prefix$|INIT_CWD$|FORCE_COLOR$|NODE_OPTIONS$)/;
const inherited = Object.entries(process.env).filter(([name]) => !misleading.test(name));
const env = { ...Object.fromEntries(inherited), NO_COLOR: '1' };

/** Runs a program to its end, at most two minutes, and answers what it printed. */
export function run(program, args, cwd) {
  const limits = { timeout: 120_000, killSignal: 'SIGKILL', maxBuffer: 2 ** 24 };
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env, ...limits }, (error, stdout, stderr) => {
      if (!error) return resolve({ stdout, stderr: withoutWarnings(stderr) });
      const why = error.killed ? 'took more than two minutes' : `failed (${error.code})`;
      reject(new Error(`${[program, ...args].join(' ')} ${why}\n${stdout}${stderr}`.trim()));
    });
  });
}

// What these guards are asked on purpose would be a mistake elsewhere, and they have no listener.
const withoutWarnings = (text) =>
  text
    .split('\n')
    .filter((line) => !/^\(node:\d+\) \[SALLYPORT_|^\(Use `node --trace-warnings/.test(line))
    .join('\n');

/** Runs a program with this Node. */
export const runNode = (args, cwd) => run(process.execPath, args, cwd);

/** Runs npm. Nothing that is installed here needs a script of its own. */
export const runNpm = (args, cwd) =>
  run('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], cwd);
