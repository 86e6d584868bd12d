import type { DocumentInput } from './document.ts';

/** The documents of a batch by what they came in: what is left of one is left of all, since an unchanged mail is never read again. */
export class Families {
  readonly #roots = new Map<string, string>();
  readonly #left = new Set<string>();

  /** Takes a document in; what it came in was taken before. */
  take({ documentId, parentId }: Pick<DocumentInput, 'documentId' | 'parentId'>): void {
    this.#roots.set(documentId, this.#rootOf({ documentId, parentId }));
  }

  /** Leaves a document for another time, and its whole family with it. */
  leave(input: Pick<DocumentInput, 'documentId' | 'parentId'>): void {
    this.#left.add(this.#rootOf(input));
  }

  isWhole(input: Pick<DocumentInput, 'documentId' | 'parentId'>): boolean {
    return !this.#left.has(this.#rootOf(input));
  }

  /** Ids of all documents that were taken and are left. */
  get left(): readonly string[] {
    return [...this.#roots].flatMap(([documentId, root]) => (this.#left.has(root) ? [documentId] : []));
  }

  #rootOf({ documentId, parentId }: Pick<DocumentInput, 'documentId' | 'parentId'>): string {
    return this.#roots.get(documentId) ?? (parentId === null ? documentId : (this.#roots.get(parentId) ?? parentId));
  }
}
