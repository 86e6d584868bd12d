import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { ConfigError } from '../contracts/errors.ts';

/** Headers by the origin that they are for. */
export type OriginHeaders = ReadonlyMap<string, Readonly<Record<string, string>>>;

const OTHERS_BITS = 0o077;

/** What a request is made of, and what would ask for something else than the file. */
const OWN_NAMES =
  /^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|keep-alive|expect|proxy-.*|range|if-.*|accept-encoding)$/i;

const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Reads a file of headers: a line with an origin (`https://docs.example.com`), below it lines `Name: value` that are sent to that origin
 * and no other. Lines that are empty or begin with `#` say nothing.
 *
 * @throws ConfigError when others than its owner may read it, or a line is none of these; what stands in the line is not told.
 */
export function readHeaderFile(path: string): OriginHeaders {
  const found = new Map<string, Record<string, string>>();
  let origin: string | null = null;
  for (const [index, text] of readSecret(path).split(/\r?\n/).entries()) {
    const line = text.trim();
    if (line === '' || line.startsWith('#')) continue;
    const refuse = (problem: string) => refusal(path, `line ${index + 1} ${problem}`);
    if (/^https?:\/\//i.test(line)) {
      origin = originOf(line);
      if (origin === null) throw refuse('is no origin: write it as https://docs.example.com, without a path');
      continue;
    }
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined) throw refuse('is neither an origin nor a header: write Name: value');
    if (origin === null) throw refuse('says no server: write https://docs.example.com above the headers meant for it');
    if (OWN_NAMES.test(name)) throw refuse(`sets ${name}, which apex sets itself`);
    found.set(origin, { ...found.get(origin), [name.toLowerCase()]: value });
  }
  return found;
}

function originOf(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { origin, pathname, search, hash, username, password } = new URL(text);
  return pathname === '/' && search + hash + username + password === '' ? origin : null;
}

function readSecret(path: string): string {
  let file: number;
  try {
    // Opening a fifo would wait for its writer.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw refusal(path, `cannot be read (${String((cause as { code?: unknown }).code)})`, cause);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw refusal(path, 'is not a regular file');
    if (isOpenToOthers(stats)) throw refusal(path, `may be read by others: chmod 600 ${path}`);
    return readFileSync(file, 'latin1').replace(/^\xef\xbb\xbf/, '');
  } finally {
    closeSync(file);
  }
}

function isOpenToOthers({ uid, mode }: Stats): boolean {
  const own = process.geteuid?.() ?? uid;
  return (uid !== own && own !== 0) || (mode & OTHERS_BITS) !== 0;
}

function refusal(path: string, problem: string, cause?: unknown): ConfigError {
  const { code } = (cause ?? {}) as { code?: unknown };
  return new ConfigError(`the header file ${path} ${problem}`, {
    code: code === 'EACCES' || problem.startsWith('may be') ? 'APEX_PERMISSION' : 'APEX_CONFIG',
    details: { path },
    cause,
  });
}
