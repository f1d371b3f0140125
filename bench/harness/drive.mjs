/**
 * Every operation begins with bytes, as a server's does: a string made anew has no hash yet, and no
 * engine has seen it. All contestants pay for that alike. Every verdict is looked at.
 */
const deliver = (bytes) => bytes.toString('latin1');

/** Verifies tokens `from`, `from + 1`, … of the pool, each after the one before has its verdict. */
export async function oneAtATime({ name, verify }, pool, { from = 0, count }) {
  const { headers, subjects } = pool;
  for (let n = 0; n < count; n++) {
    const i = (from + n) % headers.length;
    const answer = verify(deliver(headers[i]), i);
    // Who answers at once need not be waited for.
    const subject = typeof answer === 'string' ? answer : await answer;
    if (subject !== subjects[i]) throw wrong(name, subject, subjects[i]);
  }
}

/** The same with `lanes` of them under way at any time. */
export async function inFlight({ name, verify }, pool, { count, lanes }) {
  const { headers, subjects } = pool;
  let next = 0;
  async function lane() {
    while (next < count) {
      const i = next++;
      const subject = await verify(deliver(headers[i]));
      if (subject !== subjects[i]) throw wrong(name, subject, subjects[i]);
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane));
}

/**
 * Has tokens refused, one at a time. Answers how often with what status; `thrown` are refusals of
 * libraries that know no status.
 */
export async function refuseOneAtATime({ name, verify }, pool, { from = 0, count }) {
  const { headers } = pool;
  const statuses = {};
  for (let n = 0; n < count; n++) {
    const status = await verdictOf(verify, deliver(headers[(from + n) % headers.length]));
    if (typeof status === 'string' && status !== 'thrown') throw wrong(name, status, 'a refusal');
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  return statuses;
}

/** Whom a header speaks for, or the status with which it is refused, or `thrown`. */
export async function verdictOf(verify, authorization) {
  try {
    return await verify(authorization);
  } catch (error) {
    if (error instanceof TypeError || error instanceof ReferenceError) throw error;
    return 'thrown';
  }
}

const wrong = (name, got, meant) =>
  new Error(`${name} answered ${got} where ${meant} would be right: nothing here can be trusted`);
