/** The same text, that keeps nothing of what it was cut out of: a slice of a request keeps all of it. */
export const copyOf = (text: string): string => {
  const encoding = /^[\0-\xff]*$/.test(text) ? 'latin1' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
};
