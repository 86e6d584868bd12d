/** A call on its way: `go` makes it. */
interface Call {
  readonly args: readonly unknown[];
  /** Which call of this method it is, from 1. */
  readonly count: number;
  readonly go: () => Promise<unknown>;
}

/**
 * The part with each call of one method led through a function, which may do something before it or after it, fail instead of
 * it, or answer for it.
 */
export function intercepted<Part extends object>(
  part: Part,
  method: keyof Part & string,
  around: (call: Call) => Promise<unknown>,
): Part {
  let count = 0;
  return new Proxy(part, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        const go = () => Reflect.apply(member, target, args) as Promise<unknown>;
        if (key !== method) return go();
        count += 1;
        return around({ args, count, go });
      };
    },
  });
}

/** The part whose method fails as long as `isBroken` says so. */
export function failing<Part extends object>(
  part: Part,
  method: keyof Part & string,
  error: Error,
  isBroken: () => boolean = () => true,
): Part {
  return intercepted(part, method, ({ go }) => (isBroken() ? Promise.reject(error) : go()));
}
