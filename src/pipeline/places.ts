import type { DocumentPlace, RecordsStore } from '../../lib/contracts/store.ts';
import type { Candidate, Verdict } from './classify.ts';
import type { DocumentInput, PreparedDocument } from './document.ts';

/** What places are looked up with. */
interface PlacesSession {
  readonly plan: { readonly documentId: string | null; readonly group: string };
  readonly parts: { readonly stores: { readonly records: Pick<RecordsStore, 'placedAt'> } };
  readonly signal: AbortSignal;
}

/** Candidates as the documents that they are: one that lies in a further place of a known document is that document. */
export async function knownByPlace(
  candidates: readonly Candidate[],
  sourceName: string,
  { plan, parts, signal }: PlacesSession,
): Promise<Candidate[]> {
  const joining = candidates.filter((candidate) => isJoining(candidate, plan));
  const known = new Map<string, string>();
  for (const [source, own] of Map.groupBy(joining, ({ item }) => item.staged?.source ?? sourceName)) {
    const uris = own.map(({ item }) => item.uri);
    const placed = await parts.stores.records.placedAt(uris, { source, group: plan.group }, signal);
    for (const [uri, documentId] of placed) known.set(uri, documentId);
  }
  return candidates.map((candidate) => {
    const documentId = known.get(candidate.item.uri);
    return documentId === undefined ? candidate : { ...candidate, documentId, isKnownPlace: true };
  });
}

/** A document is written once at a time: where it is to be read from several places, the first is taken. */
export function withoutRepeated(verdicts: readonly Verdict[]): Verdict[] {
  const seen = new Set<string>();
  return verdicts.filter((verdict) => {
    if (verdict.kind !== 'process') return true;
    const isFirst = !seen.has(verdict.input.documentId);
    seen.add(verdict.input.documentId);
    return isFirst;
  });
}

/** The places of unchanged documents that their versions do not tell. */
export async function furtherPlaces(
  verdicts: readonly Verdict[],
  plan: PlacesSession['plan'],
  placesOf: (documentIds: readonly string[]) => Promise<readonly DocumentPlace[]>,
): Promise<DocumentPlace[]> {
  const met = verdicts.flatMap((verdict) => {
    if (verdict.kind !== 'unchanged' || !isJoining(verdict.candidate, plan)) return [];
    const { item } = verdict.candidate;
    return [{ ...placeOf(verdict.current.documentId, item), isOwn: verdict.current.sourceUri === item.uri }];
  });
  if (met.length === 0) return [];
  const noted = await placesOf(met.map(({ documentId }) => documentId));
  const known = new Set(noted.map(keyOf));
  const several = new Set(noted.map(({ documentId }) => documentId));
  return met
    .filter((place) => !known.has(keyOf(place)) && (!place.isOwn || several.has(place.documentId)))
    .map(({ isOwn: _isOwn, ...place }) => place);
}

/** A document that is not written, because its bytes are those of another. */
export interface JoinedDocument {
  readonly input: PreparedDocument;
  /** Where the other one is met, too. */
  readonly place: DocumentPlace;
  /** The other one's version, where it is not of the same batch; else null. */
  readonly version: number | null;
}

/** New documents of the same bytes as a known one, or as one that comes before them: they become further places of that. */
export async function joinedWithOthers(
  prepared: readonly PreparedDocument[],
  {
    plan,
    parts,
    signal,
  }: Pick<PlacesSession, 'plan' | 'signal'> & {
    readonly parts: { readonly stores: { readonly records: Pick<RecordsStore, 'ofContent'> } };
  },
): Promise<JoinedDocument[]> {
  const joined: JoinedDocument[] = [];
  const fresh = prepared
    .filter((input) => isJoining(input, plan) && input.baseVersion === null)
    .sort((a, b) => (a.item.uri < b.item.uri ? -1 : 1));
  for (const [source, own] of Map.groupBy(fresh, ({ sourceName }) => sourceName)) {
    const digests = own.map(({ file }) => file.digest);
    const known = await parts.stores.records.ofContent(digests, { source, group: plan.group }, signal);
    const firsts = new Map<string, string>();
    for (const input of own) {
      const { documentId, file, item } = input;
      const other = known.get(file.digest);
      const first = firsts.get(file.digest);
      if (other !== undefined) joined.push({ input, place: placeOf(other.documentId, item), version: other.version });
      else if (first !== undefined) joined.push({ input, place: placeOf(first, item), version: null });
      else firsts.set(file.digest, documentId);
    }
  }
  return joined;
}

/** A document that somebody named is that document, whatever is in it. */
export function isJoining(
  { parentId, item }: Pick<DocumentInput, 'parentId' | 'item'>,
  { documentId }: PlacesSession['plan'],
): boolean {
  return parentId === null && item.isOnePerContent === true && documentId === null;
}

function placeOf(documentId: string, { uri, metadata = {} }: DocumentInput['item']): DocumentPlace {
  return { documentId, sourceUri: uri, metadata };
}

function keyOf({ documentId, sourceUri }: DocumentPlace): string {
  return JSON.stringify([documentId, sourceUri]);
}
