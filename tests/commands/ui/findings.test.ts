import { expect, test } from 'vitest';
import { findingLines, verdictOf } from '../../../commands/ui/findings.ts';
import { ok, problem, warning } from '../../../lib/contracts/check.ts';
import type { NamedFinding } from '../../../src/doctor/doctor.ts';

const style = {
  strong: (text: string) => text,
  warning: (text: string) => `<w>${text}</w>`,
  failure: (text: string) => `<f>${text}</f>`,
};

const FINDINGS: readonly NamedFinding[] = [
  { name: 'memory', ...problem('MEMORY_DAMAGED', 'it is damaged', 'Restore it; or begin anew') },
  { name: 'data_directory', ...ok('/srv/apex') },
  { name: 'disk', ...warning('little room', 'Free space.') },
];

test('problems stand last, what to do below each with a line for each way, and colours go over whole findings', () => {
  expect(findingLines(FINDINGS, style)).toEqual([
    '✓ data directory  /srv/apex',
    '<w>! disk            warning: little room</w>',
    '<w>                  → Free space.</w>',
    '<f>✗ memory          problem: it is damaged</f>',
    '<f>                  → Restore it</f>',
    '<f>                  → or begin anew</f>',
  ]);
});

test('where the width is small the text goes on below, and a long word is never broken', () => {
  const long = `apex resume ${'x'.repeat(50)}`;
  const lines = findingLines([{ name: 'runs', ...warning('one is left', long) }], style, 40);
  expect(lines).toEqual([
    '<w>! runs  warning: one is left</w>',
    '<w>        → apex resume</w>',
    `<w>        ${'x'.repeat(50)}</w>`,
  ]);
  expect(findingLines([{ name: 'a_name_of_its_own', ...ok('fine') }], style, 40)).toEqual([
    '✓ a name of its own',
    '    fine',
  ]);
});

test('what was found is shown without its control characters', () => {
  expect(findingLines([{ name: 'a', ...ok('\u001b[31mred') }], style)).toEqual(['✓ a  \\u001b[31mred']);
});

test('the verdict counts what is not well', () => {
  expect(verdictOf(FINDINGS)).toBe('3 checks: 1 problem, 1 warning');
  expect(verdictOf(FINDINGS.slice(1, 2))).toBe('1 check: all is well');
});
