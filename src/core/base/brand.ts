/**
 * Makes `instanceof` know the instances of the same class of another copy of the package, such as ESM
 * beside CommonJS, by a mark. A subclass has no mark of its own: it knows its own instances only, by
 * their prototype, as ever.
 */
export function brand(base: { readonly prototype: object }, name: string): void {
  const mark = Symbol.for(`sallyport.${name}`);
  Object.defineProperty(base.prototype, mark, { value: true });
  Object.defineProperty(base, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== base) return Function.prototype[Symbol.hasInstance].call(this as never, value);
      return typeof value === 'object' && value !== null && mark in value;
    },
  });
}
