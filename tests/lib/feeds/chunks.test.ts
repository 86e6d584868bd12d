import { expect, test } from 'vitest';
import { itemsOf, shownItems } from './reading.ts';

// Goal: how an input comes in chunks changes nothing. Method: inputs that hold every kind of piece are cut at each byte, in each chunk
// size, and values of a seeded generator are written in every line-up and read again.

const INPUTS = {
  lines:
    '\uFEFF{"a":"é😀\\n\\\\"}\r\n\n\uFEFF{"b":[1,{"c":9007199254740993}]}\n[1 true]\n{"x":"y\n{"d":1,"d":2}\noops\n{"e":1e400}\n{"f":"\\ud800"}{"g":1} {"h":2} !\n[{"i":1},{"j":}]\n{"z":',
  array: ' [{"a":"é😀"},\r\n {"b":"5" pipe"},7, "s",{"c":[1}\n,,{"d":{}}{"e":"\\"}"},null]x\n{"f":1}',
  broken: '{"a":1,\n{"b":2}\n"c\n{"d":\n 3}\n{"e":4}',
  answer:
    '{"pagination":{"a":"]"},"data":[{"a":"é"},{"b":},{"c":[]}]}\n{"Status":"SUCCESS","details":{"rows":[{"id":1}]}}',
  garbage: 'é😀 once\n\n upon "a time\r\n{"a":1}\n',
  table: '\uFEFFid;gps.latitude;note\r\n1;41.5;"é😀 ""x""\r\ny"\n\n2;;\n3;4\n"5"6;7;8\n9;10;"open\n11;12;13\r\n',
  wide: Buffer.from('\uFEFFid\tname\r\n1\té😀\r\n', 'utf16le'),
} as const;

test.each(Object.entries(INPUTS))('an input gives the same items wherever it is cut in two: %s', async (_, input) => {
  const { length } = Buffer.from(input as Uint8Array);
  const whole = await itemsOf(input);
  expect(whole.length).toBeGreaterThan(0);
  for (let cut = 0; cut <= length; cut += 1)
    expect(await itemsOf(input, { cuts: [cut] }), `cut at ${cut}`).toEqual(whole);
});

test.each(Object.entries(INPUTS))('an input gives the same items in chunks of any size: %s', async (_, input) => {
  const { length } = Buffer.from(input as Uint8Array);
  for (const maxRecordBytes of [12, 1024]) {
    const whole = await itemsOf(input, { maxRecordBytes });
    for (const size of [1, 2, 3, 5, 7, 11, 16]) {
      const cuts = Array.from({ length: Math.ceil(length / size) }, (_each, index) => index * size);
      expect(await itemsOf(input, { maxRecordBytes, cuts }), `chunks of ${size}`).toEqual(whole);
    }
  }
});

test('what a text begins with decides, however much of it has come', async () => {
  const input = `${' '.repeat(70_000)}id,name\n1,a\n`;
  const cuts = Array.from({ length: 70 }, (_, index) => (index + 1) * 1000);
  expect(await itemsOf(input, { cuts })).toEqual(await itemsOf(input));
});

/** Numbers from 0 to 1 that are the same each time. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const NAMES = [
  'id',
  'a',
  'b',
  '',
  '__proto__',
  'é',
  '😀',
  'a"b',
  '\\',
  'x:y',
  '{',
  ']',
  'tab\t',
  'data',
  'long name '.repeat(20),
];

function randomValue(random: () => number, depth: number): unknown {
  const choice = Math.floor(random() * (depth > 4 ? 5 : 7));
  if (choice === 0) return Math.round((random() - 0.5) * 10 ** (random() * 9));
  if (choice === 1) return (random() - 0.5) * 10 ** (random() * 32 - 20);
  if (choice === 2) return [true, false, null][Math.floor(random() * 3)];
  if (choice <= 4) return NAMES[Math.floor(random() * NAMES.length)]! + NAMES[Math.floor(random() * NAMES.length)]!;
  if (choice === 5) return Array.from({ length: random() * 4 }, () => randomValue(random, depth + 1));
  return randomObject(random, depth + 1);
}

function randomObject(random: () => number, depth = 0): object {
  const pairs = Array.from({ length: random() * 5 }, () => NAMES[Math.floor(random() * NAMES.length)]!);
  return Object.fromEntries(pairs.map((name) => [name, randomValue(random, depth)]));
}

test('generated values are what JSON.parse makes of them, in every line-up and however they are cut', async () => {
  const random = createRandom(6);
  for (let round = 0; round < 150; round += 1) {
    const objects = Array.from({ length: 1 + random() * 6 }, () => ({ n: round, ...randomObject(random) }));
    const texts = objects.map((object) => JSON.stringify(object));
    const spaced = objects.map((object) => JSON.stringify(object, null, random() < 0.5 ? 2 : '\t'));
    const lineUps = [
      texts.join('\n'),
      texts.join('\r\n\r\n'),
      texts.join(''),
      spaced.join('\n'),
      `[${texts.join(',')}]`,
      JSON.stringify(objects, null, 1),
    ];
    for (const text of lineUps) {
      const { length } = Buffer.from(text);
      const cuts = [random(), random(), random()].map((share) => Math.floor(share * length)).sort((a, b) => a - b);
      const items = await itemsOf(text, { cuts });
      const read = items.map((item) => (item.kind === 'record' ? JSON.stringify(item.record.value) : item));
      expect(read, text).toEqual(texts.map((each) => JSON.stringify(JSON.parse(each))));
    }
  }
});

test('a damaged value is rejected where JSON.parse throws, and its neighbours are read', async () => {
  const random = createRandom(7);
  const damages = ['"', ',', ':', '\\', '1', 'x', ' ', '\n', '\u0000', '', '}', ']', '{', '['];
  for (let round = 0; round < 3_000; round += 1) {
    const text = JSON.stringify({ n: round, ...randomObject(random) });
    const at = 1 + Math.floor(random() * (text.length - 1));
    const damage = damages[Math.floor(random() * damages.length)]!;
    const damaged = `${text.slice(0, at)}${damage}${text.slice(at + 1)}`.toWellFormed();
    // A point that is damaged makes an integer of which JSON.parse keeps less.
    if (/\d{16}/.test(damaged)) continue;
    const items = await shownItems(`[{"first":1},${damaged},{"last":1}]`);
    expect(items[0]).toBe('[0] {"first":1}');
    const value = parsedOrNull(damaged);
    if (value === null) expect(items.join('\n'), damaged).toContain('✗');
    else if (items.length > 3 || !items[1]!.includes('stands twice'))
      expect(items.slice(1), damaged).toEqual([`[1] ${value}`, '[2] {"last":1}']);
    expect(items.at(-1), damaged).toContain('{"last":1}');
  }
});

test('any table gives each of its rows once, as a record or rejected, and what is quoted as it was', async () => {
  const random = createRandom(8);
  const parts = ['a', '1', ' ', '"', '""', ',', '\n', '\r\n', '\r', 'é😀', '\t', ';', '{', '\ufeff'];
  const text = () => Array.from({ length: random() * 6 }, () => parts[Math.floor(random() * parts.length)]).join('');
  for (let round = 0; round < 1_000; round += 1) {
    const cells = Array.from({ length: 3 }, () => `x${text()}`);
    const row = cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',');
    const hostile = text();
    const items = await itemsOf(`a,b,c\n${row}\n${'1,2,3\n'.repeat(20)}${hostile}\n${row}\n`);
    const expected = { kind: 'record', record: { value: { a: cells[0], b: cells[1], c: cells[2] } } };
    expect(items[0], hostile).toMatchObject(expected);
    if (!hostile.includes('"')) expect(items.at(-1), hostile).toMatchObject(expected);
  }
});

function parsedOrNull(text: string): string | null {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return null;
  }
}
