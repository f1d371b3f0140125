import assert from 'node:assert/strict';
import { join } from 'node:path';
import { runNode } from './child.mjs';
import { place } from './project.mjs';
import { check } from './report.mjs';

/** TypeScript by the name it is installed under. */
export const compilers = {
  typescript: '5.9.3',
  typescript6: 'npm:typescript@6',
  typescript7: 'npm:typescript@7',
};

/** What the projects of a user who has everything have installed, beside sallyport. */
export const frameworks = {
  ...compilers,
  '@modelcontextprotocol/sdk': '1',
  '@types/express': '5',
  '@types/node': '20',
  express: '5',
  'express-oauth2-jwt-bearer': '1',
  fastify: '5',
  hono: '4',
  jest: '30',
};

/** Runs a program that prints one line when it has tried everything. */
export async function works(file, cwd) {
  const { stdout, stderr } = await runNode([file], cwd);
  assert.equal(stdout, 'works\n');
  assert.equal(stderr, '');
}

/** Compiles a project with everything it imports: none of them says skipLibCheck by accident. */
export const compile = (folder, project, compiler = 'typescript') =>
  runNode([join(folder, 'node_modules', compiler, 'bin', 'tsc'), '-p', project], folder);

/** Projects in plain JavaScript. */
export async function checkJavaScript(folder) {
  for (const name of ['esm', 'cjs']) {
    await check(`${name}: runs every door`, async () => {
      await works('main.js', await place(folder, name));
    });
  }

  await check('copies: the errors of both builds know each other', async () => {
    await works('errors.js', await place(folder, 'copies'));
  });
  await check('copies: a guard of one build opens the doors of the other', async () => {
    await works('doors.js', await place(folder, 'copies'));
  });

  await check('jest: a plain CommonJS test passes', async () => {
    const jest = join(folder, 'node_modules/jest/bin/jest.js');
    const { stderr } = await runNode([jest, '--cacheDirectory=cache'], await place(folder, 'jest'));
    assert.match(stderr, /^Tests: +6 passed, 6 total$/m);
  });
  await check('node-test: tests of both kinds pass', async () => {
    const { stdout } = await runNode(['--test'], await place(folder, 'node-test'));
    assert.match(stdout, /^. pass 3$/m);
    assert.match(stdout, /^. fail 0$/m);
  });
}

/** Projects in TypeScript, one for every way to resolve the types. */
export async function checkTypeScript(folder) {
  for (const [compiler, version] of Object.entries(compilers)) {
    const project = await place(folder, 'ts-nodenext', 'typescript');
    await check(
      `ts-nodenext: compiles with TypeScript ${version.split('@').at(-1)}, and runs`,
      async () => {
        await compile(folder, project, compiler);
        await works('out/main.js', project);
        await works('out/mixed.js', project);
      },
    );
  }

  await check('ts-bundler: compiles and runs', async () => {
    const project = await place(folder, 'ts-bundler', 'typescript');
    await compile(folder, project);
    await works('out/main.js', project);
  });

  for (const resolution of ['node10', 'node16']) {
    await check(`ts-commonjs: compiles under ${resolution}, and runs`, async () => {
      const project = await place(folder, 'ts-commonjs', 'typescript');
      await compile(folder, join(project, `tsconfig.${resolution}.json`));
      await works('out/main.js', project);
    });
  }
}

/** Beside packages that declare `Request.auth`, each as its own type. */
export async function checkNeighbours(folder) {
  for (const name of ['beside-mcp', 'beside-auth0', 'beside-both']) {
    await check(`${name}: req.principal and req.auth stand in one handler`, async () => {
      const project = await place(folder, name);
      await compile(folder, project);
      await works('out/main.js', project);
    });
  }

  await check('beside-both: no error of skipLibCheck: false is ours', async () => {
    const project = await place(folder, 'beside-both');
    const tsc = [join(folder, 'node_modules/typescript/bin/tsc'), '-p', project];
    const { stdout } = await runNode([...tsc, '--skipLibCheck', 'false'], folder).catch(
      ({ message }) => ({ stdout: message }),
    );
    const errors = stdout.split('\n').filter((line) => /\berror TS\d+/.test(line));
    for (const line of errors) assert.match(line, /@types\/express-serve-static-core/);
    assert(!/sallyport|principal/i.test(stdout.split('\n').slice(1).join('\n')), stdout);
  });
}
