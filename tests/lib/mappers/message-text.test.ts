import { describe, expect, test } from 'vitest';
import { textOfHtml } from '../../../lib/mappers/html-text.ts';
import { messageText, withoutQuotes } from '../../../lib/mappers/message-text.ts';

describe('plain text keeps what its writer wrote', () => {
  test.each([
    [
      'Delivered.\n\nOn Sun, Oct 19, 2025 at 2:23 PM Dana <dana@acme.example> wrote:\n> Where is it?\n> Dana',
      'Delivered.',
    ],
    [
      'Delivered.\n\nOn Sun, Oct 19, 2025 at 2:23 PM Dana Okafor\n<dana@acme.example> wrote:\n\n> Where is it?',
      'Delivered.',
    ],
    ['Am So., 19. Okt. 2025 um 14:23 Uhr schrieb Dana <dana@acme.example>:\n> Wo?\n\nIn Chicago.', 'In Chicago.'],
    ['On Sun, Oct 19, 2025 Dana wrote:\nWhere is it?\nDana', ''],
    ['Yes.\n\n-----Original Message-----\nFrom: Dana\nWhere?', 'Yes.'],
    ['Yes.\n\nFrom: Dana <dana@acme.example>\nSent: Sunday, October 19, 2025 2:23 PM\nTo: Ops\n\nWhere?', 'Yes.'],
    ['> Where is it?\nIn Chicago.\n> And the seal?\nWhole.', 'In Chicago.\nWhole.'],
    ['In Chicago.\n-- \nDana Okafor\nAcme', 'In Chicago.'],
    ['In Chicago.\r\n\r\nSent from my iPhone', 'In Chicago.'],
    [
      '---------- Forwarded message ---------\nFrom: Dana\nSubject: Seal\n\nWhole.',
      '---------- Forwarded message ---------\nFrom: Dana\nSubject: Seal\n\nWhole.',
    ],
    ['On Monday we load.\nFrom: Chicago\nTo: Indianapolis', 'On Monday we load.\nFrom: Chicago\nTo: Indianapolis'],
    ['a -- b\n--- c', 'a -- b\n--- c'],
  ])('%j', (text, expected) => {
    expect(withoutQuotes(text)).toBe(expected);
  });
});

describe('HTML keeps what its writer wrote', () => {
  test.each([
    ['<div>Shipment <b>SHIP-1</b> delivered.</div>', 'Shipment SHIP-1 delivered.'],
    ['<p>One</p><p>Two<br>Three</p>', 'One\n\nTwo\nThree'],
    ['<div>Yes.</div><div class="gmail_quote">On … wrote:<blockquote>Where?</blockquote></div>', 'Yes.'],
    ['<blockquote type="cite">Where?</blockquote><p>Here &amp; now</p>', 'Here & now'],
    ['<p>Yes.</p><div id="divRplyFwdMsg">From: Dana</div><p>Where?</p>', 'Yes.'],
    ['<style>p{}</style><script>x()</script><p hidden>a</p><p style="display: none">b</p>Seen', 'Seen'],
    ['<table><tr><td>PRO</td><td>77120</td></tr></table>', 'PRO 77120'],
  ])('%s', (html, expected) => {
    expect(textOfHtml(html)).toBe(expected);
  });

  test('however deep it nests, and however many elements hold a space', () => {
    const started = performance.now();
    expect(textOfHtml(`${'<div>'.repeat(1_900)}deep`)).toBe('deep');
    expect(textOfHtml(`near${'<div>'.repeat(1_000_000)}deep`)).toBe('near');
    expect(textOfHtml(`${'<b> </b>'.repeat(200_000)}far`)).toBe('far');
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

test('a message has its plain text, else its body as what it is', () => {
  expect(messageText('plain', '<p>rich</p>')).toBe('plain');
  expect(messageText(null, '<p>rich</p>\n-- \n')).toBe('rich');
  expect(messageText(null, 'if a < b\nthen')).toBe('if a < b\nthen');
  expect(messageText(null, null)).toBe('');
});

test('a text of a million quotes is read in one pass', () => {
  const text = `${'> On a b c d e\n'.repeat(200_000)}${'On a b c d e\n'.repeat(200_000)}end`;
  const started = performance.now();
  expect(withoutQuotes(text).endsWith('end')).toBe(true);
  expect(performance.now() - started).toBeLessThan(5_000);
});
