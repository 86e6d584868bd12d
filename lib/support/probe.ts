import { appendFileSync } from 'node:fs';

/** Is told each point that work passes. */
export type Probe = (point: string) => void;

/**
 * A part whose every asynchronous call passes two points, `<name>.<method>:before` and `:after`: how tests kill the built program
 * around each effect without the machine knowing. A journal's `append` names the kind of entry as well.
 */
export function probed<Part extends object>(name: string, part: Part, probe: Probe): Part {
  return new Proxy(part, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function' || typeof key !== 'string') return member;
      return (...args: unknown[]) => {
        const kind = (args[0] as { kind?: unknown } | null | undefined)?.kind;
        const point = key === 'append' && typeof kind === 'string' ? `${name}.append.${kind}` : `${name}.${key}`;
        const call = () => Reflect.apply(member, target, args) as unknown;
        if (key === 'close') return call();
        probe(`${point}:before`);
        const result = call();
        if (!(result instanceof Promise)) return result;
        return result.then((value: unknown) => {
          probe(`${point}:after`);
          return value;
        });
      };
    },
  });
}

/** A probe that logs points to a file and kills this process when it comes to one for the nth time. */
export function crashProbe(crashPoint: string, logPath: string): Probe {
  const [wanted, nth] = crashPoint.split('@');
  let hits = 0;
  return (point) => {
    if (logPath !== '') appendFileSync(logPath, `${point}\n`);
    if (point !== wanted) return;
    hits += 1;
    if (hits === Number(nth ?? 1)) process.kill(process.pid, 'SIGKILL');
  };
}
