import type {
  AfterDocument,
  DocumentPlace,
  DocumentVersion,
  PlacedFilter,
  PlacesStore,
  SelectedDocument,
  VersionRecord,
} from '../../../lib/contracts/store.ts';

type Of = Pick<PlacedFilter, 'source' | 'group'>;

/** Places in memory. @param live gives the current versions. */
export class FakePlaces implements PlacesStore {
  readonly #live: () => readonly VersionRecord[];
  #noted: DocumentPlace[] = [];

  constructor(live: () => readonly VersionRecord[]) {
    this.#live = live;
  }

  async ofContent(contentDigests: readonly string[], of: Of): Promise<ReadonlyMap<string, DocumentVersion>> {
    const found = this.#of(of)
      .filter(
        ({ parentId, sourceVersion, contentDigest }) =>
          parentId === null && sourceVersion != null && contentDigests.includes(contentDigest),
      )
      .sort((a, b) => (a.documentId < b.documentId ? 1 : -1));
    return new Map(found.map(({ contentDigest, documentId, version }) => [contentDigest, { documentId, version }]));
  }

  async placedAt(sourceUris: readonly string[], of: Of): Promise<ReadonlyMap<string, string>> {
    const ids = new Set(this.#of(of).map(({ documentId }) => documentId));
    const found = this.#noted.filter(
      ({ documentId, sourceUri }) => ids.has(documentId) && sourceUris.includes(sourceUri),
    );
    return new Map(
      found
        .toSorted(byPlace)
        .reverse()
        .map(({ sourceUri, documentId }) => [sourceUri, documentId]),
    );
  }

  async placesOf(documentIds: readonly string[]): Promise<DocumentPlace[]> {
    const found = this.#noted.filter(({ documentId }) => documentIds.includes(documentId));
    return found.sort((a, b) => (a.documentId === b.documentId ? byPlace(a, b) : a.documentId < b.documentId ? -1 : 1));
  }

  async placesUnder(
    { uriPrefix, ...of }: PlacedFilter,
    { after, limit }: { readonly after: AfterDocument; readonly limit: number },
  ): Promise<SelectedDocument[]> {
    const versions = new Map(this.#of(of).map((record) => [record.documentId, record]));
    return this.#noted
      .filter(({ documentId, sourceUri }) => versions.has(documentId) && sourceUri.startsWith(uriPrefix))
      .filter((place) => after === null || byPlace(after, place) < 0)
      .sort(byPlace)
      .slice(0, limit)
      .map(({ documentId, sourceUri }) => {
        const { version, contentDigest } = versions.get(documentId)!;
        return { documentId, version, sourceUri, contentDigest };
      });
  }

  async notePlaces(places: readonly DocumentPlace[]): Promise<void> {
    for (const place of places) {
      const record = this.#live().find(({ documentId }) => documentId === place.documentId);
      if (record === undefined) continue;
      const { documentId, sourceUri, metadata } = record;
      const isKnown = this.#noted.some((noted) => noted.documentId === documentId);
      if (!isKnown && sourceUri === place.sourceUri) continue;
      if (!isKnown) this.#noted.push({ documentId, sourceUri, metadata: Object(metadata['origin'] ?? {}) });
      if (!this.#noted.some((noted) => noted.documentId === documentId && noted.sourceUri === place.sourceUri))
        this.#noted.push(place);
    }
  }

  async forgetPlaces(places: readonly Pick<DocumentPlace, 'documentId' | 'sourceUri'>[]): Promise<void> {
    const isForgotten = (noted: DocumentPlace) =>
      places.some(({ documentId, sourceUri }) => documentId === noted.documentId && sourceUri === noted.sourceUri);
    this.#noted = this.#noted.filter((noted) => !isForgotten(noted));
  }

  /** What is noted of deleted documents goes. */
  remove(documentIds: readonly string[]): void {
    this.#noted = this.#noted.filter(({ documentId }) => !documentIds.includes(documentId));
  }

  #of({ source, group }: Of): VersionRecord[] {
    return this.#live().filter((record) => record.source === source && record.group === group);
  }
}

type Placed = Pick<DocumentPlace, 'documentId' | 'sourceUri'>;

function byPlace(a: Placed, b: Placed): number {
  if (a.sourceUri !== b.sourceUri) return a.sourceUri < b.sourceUri ? -1 : 1;
  return a.documentId === b.documentId ? 0 : a.documentId < b.documentId ? -1 : 1;
}
