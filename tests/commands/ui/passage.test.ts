import { expect, test } from 'vitest';
import { passage } from '../../../commands/ui/passage.ts';
import { displayWidth } from '../../../commands/ui/text.ts';

const mark = (word: string) => `[${word}]`;
const options = { width: 40, maxLines: 2, mark };

test('the lines that hold most of what was looked for are shown, and that there is more', () => {
  const text =
    'RATE CONFIRMATION\n\nDate: November 4\nLoad number: LD-20418\nCarrier: Sundmere Linehaul\nPickup: Dallas';
  expect(passage(text, 'who carries load 20418?', options)).toEqual([
    ' … [Load] number: LD-[20418]',
    '   [Carrier]: Sundmere Linehaul …',
  ]);
});

test('a text that holds none of the words is shown from its beginning', () => {
  expect(passage('one\ntwo\nthree', 'zebra', options)).toEqual(['   one', '   two …']);
});

test('a short text is shown whole', () => {
  expect(passage('Bay nine is free.', 'nine', options)).toEqual(['   Bay [nine] is free.']);
});

test('a long line is wrapped, so that a word far inside it is seen', () => {
  const text = `${'filler '.repeat(40)}needle ${'filler '.repeat(40)}`;
  const lines = passage(text, 'needle', options);
  expect(lines.join('\n')).toContain('[needle]');
  for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(40 + '[]'.length);
});

test('case and accents do not matter, and neither do the ends of long words; numbers must be equal', () => {
  expect(passage('Café SHIPMENTS 204180', 'CAFE shipment 20418', options)).toEqual(['   [Café] [SHIPMENTS] 204180']);
});

test('what the text holds cannot move the cursor', () => {
  expect(passage('evil \u001b[2J text', 'text', options)).toEqual(['   evil \\u001b[2J [text]']);
});
