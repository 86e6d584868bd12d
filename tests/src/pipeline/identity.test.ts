import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ancestorIdsOf, attachmentIdOf, documentIdOf, documentUuid } from '../../../src/pipeline/identity.ts';

describe('the id of a document that its user did not name', () => {
  test('is fixed for ever: what is in a memory is found again', () => {
    expect(documentIdOf('local_upload', '/docs/contract.pdf', '')).toBe('doc-aa9474b628b8ee4ffdff0edb');
  });

  test('is a plain name whatever the source calls it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (source, id) => {
        expect(documentIdOf(source, id, '')).toMatch(/^doc-[0-9a-f]{24}$/);
      }),
    );
  });

  test('is another in another group', () => {
    const ids = ['', 'north', 'south'].map((group) => documentIdOf('a', 'b', group));
    expect(new Set(ids).size).toBe(3);
  });

  test('is another in another source, and where source and item are joined elsewhere', () => {
    expect(documentIdOf('a', 'bc', '')).not.toBe(documentIdOf('ab', 'c', ''));
    expect(documentIdOf('a","b', 'c', '')).not.toBe(documentIdOf('a', 'b","c', ''));
  });
});

describe('what came in a document', () => {
  test('is named by its place, and leads back to all it came in', () => {
    const inner = attachmentIdOf(attachmentIdOf('doc-1', 2), 11);
    expect(inner).toBe('doc-1.attachment-2.attachment-11');
    expect(ancestorIdsOf(inner)).toEqual(['doc-1', 'doc-1.attachment-2']);
  });

  test('a document that stands alone came in nothing', () => {
    expect(ancestorIdsOf('doc-1')).toEqual([]);
    expect(ancestorIdsOf('my.attachment')).toEqual([]);
  });
});

describe('the uuid of a document', () => {
  test('is a version 5 UUID, the same for the same id and group', () => {
    expect(documentUuid('default', 'DOC-123')).toBe('7b8d634a-76ea-52c2-93c1-415af6810160');
  });

  test('is another in another group', () => {
    expect(documentUuid('a', 'DOC-123')).not.toBe(documentUuid('b', 'DOC-123'));
  });
});
