#!/usr/bin/env node
import process from 'node:process';
import { run } from './report/command.js';

const width = process.stdout.columns ?? 100;
run(process.argv.slice(2), { env: process.env, width }).then(({ code, out, err }) => {
  process.stdout.write(out);
  process.stderr.write(err);
  process.exitCode = code;
});
