import { frameworks } from './inventories.js';
import { tellOfKeys } from './keys.js';
import { createTable } from './table.js';
import { tellOfTokens } from './tokens.js';

const table = createTable(frameworks);
await tellOfTokens(table);
await tellOfKeys(table);
if (!table.end()) process.exitCode = 1;
