import { expect, test } from 'vitest';
import { artifact } from '../../../src/pipeline/artifact.ts';
import { FakeFolder } from '../../helpers/fakes/parts.ts';

/** Computes an artifact and counts how often that was needed. */
function openArtifact() {
  const folder = new FakeFolder();
  let computed = 0;
  return {
    folder,
    get computed() {
      return computed;
    },
    of: <T>(key: string, value: T) =>
      artifact(folder, 'parsed', key, async () => {
        computed += 1;
        return value;
      }),
  };
}

test('a result is computed once and read back equal', async () => {
  const left = openArtifact();
  const value = { text: 'Zürich\n"quoted"', numbers: [0.1, -1], nothing: null };
  expect(await left.of('key', value)).toEqual(value);
  expect(await left.of('key', { text: 'other' })).toEqual(value);
  expect(left.computed).toBe(1);
});

test('another key computes anew and takes the place of the old one', async () => {
  const left = openArtifact();
  await left.of('old', 1);
  expect(await left.of('new', 2)).toBe(2);
  expect(await left.of('old', 3)).toBe(3);
  expect(left.computed).toBe(3);
});

test('a failure leaves nothing', async () => {
  const left = openArtifact();
  const failing = artifact(left.folder, 'parsed', 'key', () => Promise.reject(new Error('failed')));
  await expect(failing).rejects.toThrow('failed');
  expect(await left.of('key', 'done')).toBe('done');
});
