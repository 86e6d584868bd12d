import { expect, test } from 'vitest';
import { Families } from '../../../src/pipeline/families.ts';

const of = (documentId: string, parentId: string | null = null) => ({ documentId, parentId });

test('what came in a document at any depth is left with it, and it with them; others are not', () => {
  const families = new Families();
  for (const input of [of('mail'), of('mail.1', 'mail'), of('mail.1.1', 'mail.1'), of('other')]) families.take(input);
  expect(families.left).toEqual([]);
  families.leave(of('mail.1.1', 'mail.1'));
  expect(families.left).toEqual(['mail', 'mail.1', 'mail.1.1']);
  // Found unchanged, so it was never taken.
  expect(families.isWhole(of('mail.2', 'mail'))).toBe(false);
  expect(families.isWhole(of('other'))).toBe(true);
});
