let passed = 0;
let failed = 0;

/** Runs one check, says in one line how it went, and tells whether it passed. */
export async function check(title, run) {
  try {
    await run();
    passed += 1;
    console.log(`ok - ${title}`);
    return true;
  } catch (error) {
    failed += 1;
    console.log(`not ok - ${title}`);
    console.log(String(error?.message ?? error).replace(/^/gm, '    '));
    return false;
  }
}

/** Counts what was checked; nothing checked is a failure too. */
export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
}
