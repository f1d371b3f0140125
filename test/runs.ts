/** Whether every test runs, as often as it should before a merge: `npm run test:full`. */
export const inFull = process.env.SALLYPORT_TESTS === 'full';

/**
 * How often a property is tried, or how much of a flood comes: all of it in `npm run test:full`,
 * a tenth unless told otherwise in `npm test`.
 */
export const runs = (all: number, quick = Math.ceil(all / 10)): number => (inFull ? all : quick);
