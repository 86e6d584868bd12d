import { appendFileSync } from 'node:fs';

/** Is told each point that work passes, and the name of the document where the call is about one. */
export type Probe = (point: string, name?: string) => void;

/**
 * A part whose every asynchronous call passes two points, `<name>.<method>:before` and `:after`: how tests kill the built program
 * around each effect without the machine knowing. A journal's `append` names the kind of entry as well; a call whose first
 * argument has a name tells that too, so that one document can be made to kill whatever works on it.
 */
export function probed<Part extends object>(name: string, part: Part, probe: Probe): Part {
  return new Proxy(part, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function' || typeof key !== 'string') return member;
      return (...args: unknown[]) => {
        const { kind, name: about } = (args[0] ?? {}) as { readonly kind?: unknown; readonly name?: unknown };
        const reach = (point: string) => (typeof about === 'string' ? probe(point, about) : probe(point));
        const point = key === 'append' && typeof kind === 'string' ? `${name}.append.${kind}` : `${name}.${key}`;
        const call = () => Reflect.apply(member, target, args) as unknown;
        if (key === 'close') return call();
        reach(`${point}:before`);
        const result = call();
        if (!(result instanceof Promise)) return result;
        return result.then((value: unknown) => {
          reach(`${point}:after`);
          return value;
        });
      };
    },
  });
}

/**
 * A probe that logs points to a file and kills this process when it comes to one for the nth time, or stops it there (SIGSTOP).
 *
 * @param crashPoint `point`, `point@n`, or `point#name` for the calls about the document of that name; after `stop ` to be stopped.
 */
export function crashProbe(crashPoint: string, logPath: string): Probe {
  const [, stop, wanted, nth] = /^(stop )?([^@]*)(?:@(.*))?$/.exec(crashPoint)!;
  let hits = 0;
  return (point, name) => {
    if (logPath !== '') appendFileSync(logPath, `${point}\n`);
    if (point !== wanted && `${point}#${name}` !== wanted) return;
    hits += 1;
    if (hits === Number(nth ?? 1)) process.kill(process.pid, stop === undefined ? 'SIGKILL' : 'SIGSTOP');
  };
}
